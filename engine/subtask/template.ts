/**
 * Makes an object to copy by spread. V8 stores a parsed object, and copies of it, in one block. Members added one by
 * one are stored apart, which doubles the garbage collection time of 10,000 copies.
 */
export function templateOf<T extends object>(members: T): T {
  const orNull = (_: string, value: unknown): unknown => value ?? null;
  return Object.assign(JSON.parse(JSON.stringify(members, orNull)) as T, members);
}
