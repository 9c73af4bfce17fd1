import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { Kill } from '../../engine/contract/commands.ts';
import { plural } from '../../engine/contract/format.ts';
import { isWithin, ROOT_NAMESPACE } from '../../engine/contract/namespaces.ts';
import { holdsOf, type Hold } from '../model/holds.ts';
import { iconless } from '../plain.ts';
import { holdDetail, holdText } from '../views/appearance.ts';
import { engine, type Handler } from './context.ts';
import { pickNamespace } from './pick.ts';
import { notify } from './progress.ts';

/** Commands that freeze namespaces, stop the fleet, and lift both. */

/** The time for running attempts to finish before they are ended, in seconds. */
const GRACE_SECS = 60;

export const killSwitch: Handler<'fleet.killSwitch'> = async context => {
  const client = await engine(context);
  const { running_total: running } = await client.report('live', {});
  await stop(client, vscode.l10n.t('Stop Everything'), [
    {
      ...startNothing(running),
      request: { namespace: null, emergency: true, level: null, grace_secs: null },
    },
    ...endings(running, ROOT_NAMESPACE),
  ]);
};

/** Freezes one namespace, with all below it. */
export const freezeNamespace: Handler<'fleet.freezeNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which namespace is to be frozen, with all below it?');
  const namespace = await pickNamespace(context, target, placeHolder, ({ status }) => status === 'active');
  if (namespace === undefined) return;
  const client = await engine(context);
  const { id } = namespace;
  const running = await runningIn(client, id);
  await stop(client, vscode.l10n.t('Freeze {0}', id), [
    {
      ...startNothing(running),
      request: { namespace: id, emergency: false, level: 'soft', grace_secs: null },
    },
    ...endings(running, id),
  ]);
};

/** A level of the kill switch: its effect on running work, in words, and its request. */
interface Level {
  readonly label: string;
  readonly detail: string;
  readonly request: Omit<Kill, 'reason'>;
}

const startNothing = (running: number): Pick<Level, 'label' | 'detail'> => ({
  label: vscode.l10n.t('Start nothing new'),
  detail: detailOf(running, vscode.l10n.t('goes on to its end.'), vscode.l10n.t('go on to their end.')),
});

const endings = (running: number, namespace: string): readonly Level[] => [
  {
    label: vscode.l10n.t('Start nothing new, and end what still runs after {0} s', GRACE_SECS),
    detail: detailOf(
      running,
      vscode.l10n.t('may finish, else it is cancelled.'),
      vscode.l10n.t('may finish; what does not is cancelled.'),
    ),
    request: { namespace, emergency: false, level: 'hard', grace_secs: GRACE_SECS },
  },
  {
    label: vscode.l10n.t('Start nothing new, and end what runs now'),
    detail: detailOf(
      running,
      vscode.l10n.t('is cancelled, with its processes.'),
      vscode.l10n.t('are cancelled, with their processes.'),
    ),
    request: { namespace, emergency: false, level: 'hard', grace_secs: 0 },
  },
];

/** Says what becomes of running work, by its number. */
function detailOf(running: number, one: string, many: string): string {
  if (running === 0) return vscode.l10n.t('What waits stays waiting; nothing runs now.');
  const what = running === 1 ? one : many;
  return vscode.l10n.t('What waits stays waiting; {0} {1}', plural(running, 'running subtask'), what);
}

/** Asks for the level, then for a reason, with which Enter does it. */
async function stop(client: EngineClient, title: string, levels: readonly Level[]): Promise<void> {
  const picked = await vscode.window.showQuickPick(levels, {
    title: `${title} (1/2)`,
    placeHolder: vscode.l10n.t('What becomes of running work?'),
    ignoreFocusOut: true,
  });
  if (picked === undefined) return;
  const reason = await vscode.window.showInputBox({
    title: `${title} (2/2)`,
    prompt: vscode.l10n.t('Enter does it: {0}', picked.detail),
    placeHolder: vscode.l10n.t('A reason, if you like, for whoever meets it'),
    ignoreFocusOut: true,
  });
  if (reason === undefined) return;
  const { request } = picked;
  await client.submit('kill', { ...request, reason: reason.trim() === '' ? null : reason.trim() });
  notify(
    request.namespace === null || request.namespace === ROOT_NAMESPACE
      ? vscode.l10n.t('Nothing new starts anywhere until it is lifted')
      : vscode.l10n.t('Nothing new starts in {0} until it is lifted', request.namespace),
  );
}

/** Returns the number of attempts that run in a namespace and below. */
async function runningIn(client: EngineClient, id: string): Promise<number> {
  const { fan_outs: open } = await client.report('live', {});
  return open
    .filter(({ namespace }) => isWithin(namespace, id))
    .reduce((sum, { counts }) => sum + counts.running, 0);
}

export const liftKillSwitch: Handler<'fleet.liftKillSwitch'> = async context => {
  const client = await engine(context);
  const holds = holdsOf(await client.report('fleet', {}));
  if (holds.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Nothing is frozen.'));
    return;
  }
  // Asks even for a single hold, because the status bar is easily clicked by mistake.
  const items = holds.map(hold => ({
    label: iconless(holdText(hold)),
    detail: iconless(holdDetail(hold)),
    hold,
  }));
  const placeHolder = vscode.l10n.t('What is to go on?');
  const picked = await vscode.window.showQuickPick(items, { placeHolder, matchOnDetail: true });
  if (picked === undefined) return;
  await client.submit('unkill', undoing(picked.hold));
  notify(vscode.l10n.t('Lifted: {0}', holdText(picked.hold)));
};

/** Lifts the freeze of a namespace itself. */
export const unfreezeNamespace: Handler<'fleet.unfreezeNamespace'> = async (context, target) => {
  const frozen = new Set(holdsOf(context.model.fleet).map(({ namespace }) => namespace));
  const placeHolder = vscode.l10n.t('Which namespace is to go on?');
  const namespace = await pickNamespace(context, target, placeHolder, ({ id }) => frozen.has(id));
  if (namespace === undefined) return;
  const { id } = namespace;
  await (await engine(context)).submit('unkill', { namespace: id, emergency: false });
  notify(vscode.l10n.t('Lifted: {0}', vscode.l10n.t('freeze of {0}', id)));
};

const undoing = ({ namespace }: Hold): { namespace: string | null; emergency: boolean } => ({
  namespace,
  emergency: namespace === null,
});
