import type {
  EffectivePolicy,
  NamespaceDocument,
  NamespaceShown,
  NamespacesDocument,
} from '../../contract/documents.ts';
import { budgetAmount, fields, oneLine, plural, table } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

/** What a change says when it is written down. */
export function namespaceChangedLine({ id, status }: NamespaceDocument, colours: Colours): string {
  return `${colours.green('✓')} namespace '${id}' → ${status}`;
}

export function namespaceListLines({ namespaces, explicit }: NamespacesDocument): readonly string[] {
  const rows = namespaces.map(({ id, status, own_status: own, level, description }) => [
    id,
    own === 'deleted' ? own : status,
    level,
    oneLine(description ?? '', 80),
  ]);
  return [
    ...table(['ID', 'STATUS', 'LEVEL', 'DESCRIPTION'], rows),
    '',
    `${explicit} explicit + 1 implicit (default)`,
  ];
}

export function namespaceLines(shown: NamespaceShown, colours: Colours): readonly string[] {
  return [
    shown.id,
    ...fields([
      ['Status', statusText(shown)],
      ['Level', shown.level],
      ['Depth', String(shown.depth)],
      ['Description', shown.description === null ? null : oneLine(shown.description, 200)],
      ['Policy', shown.policy === null ? null : `its own; see spl namespace resolve ${shown.id}`],
    ]),
    '',
    'Ancestor chain:',
    ...shown.chain.map(({ id, active }) => `  ${active ? colours.green('✓') : colours.red('✗')} ${id}`),
  ];
}

/** What holds in a namespace, with the level that set it behind each part. */
export function effectiveLines(effective: EffectivePolicy): readonly string[] {
  const { namespace, archived_by: by, allow, deny, limits, usage } = effective;
  const limit = (key: keyof typeof LIMIT_WORDS): readonly [string, string] => {
    const set = limits[key];
    return [key, set === null ? 'any' : `${LIMIT_WORDS[key](set.value)}  (${set.set_by})`];
  };
  return [
    `Effective policy of ${namespace}`,
    ...(by === null ? [] : [`  '${by}' is archived: nothing new is let in, and nothing starts`]),
    ...fields([
      ...(['acts', 'executors', 'targets'] as const).map(kind => [kind, allowedText(allow[kind])] as const),
      ...(['max_children', 'max_parallel', 'budget_usd', 'timeout_secs'] as const).map(limit),
      ...(['acts', 'executors', 'targets'] as const).map(
        kind => [`denied ${kind}`, deniedText(deny[kind])] as const,
      ),
    ]),
    ...(usage.length === 0 ? [] : ['', 'Usage, with all below:', ...usageLines(usage)]),
  ];
}

const LIMIT_WORDS = {
  max_children: (count: number): string => `${plural(count, 'subtask')} of a fan-out`,
  max_parallel: (count: number): string => `${plural(count, 'subtask')} at a time`,
  budget_usd: (amount: number): string => `${budgetAmount('usd', amount)} for all that ever runs`,
  timeout_secs: (secs: number): string => `${secs}s for a subtask`,
};

function allowedText(allowed: EffectivePolicy['allow']['acts']): string {
  if (allowed === null) return 'any';
  const names = allowed.names.length === 0 ? 'none' : allowed.names.join(', ');
  return `${names}  (${allowed.set_by.join(' and ')})`;
}

function deniedText(denied: EffectivePolicy['deny']['acts']): string | null {
  if (denied.length === 0) return null;
  return denied.map(({ name, set_by: by }) => `${name}  (${by})`).join(', ');
}

function usageLines(usage: EffectivePolicy['usage']): readonly string[] {
  return usage.map(({ namespace, running, booked_usd: booked, reserved_usd: reserved }) => {
    const money = `${budgetAmount('usd', booked)} booked, ${budgetAmount('usd', reserved)} reserved`;
    return `  ${namespace}: ${running} running, ${money}`;
  });
}

/** A namespace may be active itself, and closed by one above it. */
function statusText({ id, status, own_status: own, archived_by: by }: NamespaceDocument): string {
  if (status === 'active' || by === null) return status;
  if (own !== 'active') return by === id ? own : `${own}, and '${by}' above it is as well`;
  return `${status} with '${by}'; active itself`;
}
