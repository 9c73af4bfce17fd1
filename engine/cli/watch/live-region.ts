import type { Output } from '../host.ts';

const CURSOR_UP = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A`);
const CLEAR_BELOW = '\u001b[0J';

/** The last lines of a terminal's output, redrawn in place. */
export class LiveRegion {
  readonly #out: Output;
  #height = 0;
  #shown = '';

  constructor(out: Output) {
    this.#out = out;
  }

  /** Replaces the lines. Each must fit the width, or the terminal would wrap it. */
  show(lines: readonly string[]): void {
    const text = lines.map(line => `${line}\n`).join('');
    if (text === this.#shown) return;
    this.#shown = text;
    this.#out.write(`${CURSOR_UP(this.#height)}\r${CLEAR_BELOW}${text}`);
    this.#height = lines.length;
  }

  /** Prints whole lines above the region, and then the region. */
  print(above: Uint8Array, lines: readonly string[]): void {
    this.clear();
    this.#out.write(above);
    this.show(lines);
  }

  /** Removes the lines. Later output takes their place. */
  clear(): void {
    if (this.#height > 0) this.#out.write(`${CURSOR_UP(this.#height)}\r${CLEAR_BELOW}`);
    this.#height = 0;
    this.#shown = '';
  }
}
