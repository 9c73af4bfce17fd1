import * as vscode from 'vscode';
import type { FleetStarted, FleetStopped } from '../../engine/contract/documents.ts';
import { plural } from '../../engine/contract/format.ts';
import { messageOf } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { setting } from '../contributions.ts';
import { confirm } from '../messages.ts';
import { CONFIG_TEMPLATE } from './config-template.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify, withProgress } from './progress.ts';
import { offerLeftWorktrees } from './work.ts';

/** Commands that start and stop the fleet as a whole. */

export const startFleet: Handler<'fleet.start'> = async context => {
  const client = await engine(context);
  const workers = setting('workers');
  const started = await withProgress(vscode.l10n.t('Starting {0}…', plural(workers, 'worker')), () =>
    client.submit('fleet.start', { workers, executor: setting('executor') }),
  );
  notify(startedText(started));
  void offerLeftWorktrees(client).catch((thrown: unknown) => context.log.warn(messageOf(thrown)));
};

function startedText({ live, spawned, adopted, resumed }: FleetStarted): string {
  const parts = [
    vscode.l10n.t('{0} live', live),
    ...(spawned.length > 0 ? [vscode.l10n.t('{0} started', plural(spawned.length, 'worker'))] : []),
    ...(adopted.length > 0 ? [vscode.l10n.t('{0} adopted', plural(adopted.length, 'worker'))] : []),
    ...(resumed.length > 0 ? [vscode.l10n.t('{0} resumed', plural(resumed.length, 'fan-out'))] : []),
  ];
  return vscode.l10n.t('Fleet: {0}', parts.join(', '));
}

/** The time for running attempts to finish, in seconds, as on the command line. */
const GRACE_SECS = 10;

export const stopWorkers: Handler<'fleet.stopWorkers'> = context => stop(context, 'workers');
export const stopAll: Handler<'fleet.stopAll'> = context => stop(context, 'all');

async function stop(context: CommandContext, scope: 'workers' | 'all'): Promise<void> {
  const client = await engine(context);
  // Asks the engine: the views lag behind, and would count fan-outs that are over.
  const { fan_outs_total: underWay } = await client.report('live', {});
  if (underWay > 0 && !(await confirmStop(underWay))) return;
  const stopped = await withProgress(
    vscode.l10n.t('Stopping; what runs may take {0} s to finish…', GRACE_SECS),
    () => client.submit('fleet.stop', { scope, instance: null, grace_secs: GRACE_SECS }),
  );
  notify(stoppedText(stopped));
}

function confirmStop(open: number): Promise<boolean> {
  const detail = vscode.l10n.t(
    'What does not finish in {0} s is handed back, and waits for the next start.',
    GRACE_SECS,
  );
  const message = vscode.l10n.t('{0} under way. Stop all the same?', plural(open, 'fan-out'));
  return confirm(message, detail, vscode.l10n.t('Stop'));
}

export function stoppedText({ stopped }: FleetStopped): string {
  if (stopped.length === 0) return vscode.l10n.t('Fleet: nothing ran');
  return vscode.l10n.t('Fleet: {0} stopped', stopped.map(({ alias }) => alias).join(', '));
}

/** Opens `config.toml`, or an unsaved template if the file does not exist. */
export const openConfiguration: Handler<'fleet.openConfiguration'> = async ({ session }) => {
  const file = vscode.Uri.file(homePaths(session.home).configToml);
  const isThere = await vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
  const uri = isThere ? file : file.with({ scheme: 'untitled' });
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  if (isThere || editor.document.getText() !== '') return;
  await editor.edit(edit => edit.insert(new vscode.Position(0, 0), CONFIG_TEMPLATE));
};
