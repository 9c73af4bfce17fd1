import { namespaceFault, shortened } from '../../engine/contract/namespaces.ts';
import { FleetError } from '../../engine/errors.ts';
import { setting } from '../contributions.ts';

/** The namespace of this workspace, from its setting; null for none. */

/** Returns the fault of the setting, as a text; undefined if it has none. */
export function workspaceNamespaceFault(): string | undefined {
  const id = setting('namespace');
  const fault = id === '' ? undefined : namespaceFault(id);
  return fault === undefined ? undefined : `'${shortened(id)}' ${fault}`;
}

/**
 * Returns the namespace of this workspace. @throws INVALID_RECORD if the setting is not a namespace: the work would go
 * elsewhere than intended
 */
export function workspaceNamespace(): string | null {
  const fault = workspaceNamespaceFault();
  if (fault === undefined) return setting('namespace') || null;
  throw new FleetError('INVALID_RECORD', `fleet.namespace is no namespace: ${fault}`, {
    hint: 'Change the setting fleet.namespace, or leave it out.',
  });
}

/**
 * Returns the variables that give `spl` in this workspace's terminals its namespace; none if it is unset or invalid.
 */
export function namespaceVariables(): { readonly SPL_NAMESPACE?: string } {
  const id = setting('namespace');
  return id === '' || workspaceNamespaceFault() !== undefined ? {} : { SPL_NAMESPACE: id };
}
