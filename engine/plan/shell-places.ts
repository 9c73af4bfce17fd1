import { placeholders, type Placeholder } from './matrix.ts';

/** The parts of shell text in which a placeholder cannot be a separate word, as a quoted variable must be. */
export type Obstacle =
  | 'double quotes'
  | 'single quotes'
  | 'backquotes'
  | 'an expansion'
  | 'arithmetic'
  | 'a here-document'
  | 'a backslash'
  | 'a dollar';

/** A placeholder of a command line, with the obstacle around or before it. */
export interface Misplaced extends Placeholder {
  readonly obstacle: Obstacle;
}

/**
 * Returns the placeholders of a command line that cannot become a quoted variable. In quotes, the variable would be
 * text or several words; in arithmetic, some shells execute its value. Placeholders in comments have no effect and are
 * ignored.
 */
export function misplacedPlaceholders(command: string): readonly Misplaced[] {
  return new ShellReader(command).read();
}

/** The constructs of shell text around a place. A placeholder is a word only in the first three. */
type Inside =
  | 'command'
  | 'substitution'
  | 'subshell'
  | 'double quotes'
  | 'backquotes'
  | 'an expansion'
  | 'arithmetic'
  | 'parentheses of arithmetic';

interface HereDocument {
  readonly end: string;
  readonly hasTabs: boolean;
}

/** Scans a command line of `/bin/sh` once, just enough to find quoted parts. */
class ShellReader {
  readonly #text: string;
  readonly #placeholders: ReadonlyMap<number, Placeholder>;
  readonly #misplaced: Misplaced[] = [];
  readonly #inside: Inside[] = ['command'];
  /** The here-documents that begin on this line. Their texts follow it. */
  #hereDocuments: HereDocument[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#placeholders = new Map(placeholders(text).map(each => [each.start, each]));
  }

  read(): readonly Misplaced[] {
    while (this.#at < this.#text.length) this.#step();
    return this.#misplaced;
  }

  #step(): void {
    const inside = this.#inside.at(-1)!;
    const placeholder = this.#placeholders.get(this.#at);
    if (placeholder !== undefined) return this.#placeholder(placeholder, obstacleOf(inside));
    if (this.#is('\\')) return this.#behind('a backslash', 2);
    if (this.#placeholders.has(this.#at + 1) && this.#is('$')) return this.#behind('a dollar', 1);
    if (inside === 'backquotes') return this.#is('`') ? this.#leave(1) : this.#skip(1);
    if (inside === 'double quotes' && this.#is('"')) return this.#leave(1);
    if (inside === 'an expansion' && this.#is('}')) return this.#leave(1);
    if (inside === 'arithmetic' && this.#is('))')) return this.#leave(2);
    if (inside === 'parentheses of arithmetic' && this.#is(')')) return this.#leave(1);
    if (this.#is('$((')) return this.#enter('arithmetic', 3);
    if (this.#is('$(')) return this.#enter('substitution', 2);
    if (this.#is('${')) return this.#enter('an expansion', 2);
    if (this.#is('`')) return this.#enter('backquotes', 1);
    if (inside === 'double quotes') return this.#skip(1);
    if (this.#is('"')) return this.#enter('double quotes', 1);
    if (this.#is("'")) return this.#until("'", 'single quotes');
    if (obstacleOf(inside) === null) return this.#stepInCommand(inside);
    if (inside !== 'an expansion' && this.#is('(')) return this.#enter('parentheses of arithmetic', 1);
    this.#skip(1);
  }

  #stepInCommand(inside: Inside): void {
    if (this.#is(')') && inside !== 'command') return this.#leave(1);
    if (this.#is('((')) return this.#enter('arithmetic', 2);
    if (this.#is('(')) return this.#enter('subshell', 1);
    if (this.#is('#') && /(^|[\s;&|()])$/.test(this.#text.slice(0, this.#at))) return this.#comment();
    if (this.#is('<<<')) return this.#skip(3);
    if (this.#is('<<')) return this.#hereDocument();
    if (this.#is('\n')) return this.#endOfLine();
    this.#skip(1);
  }

  #is(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #skip(length: number): void {
    this.#at += length;
  }

  #enter(inside: Inside, length: number): void {
    this.#inside.push(inside);
    this.#skip(length);
  }

  #leave(length: number): void {
    this.#inside.pop();
    this.#skip(length);
  }

  #placeholder(placeholder: Placeholder, obstacle: Obstacle | null): void {
    if (obstacle !== null) this.#misplaced.push({ ...placeholder, obstacle });
    this.#at = placeholder.end;
  }

  /** Skips a character that changes the meaning of what follows. */
  #behind(obstacle: Obstacle, length: number): void {
    const placeholder = this.#placeholders.get(this.#at + 1);
    if (placeholder === undefined) this.#skip(length);
    else this.#placeholder(placeholder, obstacle);
  }

  /** Continues after the next `end`, or at the end of the text. */
  #until(end: string, obstacle: Obstacle | null): void {
    const found = this.#text.indexOf(end, this.#at + 1);
    this.#to(found === -1 ? this.#text.length : found + end.length, obstacle);
  }

  #to(end: number, obstacle: Obstacle | null): void {
    for (const placeholder of this.#placeholders.values())
      if (placeholder.start >= this.#at && placeholder.start < end && obstacle !== null)
        this.#misplaced.push({ ...placeholder, obstacle });
    this.#at = end;
  }

  #comment(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#to(end === -1 ? this.#text.length : end, null);
  }

  #hereDocument(): void {
    const [whole, tabs, word = ''] = /^<<(-?)[ \t]*((?:\\.|'[^']*'|"[^"]*"|[^\s;&|<>()'"\\])*)/.exec(
      this.#text.slice(this.#at),
    )!;
    this.#hereDocuments.push({ end: word.replace(/["'\\]/g, ''), hasTabs: tabs === '-' });
    this.#skip(whole.length);
  }

  #endOfLine(): void {
    this.#skip(1);
    for (const { end, hasTabs } of this.#hereDocuments.splice(0)) {
      let isOver = false;
      while (!isOver && this.#at < this.#text.length) {
        const lineEnd = this.#text.indexOf('\n', this.#at);
        const next = lineEnd === -1 ? this.#text.length : lineEnd + 1;
        const line = this.#text.slice(this.#at, lineEnd === -1 ? next : lineEnd);
        isOver = (hasTabs ? line.replace(/^\t+/, '') : line) === end;
        this.#to(next, 'a here-document');
      }
    }
  }
}

function obstacleOf(inside: Inside): Obstacle | null {
  switch (inside) {
    case 'command':
    case 'substitution':
    case 'subshell':
      return null;
    case 'parentheses of arithmetic':
      return 'arithmetic';
    default:
      return inside;
  }
}
