import * as vscode from 'vscode';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { isEcho, NOTHING_WAS_RUN } from '../../engine/contract/echo.ts';
import { duration } from '../../engine/contract/format.ts';
import type { Tone } from '../../webview/plan/protocol.ts';
import { verdictText } from '../views/appearance.ts';
import type { Plans } from './plans.ts';

export type { Tone };

/** The state of the subtasks of one entry in a plan. */
export interface State {
  readonly tone: Tone;
  readonly text: string;
}

/**
 * Returns the states of a plan's subtasks in its last run, by their place in the plan. Subtasks that were not part of
 * the run are left out.
 */
export async function statesOf(
  plans: Pick<Plans, 'lastChildren' | 'outline'>,
  uri: vscode.Uri,
): Promise<ReadonlyMap<number, State>> {
  const children = await plans.lastChildren(uri);
  const byName = new Map(children.map(child => [child.name ?? child.goal, child]));
  return new Map(
    (plans.outline(uri)?.subtasks ?? []).flatMap(({ names }, place) => {
      const own = names.flatMap(name => (name === null ? [] : (byName.get(name) ?? [])));
      return own.length === 0 ? [] : [[place, summary(own)] as const];
    }),
  );
}

const SIGNS: Readonly<Record<Tone, string>> = {
  accepted: '✓',
  failed: '✗',
  skipped: '»',
  running: '●',
  pending: '○',
};

/** Summarises the subtasks of one entry: the state of a single one, or the number of subtasks in each state. */
function summary(children: readonly ChildDocument[]): State {
  const tones = children.map(toneOf);
  const tone = (['failed', 'running', 'pending', 'accepted', 'skipped'] as const).find(each =>
    tones.includes(each),
  )!;
  const [only] = children;
  if (children.length === 1 && only !== undefined) return { tone, text: `${SIGNS[tone]} ${stateText(only)}` };
  const counts = (['accepted', 'failed', 'skipped', 'running', 'pending'] as const).flatMap(each => {
    const count = tones.filter(other => other === each).length;
    return count === 0 ? [] : [`${count} ${SIGNS[each]}`];
  });
  return { tone, text: counts.join('  ') };
}

function toneOf({ state, verdict }: ChildDocument): Tone {
  if (state === 'running') return 'running';
  if (state === 'pending') return 'pending';
  // No fault of the subtask: something else ended it.
  if (verdict === 'skipped' || verdict === 'cancelled') return 'skipped';
  return verdict === 'accept' ? 'accepted' : 'failed';
}

function stateText(child: ChildDocument): string {
  const { state, verdict, wall_time_secs: wall, worker } = child;
  if (state === 'running') return vscode.l10n.t('running on {0}', worker ?? '?');
  if (state === 'pending') return vscode.l10n.t('waiting');
  const echo = isEcho(child) ? ` · ${NOTHING_WAS_RUN}` : '';
  const time = child.attempt === 0 ? '' : ` · ${duration(wall)}`;
  return `${verdictText(verdict ?? '')}${time}${echo}`;
}
