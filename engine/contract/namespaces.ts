/** The namespace above all others: always there, and what a record that names none is in. */
export const ROOT_NAMESPACE = 'default';

/** A namespace and what lies above it, up to `default`: `a/b`, `a`, `default`. */
export function chainOf(id: string): readonly string[] {
  const chain: string[] = [];
  for (let at = id; at !== ROOT_NAMESPACE; at = parentOf(at)) chain.push(at);
  return [...chain, ROOT_NAMESPACE];
}

/** The namespace right above this one. */
export const parentOf = (id: string): string =>
  id.includes('/') ? id.slice(0, id.lastIndexOf('/')) : ROOT_NAMESPACE;

/** Whether one namespace is the other, or lies below it. */
export function isWithin(id: string, ancestor: string): boolean {
  return ancestor === ROOT_NAMESPACE || id === ancestor || id.startsWith(`${ancestor}/`);
}
