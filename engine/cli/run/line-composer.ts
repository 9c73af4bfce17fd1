import { GraphicRendition } from './graphic-rendition.ts';

/** The longest line that is kept whole, in bytes. A longer one is printed as several. */
const MAX_LINE_BYTES = 64 * 1024;
/** The longest escape sequence that is kept whole at the end of such a part. */
const MAX_SEQUENCE_BYTES = 256;

/** Matches bytes that do more than add a character to a line: controls, in either encoding, except tabs. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/;
/** Matches a carriage return, the parameters of an `m` sequence, and other sequences and controls. */
const TOKEN =
  /(\r)|\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-~]|[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/g;
/** Matches the beginning of a sequence. */
const INCOMPLETE = /^\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*|[PX^_][^\x1b]*|[ -/]*)$/;
const NOTHING = Buffer.alloc(0);
const NEWLINE = 10;
const TAB = 9;
const RESET = '\u001b[0m';

/**
 * Makes lines of a subtask's output, each with a prefix. Yields whole lines only, so that those of several subtasks can
 * be mixed. Of a line that carriage returns rewrite, as a progress bar is, only the last state remains. Colours go on
 * in the next line and end with each line. Other sequences, which would move the cursor, are removed; all other bytes
 * stay as they are, whatever their encoding.
 *
 * Texts in here have one character per byte.
 */
export class LineComposer {
  readonly #prefix: string;
  readonly #rendition = new GraphicRendition();
  #rest = '';

  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix).toString('latin1');
  }

  /** @returns the lines that are complete now */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = bytes.lastIndexOf(NEWLINE);
    const whole = end === -1 ? NOTHING : this.#whole(this.#rest, bytes.subarray(0, end + 1));
    this.#rest = (end === -1 ? this.#rest : '') + bytes.toString('latin1', end + 1);
    const overlong = this.#overlong();
    return overlong === '' ? whole : Buffer.concat([whole, Buffer.from(overlong, 'latin1')]);
  }

  /** @returns the last line, if the output ended without a line break */
  end(): Uint8Array {
    const last = this.#rest === '' ? '' : this.#lines(this.#rest);
    this.#rest = '';
    return Buffer.from(last, 'latin1');
  }

  /** Returns whole lines, the first of which begins with `before`. Copies bytes where nothing is to be changed. */
  #whole(before: string, bytes: Buffer): Buffer {
    const count = plainLines(bytes);
    if (count === null || CONTROL.test(before) || this.#rendition.sequence !== '')
      return Buffer.from(this.#lines(before + bytes.toString('latin1', 0, bytes.length - 1)), 'latin1');
    const prefix = Buffer.from(this.#prefix, 'latin1');
    const lines = Buffer.allocUnsafe(before.length + bytes.length + count * prefix.length);
    let to = prefix.copy(lines);
    to += lines.write(before, to, 'latin1');
    for (let from = 0; from < bytes.length;) {
      // A call of copy takes longer than these few bytes.
      if (from > 0) for (let i = 0; i < prefix.length; i += 1) lines[to++] = prefix[i]!;
      const end = bytes.indexOf(NEWLINE, from) + 1;
      to += bytes.copy(lines, to, from, end);
      from = end;
    }
    return lines;
  }

  #lines(text: string): string {
    const prefix = this.#prefix;
    return text
      .split('\n')
      .map(line => `${prefix}${this.#line(line)}\n`)
      .join('');
  }

  #line(line: string): string {
    let shown = this.#rendition.sequence;
    let isReturned = false;
    const add = (text: string): void => {
      if (text === '') return;
      if (isReturned) shown = this.#rendition.sequence;
      isReturned = false;
      shown += text;
    };
    let at = 0;
    for (const token of line.matchAll(TOKEN)) {
      add(line.slice(at, token.index));
      at = token.index + token[0].length;
      if (token[1] !== undefined) isReturned = true;
      if (token[2] === undefined) continue;
      this.#rendition.apply(token[2]);
      if (!isReturned) shown += token[0];
    }
    add(line.slice(at));
    return this.#rendition.sequence === '' ? shown : `${shown}${RESET}`;
  }

  /** Prints a part of a line that is too long to be kept, without tearing a character or a sequence. */
  #overlong(): string {
    if (this.#rest.length <= MAX_LINE_BYTES) return '';
    const returned = this.#rest.lastIndexOf('\r', this.#rest.length - 2);
    const cut = returned > 0 ? returned : endOfWhole(this.#rest);
    const part = this.#lines(this.#rest.slice(0, cut));
    this.#rest = this.#rest.slice(cut);
    // Of the states of one line, only the last one is printed. The earlier ones may have set a colour.
    return returned > 0 ? '' : part;
  }
}

/**
 * Returns the number of lines; null where a control is among them. Passes four bytes at once where all are printable
 * ASCII: then none of the three has the highest bit of a byte set.
 */
function plainLines(bytes: Buffer): number | null {
  const head = -bytes.byteOffset & 3;
  if (bytes.length < head) return linesIn(bytes, 0, bytes.length);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  let count: number | null = linesIn(bytes, 0, head);
  for (let i = 0; i < words.length && count !== null; i += 1) {
    const word = words[i]!;
    if ((((word - 0x20202020) | (word + 0x01010101) | word) & 0x80808080) === 0) continue;
    count = added(count, linesIn(bytes, head + 4 * i, head + 4 * i + 4));
  }
  return added(count, linesIn(bytes, head + 4 * words.length, bytes.length));
}

const added = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b;

/** Returns the number of lines in a part of the bytes; null where a control is in it. */
function linesIn(bytes: Buffer, start: number, end: number): number | null {
  let count = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) count += 1;
    else if ((byte < 0x20 && byte !== TAB) || byte === 0x7f) return null;
    else if (byte === 0xc2 && (bytes[at + 1]! & 0xe0) === 0x80) return null;
  }
  return count;
}

/** Returns the end of the last whole character or sequence of a text. */
function endOfWhole(text: string): number {
  const escape = text.lastIndexOf('\u001b');
  if (escape > text.length - MAX_SEQUENCE_BYTES && INCOMPLETE.test(text.slice(escape))) return escape;
  let end = text.length;
  while (end > text.length - 4 && isContinued(text.charCodeAt(end - 1))) end -= 1;
  return end === text.length && text.charCodeAt(end - 1) < 0x80 ? end : end - 1;
}

const isContinued = (byte: number): boolean => (byte & 0xc0) === 0x80;
