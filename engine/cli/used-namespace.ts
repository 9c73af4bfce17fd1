import { namespaceFault, ROOT_NAMESPACE, shortened } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { readUsedNamespace } from '../home/used-namespace.ts';
import type { Context } from './verb.ts';

/**
 * The namespace in use: the environment's or, where it names none, what `spl namespace use` chose for the home. Null for none.
 * @throws USAGE when the environment names what is no namespace.
 */
export async function usedNamespace(context: Pick<Context, 'settings' | 'env'>): Promise<string | null> {
  return inheritedNamespace(context) ?? readUsedNamespace(homePaths(context.settings.home));
}

/** Returns the value of `SPL_NAMESPACE`, which may hold for one terminal or for all of a workspace. @throws USAGE */
export function inheritedNamespace({ env }: Pick<Context, 'env'>): string | null {
  const id = env['SPL_NAMESPACE'];
  if (id === undefined || id === '') return null;
  const fault = namespaceFault(id);
  if (fault === undefined) return id;
  throw new FleetError('USAGE', `SPL_NAMESPACE is no namespace: '${shortened(id)}' ${fault}`, {
    details: { variable: 'SPL_NAMESPACE' },
    hint: 'Set it to one such as acme/web, or leave it out.',
  });
}

/**
 * Does something in the namespace that was named or, where none was, in the one in use; a refusal then says where that
 * came from.
 * @param find what is taken of the one in use; null for none.
 */
export async function inNamespace<T>(
  context: Context,
  named: string | null,
  act: (namespace: string | null) => Promise<T>,
  find: () => Promise<string | null> = () => usedNamespace(context),
): Promise<T> {
  if (named !== null) return act(named);
  const used = await find();
  try {
    return await act(used);
  } catch (thrown) {
    throw used === null ? thrown : withItsOrigin(thrown, used, inheritedNamespace(context) !== null);
  }
}

function withItsOrigin(thrown: unknown, used: string, isInherited: boolean): unknown {
  if (!FleetError.is(thrown, 'NAMESPACE_REJECTED') && !FleetError.is(thrown, 'NAMESPACE_FROZEN'))
    return thrown;
  const { code, message, details, hint } = thrown;
  const origin = isInherited
    ? `'${used}' is in use because SPL_NAMESPACE says so; take another with --namespace, or set it anew`
    : `'${used}' is in use at this home; take another with --namespace, or for good: spl namespace use ${ROOT_NAMESPACE}`;
  return new FleetError(code, message, {
    ...(details && { details }),
    hint: hint === undefined ? origin : `${hint}\n${origin}`,
    cause: thrown,
  });
}
