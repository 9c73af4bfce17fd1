/**
 * Makes an object to be copied by spread. V8 gives what it parses, and copies of it, room for all members in one block; members
 * that were added one by one lie apart, which doubles the cost of collecting 10,000 copies.
 */
export function templateOf<T extends object>(members: T): T {
  const orNull = (_: string, value: unknown): unknown => value ?? null;
  return Object.assign(JSON.parse(JSON.stringify(members, orNull)) as T, members);
}
