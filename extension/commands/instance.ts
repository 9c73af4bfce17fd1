import * as path from 'node:path';
import * as vscode from 'vscode';
import type { InstanceDocument } from '../../engine/contract/documents.ts';
import { fleetPage, instancePage } from '../pages/fleet-page.ts';
import { linkless } from '../plain.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { stoppedText } from './fleet.ts';
import { pickInstance } from './pick.ts';
import { notify, withProgress } from './progress.ts';

/** Commands on one instance. */

const isWorker = ({ role }: InstanceDocument): boolean => role === 'worker';
const GRACE_SECS = 10;

export const restartInstance: Handler<'fleet.restartInstance'> = async (context, target) => {
  const worker = await pickInstance(
    context,
    target,
    vscode.l10n.t('Which worker is to be restarted?'),
    isWorker,
  );
  if (worker === undefined) return;
  const client = await engine(context);
  await withProgress(vscode.l10n.t('Restarting {0}…', worker.alias), () =>
    client.submit('fleet.restart', { instance: worker.did }),
  );
};

export const stopInstance: Handler<'fleet.stopInstance'> = async (context, target) => {
  const instance = await pickInstance(context, target, vscode.l10n.t('Which worker is to be stopped?'));
  if (instance === undefined) return;
  const client = await engine(context);
  const request = { scope: 'workers', instance: instance.did, grace_secs: GRACE_SECS } as const;
  notify(
    stoppedText(
      await withProgress(vscode.l10n.t('Stopping {0}…', instance.alias), () =>
        client.submit('fleet.stop', request),
      ),
    ),
  );
};

export const pingInstance: Handler<'fleet.pingInstance'> = async (context, target) => {
  const instance = await pickInstance(context, target, vscode.l10n.t('Which worker is to be asked?'));
  if (instance === undefined) return;
  const ping = await (await engine(context)).report('ping', { instance: instance.did });
  const text = ping.reachable
    ? vscode.l10n.t('{0} reachable in {1} ms', ping.alias, Math.round(ping.rtt_ms ?? 0))
    : vscode.l10n.t('{0} is not reachable: {1}', ping.alias, ping.reason ?? '');
  if (ping.reachable) notify(`$(pass) ${text}`);
  else void vscode.window.showWarningMessage(linkless(text));
};

export const showInstance: Handler<'fleet.showInstance'> = async (context, target) => {
  const picked = await pickInstance(context, target, vscode.l10n.t('Which worker?'));
  if (picked === undefined) return;
  const instance = await (await engine(context)).report('instance', { instance: picked.did });
  await context.documents.showPage(instance.alias, instancePage(instance, context.session.isHosting));
};

export const copyDid: Handler<'fleet.copyDid'> = async (context, target) => {
  const instance = await pickInstance(context, target, vscode.l10n.t('Whose DID?'));
  if (instance !== undefined) await copy(instance.did);
};

/** Opens the log of an instance: its file, or the output channel for the coordinator in this window. */
export const openInstanceLog: Handler<'fleet.openInstanceLog'> = async (context, target) => {
  const instance = await pickInstance(context, target, vscode.l10n.t('Whose log?'));
  if (instance === undefined) return;
  if (instance.role === 'coordinator' && context.session.isHosting) return context.log.show();
  const file = path.join(instance.home, 'logs', `${instance.role}.log`);
  await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
};

export const showStatus: Handler<'fleet.showStatus'> = async context => {
  const client = await engine(context);
  const [fleet, live] = await Promise.all([client.report('fleet', {}), client.report('live', {})]);
  await context.documents.showPage(vscode.l10n.t('Fleet'), fleetPage(fleet, live, context.session.isHosting));
};

/** Copies a text to the clipboard, and confirms it in the status bar. */
export async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  notify(vscode.l10n.t('Copied {0}', text));
}

export const showLog: Handler<'fleet.showLog'> = (context: CommandContext) => {
  context.log.show();
  return Promise.resolve();
};
