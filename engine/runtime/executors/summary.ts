import { stripVTControlCharacters } from 'node:util';
import { SUMMARY_CHARS } from './executor.ts';

/** Enough for SUMMARY_CHARS of any language, and for the control sequences that are removed from them. */
const TAIL_BYTES = 16 * 1024;

// Terminal control characters, except line feed and tab.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Keeps the last bytes of a stream of any length, in constant memory. */
export class OutputTail {
  #bytes: Buffer = Buffer.alloc(0);
  #cut = false;

  /** Copies the needed part of the chunk. */
  add(chunk: Uint8Array): void {
    const whole = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#cut ||= this.#bytes.length + chunk.length > TAIL_BYTES;
    this.#bytes = Buffer.from(whole.subarray(-TAIL_BYTES));
  }

  /**
   * Returns the last lines as text for people: at most SUMMARY_CHARS UTF-16 code units, valid Unicode, no control
   * characters but `\n` and `\t`.
   */
  summary(): string {
    // Half a character at the start would look like damage in the command's output.
    const bytes = this.#cut ? this.#bytes.subarray(firstWholeCharacter(this.#bytes)) : this.#bytes;
    return lastLines(readable(new TextDecoder().decode(bytes)), this.#cut);
  }
}

/** Cuts a text to at most `chars` UTF-16 code units; a cut text ends in `…` after a whole character. */
export function cutToLength(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const end = chars - 1;
  return `${text.slice(0, isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end)}…`;
}

/** Removes terminal control; a carriage return, with or without a line feed, ends a line. */
export function readable(text: string): string {
  return stripVTControlCharacters(text).replace(/\r\n?/g, '\n').replace(CONTROL, '');
}

function lastLines(text: string, cut: boolean): string {
  const whole = text.trimEnd();
  if (whole.length <= SUMMARY_CHARS && !cut) return whole;
  const end = whole.slice(-SUMMARY_CHARS);
  const lineEnd = end.indexOf('\n');
  // Starts with a whole line, unless the last line alone is longer than a summary.
  if (lineEnd !== -1) return end.slice(lineEnd + 1);
  return isLowSurrogate(end.charCodeAt(0)) ? end.slice(1) : end;
}

function firstWholeCharacter(bytes: Uint8Array): number {
  let start = 0;
  while (start < 3 && start < bytes.length && isContinuation(bytes[start])) start += 1;
  return start;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
