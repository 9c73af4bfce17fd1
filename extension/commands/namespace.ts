import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { policyParts, usageLines } from '../../engine/contract/effective.ts';
import { plural, table } from '../../engine/contract/format.ts';
import { namespaceFault, parentOf, ROOT_NAMESPACE, shortened } from '../../engine/contract/namespaces.ts';
import { FleetError } from '../../engine/errors.ts';
import { asCommand } from '../command-registry.ts';
import { confirm, offer } from '../messages.ts';
import { engine, type Handler } from './context.ts';
import { copy } from './instance.ts';
import { pickNamespace } from './pick.ts';
import { notify } from './progress.ts';

/** Commands on a namespace. The kill switch has the commands that freeze and release one. */

const isActive = ({ status }: NamespaceDocument): boolean => status === 'active';
const isNotRoot = ({ id }: NamespaceDocument): boolean => id !== ROOT_NAMESPACE;

/** Asks for the name of a new namespace, below the chosen one, and for its description. */
export const newNamespace: Handler<'fleet.newNamespace'> = async (context, target) => {
  const client = await engine(context);
  const above = target !== undefined && target.id !== ROOT_NAMESPACE ? `${target.id}/` : '';
  const title = vscode.l10n.t('New Namespace');
  const id = await vscode.window.showInputBox({
    title: `${title} (1/2)`,
    prompt: vscode.l10n.t('Its name, below what must be there already: acme, then acme/web.'),
    value: above,
    valueSelection: [above.length, above.length],
    ignoreFocusOut: true,
    validateInput: text => faultOf(client, text),
  });
  if (id === undefined) return;
  const description = await vscode.window.showInputBox({
    title: `${title} (2/2)`,
    prompt: vscode.l10n.t('What is it for? Enter for no description.'),
    ignoreFocusOut: true,
  });
  if (description === undefined) return;
  await client.submit('namespace.create', { id, description: description.trim() || null });
  notify(vscode.l10n.t('Created {0}', id));
};

/** Returns the fault of a new namespace's name, by the engine's rules and the existing namespaces. */
async function faultOf(client: EngineClient, id: string): Promise<string | undefined> {
  if (id === '' || id.endsWith('/')) return vscode.l10n.t('A namespace has a name.');
  const fault = namespaceFault(id);
  if (fault !== undefined) return `'${shortened(id)}' ${fault}`;
  const there = await found(client, id);
  if (there !== undefined && there.own_status !== 'deleted')
    return there.own_status === 'archived'
      ? vscode.l10n.t('{0} is archived. Revive it instead.', id)
      : vscode.l10n.t('{0} is there already.', id);
  const parent = await found(client, parentOf(id));
  if (parent?.status !== 'active') return vscode.l10n.t('{0} is not there, or not active.', parentOf(id));
  return undefined;
}

async function found(client: EngineClient, namespace: string): Promise<NamespaceDocument | undefined> {
  try {
    return await client.report('namespace', { namespace });
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND')) return undefined;
    throw thrown;
  }
}

/** Archives a namespace. Asks for confirmation if other namespaces lie below it. */
export const archiveNamespace: Handler<'fleet.archiveNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which namespace is to be archived?');
  const isFit = (each: NamespaceDocument): boolean => isNotRoot(each) && each.own_status === 'active';
  const namespace = await pickNamespace(context, target, placeHolder, isFit);
  if (namespace === undefined) return;
  const { id, children } = namespace;
  if (children > 0 && !(await confirmArchive(id, children))) return;
  await (await engine(context)).submit('namespace.archive', { namespace: id });
  const revive = asCommand('fleet.reviveNamespace', vscode.l10n.t('Revive'), { kind: 'namespace', id });
  // The command does not wait for the user's answer.
  void offer('info', vscode.l10n.t('{0} is archived.', id), revive);
};

function confirmArchive(id: string, children: number): Promise<boolean> {
  const detail = vscode.l10n.t(
    '{0} right below it. Nothing new is let in there and nothing starts until it is revived; what runs may end.',
    plural(children, 'namespace'),
  );
  const message = vscode.l10n.t('Archive {0}, with all below it?', id);
  return confirm(message, detail, vscode.l10n.t('Archive'));
}

/** Makes an archived namespace active again, with all namespaces below it. */
export const reviveNamespace: Handler<'fleet.reviveNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which namespace is to be active again?');
  const isFit = ({ own_status: own }: NamespaceDocument): boolean => own === 'archived';
  const namespace = await pickNamespace(context, target, placeHolder, isFit);
  if (namespace === undefined) return;
  const { id } = namespace;
  await (await engine(context)).submit('namespace.create', { id, description: null });
  notify(vscode.l10n.t('{0} is active again', id));
};

/**
 * Deletes a namespace after confirmation. The engine refuses while anything in the namespace is active or unfinished.
 */
export const deleteNamespace: Handler<'fleet.deleteNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which namespace is to be deleted?');
  const namespace = await pickNamespace(context, target, placeHolder, isNotRoot);
  if (namespace === undefined) return;
  const { id } = namespace;
  const detail = vscode.l10n.t(
    'It is no longer listed, and its description and policy are forgotten. Its records stay in the log.',
  );
  const message = vscode.l10n.t('Delete {0}?', id);
  if (!(await confirm(message, detail, vscode.l10n.t('Delete')))) return;
  await (await engine(context)).submit('namespace.delete', { namespace: id });
  notify(vscode.l10n.t('Deleted {0}', id));
};

/** Shows the effective policy of a namespace, and the source of each part. */
export const showEffectivePolicy: Handler<'fleet.showEffectivePolicy'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('The policy of which namespace?');
  const namespace = await pickNamespace(context, target, placeHolder);
  if (namespace === undefined) return;
  const { id } = namespace;
  const effective = await (await engine(context)).report('namespace.effective', { namespace: id });
  const rows = policyParts(effective).map(({ part, holds, setBy }) => [part, holds, setBy.join(', ')]);
  const { archived_by: by, usage } = effective;
  const text = [
    vscode.l10n.t('Effective policy of {0}', id),
    ...(by === null ? [] : [vscode.l10n.t('{0} is archived: new work is refused, and nothing starts.', by)]),
    '',
    ...table([vscode.l10n.t('policy'), vscode.l10n.t('what holds'), vscode.l10n.t('set by')], rows),
    ...(usage.length === 0 ? [] : ['', vscode.l10n.t('Usage, with everything below:'), ...usageLines(usage)]),
    '',
  ];
  await context.documents.show(`${id} policy.txt`, text.join('\n'));
};

/** Sets the namespace of this workspace, for its new tasks and its terminals. */
export const useNamespace: Handler<'fleet.useNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('In which namespace is this workspace to work?');
  const namespace = await pickNamespace(context, target, placeHolder, isActive);
  if (namespace === undefined) return;
  await writeSetting(namespace.id);
  notify(vscode.l10n.t('New tasks of this workspace are made in {0}', namespace.id));
};

/** Removes the namespace from this workspace's settings. The user's own setting applies again. */
export const clearNamespace: Handler<'fleet.clearNamespace'> = async () => {
  await writeSetting(undefined);
  notify(vscode.l10n.t('This workspace names no namespace any more'));
};

function writeSetting(id: string | undefined): Thenable<void> {
  const configuration = vscode.workspace.getConfiguration('fleet');
  return configuration.update('namespace', id, vscode.ConfigurationTarget.Workspace);
}

export const copyNamespace: Handler<'fleet.copyNamespace'> = async (context, target) => {
  const namespace = await pickNamespace(context, target, vscode.l10n.t('Whose name?'));
  if (namespace !== undefined) await copy(namespace.id);
};
