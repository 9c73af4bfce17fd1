/** The length at which words are cut before they are compared. */
const MAX_COMPARED_CHARS = 64;
/** The minimum length of a word that is matched as a prefix: a shorter one matches too much. */
const MIN_PREFIX_CHARS = 3;

/**
 * Returns the name that `word` probably means: the nearest by Damerau-Levenshtein distance, without regard to case,
 * within a third of the word's length, else the only name that begins with it. Undefined when none is near.
 */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  const sought = word.slice(0, MAX_COMPARED_CHARS).toLowerCase();
  const cutOff = Math.max(1, Math.floor(sought.length / 3));
  let best: string | undefined;
  let bestDistance = cutOff + 1;
  const continued: string[] = [];
  for (const name of known) {
    const candidate = name.slice(0, MAX_COMPARED_CHARS).toLowerCase();
    if (sought.length >= MIN_PREFIX_CHARS && candidate.startsWith(sought)) continued.push(name);
    // Words without a common part are no typing error, however short both are.
    const limit = Math.min(bestDistance - 1, Math.max(sought.length, candidate.length) - 1);
    const distance = distanceWithin(sought, candidate, limit);
    if (distance !== undefined) [best, bestDistance] = [name, distance];
  }
  return best ?? (continued.length === 1 ? continued[0] : undefined);
}

/** Returns ` (did you mean 'x'?)` to append to an unknown word, or '' when no name is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const name = nearestName(word, known);
  return name === undefined ? '' : ` (did you mean '${name}'?)`;
}

/**
 * Returns the number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, with no
 * part edited twice; undefined when it exceeds `limit`.
 */
function distanceWithin(a: string, b: string, limit: number): number | undefined {
  if (limit < 0 || Math.abs(a.length - b.length) > limit) return undefined;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substituted, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  const distance = last[b.length]!;
  return distance <= limit ? distance : undefined;
}
