import * as v from 'valibot';
import * as vscode from 'vscode';
import type { EffectivePolicy, NamespaceDocument } from '../../engine/contract/documents.ts';
import { limitWords, policyParts } from '../../engine/contract/effective.ts';
import { oneLine, plural } from '../../engine/contract/format.ts';
import { isWithin, NAMESPACE_LEVELS, ROOT_NAMESPACE } from '../../engine/contract/namespaces.ts';
import { POLICY_LIMITS, policySchema, type PolicyLimit } from '../../engine/contract/policy.ts';
import { setting } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { holdsOf, type Hold } from '../model/holds.ts';
import { themed } from './appearance.ts';

/** The appearance of the rows of namespaces: what blocks one, what runs in it, and its purpose. */

/** The facts outside a namespace that determine its appearance. */
export interface Surroundings {
  readonly holds: readonly Hold[];
  /** The namespaces of the fan-outs that are under way. */
  readonly open: readonly string[];
  /** The namespace of this workspace; empty for none. */
  readonly used: string;
}

export function surroundingsOf({ fleet, tasks }: Pick<FleetModel, 'fleet' | 'tasks'>): Surroundings {
  const open = [...tasks.values()].flatMap(({ fan_out: fanOut }) =>
    fanOut?.under_way === true ? [fanOut.namespace] : [],
  );
  return { holds: holdsOf(fleet), open, used: setting('namespace') };
}

export function namespaceIcon(namespace: NamespaceDocument, { holds }: Surroundings): vscode.ThemeIcon {
  if (namespace.status === 'archived') return themed('archive', 'disabledForeground');
  const hold = holdOf(namespace.id, holds);
  if (hold === undefined) return themed(namespace.policy === null ? 'symbol-namespace' : 'law');
  return themed('lock', isOwn(hold, namespace.id) ? 'testing.iconErrored' : 'testing.iconQueued');
}

/** Returns the text beside the namespace's name. */
export function namespaceDescription(namespace: NamespaceDocument, around: Surroundings): string {
  const { id, description } = namespace;
  const open = around.open.filter(each => isWithin(each, id)).length;
  return [
    ...(around.used === id ? [vscode.l10n.t('in use here')] : []),
    ...closedWords(namespace),
    ...heldWords(id, around.holds),
    ...(open > 0 ? [vscode.l10n.t('{0} under way', plural(open, 'fan-out'))] : []),
    ...policyWords(namespace),
    ...(description === null ? [] : [oneLine(description, 80)]),
  ].join(' · ');
}

/** Returns the actions that the namespace allows, as words that menus test. */
export function namespaceContext(namespace: NamespaceDocument, { holds, used }: Surroundings): string {
  const { id, status, own_status: own, depth } = namespace;
  const isActive = status === 'active';
  const isRoot = id === ROOT_NAMESPACE;
  const isFrozen = holds.some(hold => isOwn(hold, id));
  const words = {
    creatable: isActive && depth < NAMESPACE_LEVELS.length - 1,
    usable: isActive && used !== id,
    used: used === id,
    freezable: !isFrozen,
    frozen: isFrozen,
    archivable: own === 'active' && !isRoot,
    revivable: own === 'archived',
    deletable: !isRoot,
  };
  return ['namespace', ...Object.entries(words).flatMap(([word, is]) => (is ? [word] : []))].join(' ');
}

/** Returns the tooltip of a namespace: the text of its row, then its effective policy with the source of each part. */
export function namespaceTooltip(
  namespace: NamespaceDocument,
  effective: EffectivePolicy,
  around: Surroundings,
): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendMarkdown(`**${namespace.id}** · ${namespace.level}\n\n`);
  // The description, the reason of a freeze and the names in a policy are text from elsewhere.
  text.appendText(namespaceDescription(namespace, around));
  const bounds = policyParts(effective).filter(({ setBy }) => setBy.length > 0);
  if (bounds.length === 0) {
    text.appendMarkdown(`\n\n${vscode.l10n.t('No policy bounds it.')}`);
    return text;
  }
  text.appendMarkdown(
    `\n\n| ${vscode.l10n.t('policy')} | ${vscode.l10n.t('what holds')} | ${vscode.l10n.t('set by')} |\n|---|---|---|\n`,
  );
  for (const { part, holds, setBy } of bounds) {
    text.appendMarkdown(`| ${part} | `);
    text.appendText(oneLine(holds, MAX_CELL));
    text.appendMarkdown(` | ${setBy.join(', ')} |\n`);
  }
  return text;
}

const MAX_CELL = 200;

/** Returns the hold on a namespace: its own, otherwise the emergency stop, otherwise the freeze nearest to the root. */
function holdOf(id: string, holds: readonly Hold[]): Hold | undefined {
  const all = holds.filter(({ namespace }) => namespace === null || isWithin(id, namespace));
  const depth = ({ namespace }: Hold): number =>
    namespace === null ? -1 : namespace === ROOT_NAMESPACE ? 0 : namespace.split('/').length;
  return all.find(hold => isOwn(hold, id)) ?? all.toSorted((a, b) => depth(a) - depth(b))[0];
}

const isOwn = ({ namespace }: Hold, id: string): boolean => namespace === id;

function heldWords(id: string, holds: readonly Hold[]): readonly string[] {
  const hold = holdOf(id, holds);
  if (hold === undefined) return [];
  if (hold.namespace === null) return [vscode.l10n.t('frozen by the emergency stop')];
  if (!isOwn(hold, id)) return [vscode.l10n.t('frozen by {0}', hold.namespace)];
  const level = hold.level === 'hard' ? vscode.l10n.t('frozen hard') : vscode.l10n.t('frozen');
  return [hold.reason === null ? level : `${level} — ${oneLine(hold.reason, 60)}`];
}

function closedWords({ id, status, archived_by: by }: NamespaceDocument): readonly string[] {
  if (status === 'active' || by === null) return [];
  return [by === id ? vscode.l10n.t('archived') : vscode.l10n.t('archived with {0}', by)];
}

/** Summarises a namespace's own policy: its limits, and whether there are other parts. */
function policyWords({ policy }: NamespaceDocument): readonly string[] {
  const own = v.safeParse(policySchema, policy);
  if (policy === null || !own.success) return policy === null ? [] : [vscode.l10n.t('has a policy')];
  const { limits = {}, allow, deny } = own.output;
  const limited = POLICY_LIMITS.flatMap(limit => limitText(limit, limits[limit]));
  const isListed = [allow, deny].some(lists => lists !== undefined && Object.keys(lists).length > 0);
  if (limited.length === 0) return isListed ? [vscode.l10n.t('has a policy')] : [];
  return [limited.join(', ')];
}

const limitText = (limit: PolicyLimit, value: number | undefined): readonly string[] =>
  value === undefined ? [] : [limitWords[limit](value)];
