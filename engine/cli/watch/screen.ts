import type { Output } from '../host.ts';

/** Switches to the alternate screen, so that the previous content returns afterwards, and hides the cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[0J';

/** A whole terminal, redrawn in place. */
export class Screen {
  readonly #out: Output;
  #isOpen = false;

  constructor(out: Output) {
    this.#out = out;
  }

  enter(): void {
    this.#isOpen = true;
    this.#out.write(ENTER);
  }

  /** Shows as many of these lines as fit. Each must fit the width, or the terminal would wrap it. */
  show(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const { rows } = this.#out;
    const shown =
      lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
    // No line feed after the last line: at the bottom, it would scroll.
    this.#out.write(`${HOME}${shown.map(line => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`);
  }

  /** Restores the terminal. Idempotent. */
  leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.write(LEAVE);
  }
}
