import { Scalar } from 'yaml';

/**
 * Returns the offset in the file of each character of a scalar's value. A fault inside a string can then be shown where
 * it was written, whatever the quotes, escapes and foldings around it.
 * @param source the text of the whole file
 * @param range the place of the scalar, including quotes and indicators
 * @returns an offset for each UTF-16 code unit of the value, and one for its end; never descending
 */
export function scalarOffsets(
  source: string,
  { type, value }: { readonly type: Scalar.Type | undefined; readonly value: string },
  range: readonly [start: number, end: number],
): readonly number[] {
  const walk = new Walk(source, range);
  if (type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE) walk.skip(1);
  else if (type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED) walk.skipLine();
  const isDouble = type === Scalar.QUOTE_DOUBLE;
  const isSingle = type === Scalar.QUOTE_SINGLE;
  const offsets: number[] = [];
  for (let at = 0; at < value.length; at++) {
    const character = value[at]!;
    offsets.push(walk.find(character, { isDouble, isSingle }));
  }
  offsets.push(Math.max(walk.at, offsets.at(-1) ?? walk.at));
  return offsets;
}

const ESCAPE = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|[^])/y;

/** Walks the written text along with the value. */
class Walk {
  readonly #source: string;
  readonly #end: number;
  at: number;

  constructor(source: string, [start, end]: readonly [number, number]) {
    this.#source = source;
    this.at = start;
    this.#end = end;
  }

  skip(characters: number): void {
    this.at += characters;
  }

  skipLine(): void {
    const end = this.#source.indexOf('\n', this.at);
    this.at = end === -1 || end >= this.#end ? this.#end : end + 1;
  }

  /** Moves past a character of the value. @returns its position in the text */
  find(character: string, { isDouble, isSingle }: { isDouble: boolean; isSingle: boolean }): number {
    const isSpace = character === ' ' || character === '\n';
    while (this.at < this.#end) {
      const here = this.at;
      const written = this.#source[here]!;
      if (isDouble && written === '\\') {
        const length = this.#escape();
        this.at += length;
        // A line continuation adds nothing to the value.
        if (/^\\\r?\n/.test(this.#source.slice(here, here + 3))) continue;
        return here;
      }
      if (written === character) {
        this.at += isSingle && written === "'" ? 2 : 1;
        return here;
      }
      // Lines are folded into a space and indented. White space that is not in the value stands for that space, or for
      // nothing.
      if (isSpace && /[ \t\r\n]/.test(written)) {
        this.#skipSpace();
        return here;
      }
      if (!/[ \t\r\n]/.test(written)) return here;
      this.at += 1;
    }
    return this.#end;
  }

  #escape(): number {
    ESCAPE.lastIndex = this.at;
    return ESCAPE.exec(this.#source)?.[0].length ?? 1;
  }

  #skipSpace(): void {
    while (this.at < this.#end && /[ \t\r\n]/.test(this.#source[this.at]!)) this.at += 1;
  }
}
