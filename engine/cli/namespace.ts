import { notYet } from './verb.ts';

/** Namespaces other than `default` belong to a later version. @throws NOT_SUPPORTED. */
export function requireDefaultNamespace(namespace: string | null): void {
  if (namespace !== null && namespace !== 'default') {
    throw notYet(`a namespace other than 'default' (here: '${namespace}')`);
  }
}
