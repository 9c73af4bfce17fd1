import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { Kill } from '../../engine/contract/commands.ts';
import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { plural } from '../../engine/contract/format.ts';
import { confirm } from '../messages.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { holdsOf, type Hold } from '../model/holds.ts';
import { iconless } from '../plain.ts';
import { holdDetail, holdText } from '../views/appearance.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { pickNamespace } from './pick.ts';
import { notify } from './progress.ts';

/** Commands that freeze namespaces, stop the fleet, and lift both. */

/** The default time for running attempts to finish under a hard freeze, in seconds. */
const GRACE_SECS = 60;
const MAX_GRACE_SECS = 86_400;

export const killSwitch: Handler<'fleet.killSwitch'> = async context => {
  const reach = await askReach(await engine(context));
  if (reach !== undefined) await stop(context, reach);
};

/** Freezes one namespace. */
export const freezeNamespace: Handler<'fleet.freezeNamespace'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which namespace is to be frozen, with all below it?');
  const namespace = await pickNamespace(context, target, placeHolder, isActive);
  if (namespace !== undefined) await stop(context, reachOf(namespace.id));
};

async function stop(context: CommandContext, reach: Reach): Promise<void> {
  const how = await askHow(reach);
  if (how === undefined) return;
  const reason = await vscode.window.showInputBox({
    title: reach.title,
    prompt: vscode.l10n.t('Why? Whoever meets it is told. Enter for no reason.'),
    ignoreFocusOut: true,
  });
  if (reason === undefined) return;
  const request: Kill = { ...reach.request, ...how, reason: reason.trim() === '' ? null : reason.trim() };
  if (!(await confirmed(request, context.model))) return;
  await (await engine(context)).submit('kill', request);
  const { namespace } = request;
  notify(
    namespace === null
      ? vscode.l10n.t('Nothing new starts anywhere until it is lifted')
      : vscode.l10n.t('Nothing new starts in {0} until it is lifted', namespace),
  );
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

/** The part of the fleet to stop: a namespace, or everything. */
interface Reach {
  readonly title: string;
  readonly request: Pick<Kill, 'namespace' | 'emergency'>;
}

const isActive = ({ status }: NamespaceDocument): boolean => status === 'active';

const reachOf = (namespace: string): Reach => ({
  title: vscode.l10n.t('Freeze {0}', namespace),
  request: { namespace, emergency: false },
});

async function askReach(client: EngineClient): Promise<Reach | undefined> {
  const { namespaces } = await client.report('namespaces', {});
  const everything = {
    label: vscode.l10n.t('Emergency Stop'),
    description: vscode.l10n.t('nothing new starts anywhere; what runs may end'),
    iconPath: new vscode.ThemeIcon('stop-circle'),
    reach: { title: vscode.l10n.t('Emergency Stop'), request: { namespace: null, emergency: true } },
  };
  const items = namespaces.filter(isActive).map(({ id, description }) => ({
    label: id,
    description: iconless(description ?? ''),
    iconPath: new vscode.ThemeIcon('lock'),
    reach: reachOf(id),
  }));
  const placeHolder = vscode.l10n.t('What is to be stopped? A namespace is frozen with all below it.');
  const picked = await vscode.window.showQuickPick([everything, ...items], {
    placeHolder,
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return picked?.reach;
}

/** Asks for the strictness and the grace. @returns undefined if the user cancelled */
async function askHow({ title, request }: Reach): Promise<Pick<Kill, 'level' | 'grace_secs'> | undefined> {
  if (request.emergency) return { level: null, grace_secs: null };
  const levels = [
    {
      label: vscode.l10n.t('Soft'),
      description: vscode.l10n.t('nothing new starts; what runs may end'),
      level: 'soft',
    },
    {
      label: vscode.l10n.t('Hard'),
      description: vscode.l10n.t('what still runs after a grace is ended, as cancelled'),
      level: 'hard',
    },
  ] as const;
  const placeHolder = vscode.l10n.t('How is it to be frozen?');
  const picked = await vscode.window.showQuickPick(levels, { title, placeHolder, ignoreFocusOut: true });
  if (picked === undefined) return undefined;
  if (picked.level === 'soft') return { level: 'soft', grace_secs: null };
  const grace = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('How many seconds may what runs there take to end?'),
    value: String(GRACE_SECS),
    ignoreFocusOut: true,
    validateInput: text =>
      graceOf(text) === undefined ? vscode.l10n.t('A number from 0 to {0}', MAX_GRACE_SECS) : undefined,
  });
  return grace === undefined ? undefined : { level: 'hard', grace_secs: graceOf(grace) ?? GRACE_SECS };
}

function graceOf(text: string): number | undefined {
  const secs = Number(text);
  return text.trim() !== '' && secs >= 0 && secs <= MAX_GRACE_SECS ? secs : undefined;
}

function confirmed({ namespace, level, grace_secs: grace }: Kill, model: FleetModel): Promise<boolean> {
  const open = [...model.tasks.values()].filter(({ fan_out: fanOut }) => fanOut?.under_way === true).length;
  const message =
    namespace === null
      ? vscode.l10n.t('Stop everything that is new, in the whole fleet?')
      : vscode.l10n.t('Freeze {0}, with all below it?', namespace);
  const consequence =
    level === 'hard'
      ? vscode.l10n.t('What still runs there after {0} s is ended, as cancelled.', grace ?? GRACE_SECS)
      : vscode.l10n.t('What runs may end.');
  const detail = [
    consequence,
    vscode.l10n.t('Nothing new is let in and nothing starts until it is lifted.'),
    vscode.l10n.t('{0} under way in the fleet.', plural(open, 'fan-out')),
  ].join(' ');
  const yes = namespace === null ? vscode.l10n.t('Stop') : vscode.l10n.t('Freeze');
  return confirm(message, detail, yes);
}
