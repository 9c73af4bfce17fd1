import { namespaceFault, ROOT_NAMESPACE, shortened } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { readUsedNamespace } from '../home/used-namespace.ts';
import type { Context } from './verb.ts';

/**
 * Returns the namespace in use: that of the environment, otherwise the one that `spl namespace use` set for the home,
 * otherwise null.
 * @throws USAGE if the environment names an invalid namespace
 */
export async function usedNamespace(context: Pick<Context, 'settings' | 'env'>): Promise<string | null> {
  return inheritedNamespace(context) ?? readUsedNamespace(homePaths(context.settings.home));
}

/** Returns the value of `SPL_NAMESPACE`, or null if it is unset. @throws USAGE if it is not a namespace */
export function inheritedNamespace({ env }: Pick<Context, 'env'>): string | null {
  const id = env['SPL_NAMESPACE'];
  if (id === undefined || id === '') return null;
  const fault = namespaceFault(id);
  if (fault === undefined) return id;
  throw new FleetError('USAGE', `SPL_NAMESPACE is not a namespace: '${shortened(id)}' ${fault}`, {
    details: { variable: 'SPL_NAMESPACE' },
    hint: 'Set it to a namespace such as acme/web, or unset it.',
  });
}

/**
 * Acts in the named namespace, otherwise in the one in use. If the one in use is refused, the error names its origin.
 * @param find returns the namespace in use, or null
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
    ? `'${used}' comes from SPL_NAMESPACE. Choose another with --namespace, or change SPL_NAMESPACE.`
    : `'${used}' is the namespace in use of this home. Choose another with --namespace, or change it: spl namespace use ${ROOT_NAMESPACE}`;
  return new FleetError(code, message, {
    ...(details && { details }),
    hint: hint === undefined ? origin : `${hint}\n${origin}`,
    cause: thrown,
  });
}
