export { didYouMean, nearestName } from '../../record/near-names.ts';

/**
 * Returns a test whether a name matches a pattern such as `test-*`, where each star matches any characters or none.
 * Linear in both.
 */
export function likeness(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const between = parts.slice(1, -1);
  return name => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
      return false;
    let at = first.length;
    for (const part of between) {
      const found = name.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= name.length - last.length;
  };
}
