import { pan, zoom, type Domain } from './axis.ts';

/** The share of the whole from which a zoom shows everything, and follows it as it grows. */
const WHOLE = 0.999;

/**
 * The visible part of the time, as zoomed and panned. At first it is everything, and follows everything as it grows.
 */
export class TimeRange {
  #part: Domain | null = null;

  /** True if everything is visible: there is nothing to pan to. */
  get isWhole(): boolean {
    return this.#part === null;
  }

  /** Returns the visible part of a whole. */
  of(whole: Domain): Domain {
    return this.#part ?? whole;
  }

  showAll(): void {
    this.#part = null;
  }

  /**
   * @param anchor the moment that keeps its position, in seconds; if it is not visible, the nearest visible moment does
   */
  zoom(factor: number, anchor: number, whole: Domain): void {
    const part = this.of(whole);
    const next = zoom(part, factor, Math.min(part.to, Math.max(part.from, anchor)), whole);
    this.#part = next.to - next.from >= (whole.to - whole.from) * WHOLE ? null : next;
  }

  /** @param share of the visible part; a negative share moves back */
  pan(share: number, whole: Domain): void {
    if (this.#part !== null) this.#part = pan(this.#part, share, whole);
  }

  /**
   * Pans so that a moment is visible, a quarter from the left. Does nothing if it already is. @returns false if it
   * already was
   */
  reveal(at: number, whole: Domain): boolean {
    const part = this.#part;
    if (part === null || (at >= part.from && at <= part.to)) return false;
    const length = part.to - part.from;
    this.#part = pan({ from: at - length / 4, to: at + (length * 3) / 4 }, 0, whole);
    return true;
  }
}
