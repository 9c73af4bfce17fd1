import { ROOT_NAMESPACE } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { readUsedNamespace } from '../home/used-namespace.ts';
import type { Context } from './context.ts';

/** The namespace in use at the home of this call: `spl namespace use` chose it. Null for none. */
export function usedNamespace({ settings }: Pick<Context, 'settings'>): Promise<string | null> {
  return readUsedNamespace(homePaths(settings.home));
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
    throw used === null ? thrown : withItsOrigin(thrown, used);
  }
}

function withItsOrigin(thrown: unknown, used: string): unknown {
  if (!FleetError.is(thrown, 'NAMESPACE_REJECTED') && !FleetError.is(thrown, 'NAMESPACE_FROZEN'))
    return thrown;
  const { code, message, details, hint } = thrown;
  const origin = `'${used}' is in use at this home; take another with --namespace, or for good: spl namespace use ${ROOT_NAMESPACE}`;
  return new FleetError(code, message, {
    ...(details && { details }),
    hint: hint === undefined ? origin : `${hint}\n${origin}`,
    cause: thrown,
  });
}
