import { placeholders } from '../matrix.ts';

/** A name with placeholders as a pattern of all that it becomes: `test-${{ matrix.shard }}` is `test-*`. */
export function patternOf(name: string): string {
  let pattern = '';
  let at = 0;
  for (const { start, end } of placeholders(name)) {
    pattern += `${name.slice(at, start)}*`;
    at = end;
  }
  return (pattern + name.slice(at)).replace(/\*+/g, '*');
}
