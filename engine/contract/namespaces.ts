/** The root of all namespaces. It always exists, and contains records that name no namespace. */
export const ROOT_NAMESPACE = 'default';

/** Returns a namespace and its ancestors, up to `default`: `a/b`, `a`, `default`. */
export function chainOf(id: string): readonly string[] {
  const chain: string[] = [];
  for (let at = id; at !== ROOT_NAMESPACE; at = parentOf(at)) chain.push(at);
  return [...chain, ROOT_NAMESPACE];
}

/** Returns the parent of a namespace. */
export const parentOf = (id: string): string =>
  id.includes('/') ? id.slice(0, id.lastIndexOf('/')) : ROOT_NAMESPACE;

/** Returns true when `id` is `ancestor` or lies below it. */
export function isWithin(id: string, ancestor: string): boolean {
  return ancestor === ROOT_NAMESPACE || id === ancestor || id.startsWith(`${ancestor}/`);
}

/** The names of the namespace levels by depth, starting at `default`. The last is the deepest. */
export const NAMESPACE_LEVELS = ['DEFAULT', 'ORG', 'PROJECT', 'ENV', 'JOB'] as const;

const SEGMENT = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_ID_CHARS = 256;

/** Returns the fault of an id, as the end of a sentence; undefined without one. */
export function namespaceFault(id: string): string | undefined {
  if (id === ROOT_NAMESPACE) return undefined;
  const segments = id.split('/');
  if (id.length > MAX_ID_CHARS) return `has more than ${MAX_ID_CHARS} characters`;
  if (segments.length >= NAMESPACE_LEVELS.length)
    return `has ${segments.length} levels; the most are ${NAMESPACE_LEVELS.length - 1}`;
  if (segments[0] === ROOT_NAMESPACE) return `begins with '${ROOT_NAMESPACE}', which is implied`;
  const wrong = segments.find(segment => !SEGMENT.test(segment));
  return wrong === undefined
    ? undefined
    : `has the segment '${shortened(wrong)}', which is not 1 to 63 of a-z 0-9 _ - beginning with a letter or digit`;
}

/** Shortens an id for a message. The id may be invalid, and so of any length. */
export const shortened = (id: string): string => (id.length > 80 ? `${id.slice(0, 80)}…` : id);
