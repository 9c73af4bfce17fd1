/** A key that occurs twice in one object, and the position of the second occurrence, from 0. */
export interface RepeatedKey {
  readonly key: string;
  readonly position: number;
}

/** A string, or a sign that opens, separates or closes. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;

/** Counts the keys of all objects in a text. @param text JSON that parses */
export function countKeys(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start !== -1;) {
    let end = endOfString(text, start);
    while (isSpace(text.charCodeAt(end))) end++;
    if (text[end] === ':') count++;
    start = text.indexOf('"', end);
  }
  return count;
}

/** Returns the position after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
}

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/**
 * Returns the first key that occurs twice in one object. `JSON.parse` silently takes the last value.
 * @param text JSON that parses
 */
export function repeatedKey(text: string): RepeatedKey | undefined {
  /** The keys seen so far of each open object; null for a list. */
  const open: (Set<string> | null)[] = [];
  let isKey = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : null);
      isKey = token === '{';
    } else if (token === '}' || token === ']') {
      open.pop();
      isKey = false;
    } else if (token === ',') isKey = open.at(-1) != null;
    else if (isKey) {
      const keys = open.at(-1)!;
      const key = JSON.parse(token) as string;
      if (keys.has(key)) return { key, position: index };
      keys.add(key);
      isKey = false;
    }
  }
  return undefined;
}
