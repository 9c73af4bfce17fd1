import { namespaceFault, shortened } from '../../engine/contract/namespaces.ts';
import { FleetError } from '../../engine/errors.ts';
import { setting } from '../contributions.ts';

/** The namespace that this workspace works in, as the setting names it; null for none. */

/** Returns the fault of the setting, in words; undefined when it has none. */
export function workspaceNamespaceFault(): string | undefined {
  const id = setting('namespace');
  const fault = id === '' ? undefined : namespaceFault(id);
  return fault === undefined ? undefined : `'${shortened(id)}' ${fault}`;
}

/** @throws INVALID_RECORD when the setting names what is no namespace: the work would go elsewhere than was meant. */
export function workspaceNamespace(): string | null {
  const fault = workspaceNamespaceFault();
  if (fault === undefined) return setting('namespace') || null;
  throw new FleetError('INVALID_RECORD', `fleet.namespace is no namespace: ${fault}`, {
    hint: 'Change the setting fleet.namespace, or leave it out.',
  });
}

/** Returns the variables that tell `spl` in this workspace's terminals its namespace; none where it is unset or unsound. */
export function namespaceVariables(): { readonly SPL_NAMESPACE?: string } {
  const id = setting('namespace');
  return id === '' || workspaceNamespaceFault() !== undefined ? {} : { SPL_NAMESPACE: id };
}
