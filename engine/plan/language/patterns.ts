import { placeholders } from '../matrix.ts';

/**
 * Returns the pattern of all names that a name with placeholders can become: `test-${{ matrix.shard }}` gives `test-*`.
 */
export function patternOf(name: string): string {
  let pattern = '';
  let at = 0;
  for (const { start, end } of placeholders(name)) {
    pattern += `${name.slice(at, start)}*`;
    at = end;
  }
  return (pattern + name.slice(at)).replace(/\*+/g, '*');
}
