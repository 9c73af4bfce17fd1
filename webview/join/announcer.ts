/** The shortest time between two announcements of what changes fast, in milliseconds; its end is announced at once. */
const INTERVAL_MS = 5000;

/** Decides when a screen reader is told anew of something that changes often. */
export class Announcer {
  readonly #sayable: () => string;
  readonly #onSaid: () => void;
  #said = '';
  #saidAtMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param sayable what could be said now
   * @param onSaid called when `said` is another text
   */
  constructor(sayable: () => string, onSaid: () => void) {
    this.#sayable = sayable;
    this.#onSaid = onSaid;
  }

  /** The text to read out. */
  get said(): string {
    return this.#said;
  }

  /** There may be something new to say. @param last it is the last, and does not wait for the turn of what came before. */
  tell(last: boolean): void {
    if (this.#sayable() === this.#said || (this.#timer !== undefined && !last)) return;
    clearTimeout(this.#timer);
    const waitMs = last ? 0 : Math.max(0, this.#saidAtMs + INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => this.#say(), waitMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #say(): void {
    this.#timer = undefined;
    this.#saidAtMs = performance.now();
    // What is said is what holds by then.
    this.#said = this.#sayable();
    this.#onSaid();
  }
}
