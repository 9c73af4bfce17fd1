import { pan, zoom, type Domain } from './axis.ts';

/** Zooming within this of everything shows everything, and follows it as it grows. */
const WHOLE = 0.999;

/** The part of the time in sight, as people zoom and pan. At first it is everything, and follows that as it grows. */
export class TimeRange {
  #part: Domain | null = null;

  /** True where everything is in sight: there is nothing to pan to. */
  get isWhole(): boolean {
    return this.#part === null;
  }

  /** The part in sight of a whole. */
  of(whole: Domain): Domain {
    return this.#part ?? whole;
  }

  showAll(): void {
    this.#part = null;
  }

  /** @param anchor the moment that stays where it is, in seconds; the nearest one in sight where it is not */
  zoom(factor: number, anchor: number, whole: Domain): void {
    const part = this.of(whole);
    const next = zoom(part, factor, Math.min(part.to, Math.max(part.from, anchor)), whole);
    this.#part = next.to - next.from >= (whole.to - whole.from) * WHOLE ? null : next;
  }

  /** @param share of what is in sight; less than 0 goes back */
  pan(share: number, whole: Domain): void {
    if (this.#part !== null) this.#part = pan(this.#part, share, whole);
  }

  /** Pans so that a moment is in sight, a quarter from the left, unless it is already. @returns false where it was */
  reveal(at: number, whole: Domain): boolean {
    const part = this.#part;
    if (part === null || (at >= part.from && at <= part.to)) return false;
    const length = part.to - part.from;
    this.#part = pan({ from: at - length / 4, to: at + (length * 3) / 4 }, 0, whole);
    return true;
  }
}
