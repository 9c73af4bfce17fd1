/** The shortest time between two announcements, in milliseconds. The last one does not wait. */
const INTERVAL_MS = 5000;

/** Limits how often a screen reader announces a text that changes often. */
export class Announcer {
  readonly #sayable: () => string;
  readonly #onSaid: () => void;
  #said = '';
  #saidAtMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param sayable returns the text to announce now
   * @param onSaid called when `said` has changed
   */
  constructor(sayable: () => string, onSaid: () => void) {
    this.#sayable = sayable;
    this.#onSaid = onSaid;
  }

  /** The text to read out. */
  get said(): string {
    return this.#said;
  }

  /** Announces the text if it has changed. @param last true for the last text, which does not wait */
  tell(last: boolean): void {
    if (this.#sayable() === this.#said || (this.#timer !== undefined && !last)) return;
    clearTimeout(this.#timer);
    const waitMs = last ? 0 : Math.max(0, this.#saidAtMs + INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => this.#announce(), waitMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #announce(): void {
    this.#timer = undefined;
    this.#saidAtMs = performance.now();
    // The text is read at the time of the announcement.
    this.#said = this.#sayable();
    this.#onSaid();
  }
}
