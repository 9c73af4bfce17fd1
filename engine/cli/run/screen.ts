import type { Output } from '../host.ts';
import { LiveRegion } from '../watch/live-region.ts';

/** The interval at which running times are redrawn, in milliseconds. */
const REDRAW_MS = 1_000;

/** The lines of a run, with the progress below them on a terminal. */
export class Screen {
  readonly #out: Output;
  readonly #region: LiveRegion | null;
  readonly #progress: () => readonly string[];
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param progress returns the lines of the progress; null shows none */
  constructor(out: Output, progress: (() => readonly string[]) | null) {
    this.#out = out;
    this.#progress = progress ?? (() => []);
    this.#region = progress === null ? null : new LiveRegion(out);
    if (progress !== null) this.#timer = setInterval(() => this.draw(), REDRAW_MS);
  }

  /** True where the progress is shown. */
  get isDrawn(): boolean {
    return this.#region !== null;
  }

  draw(): void {
    this.#region?.show(this.#progress());
  }

  /**
   * Prints whole lines, and waits until the reader has taken them.
   * @throws ReaderGone
   */
  async print(lines: Uint8Array): Promise<void> {
    if (lines.length === 0) return;
    if (this.#region === null) this.#out.write(lines);
    else this.#region.print(lines, this.#progress());
    await this.#out.flush();
  }

  /** Removes the progress. */
  end(): void {
    clearInterval(this.#timer);
    this.#region?.clear();
  }
}
