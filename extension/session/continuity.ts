import * as vscode from 'vscode';
import { setting } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import type { Session } from './session.ts';
import type { Standby } from './standby.ts';

/** How long nothing has been open before the standby is ended: fan-outs often follow one another. */
const LINGER_MS = 3000;

/**
 * Sees to it that runs outlive this window, where that is wanted: keeps a standby while this window hosts and a fan-out is
 * open. Asks once what is wanted, at the first run; until there is an answer, runs go on.
 */
export class Continuity implements vscode.Disposable {
  readonly #session: Session;
  readonly #model: FleetModel;
  readonly #standby: () => Promise<Standby>;
  readonly #listening: vscode.Disposable;
  #used: Standby | undefined;
  #asked = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(session: Session, model: FleetModel, standby: () => Promise<Standby>) {
    this.#session = session;
    this.#model = model;
    this.#standby = standby;
    this.#listening = vscode.Disposable.from(
      model.onDidChange(() => void this.#update()),
      session.onDidChange(() => void this.#update()),
      vscode.workspace.onDidChangeConfiguration(() => void this.#update()),
    );
  }

  /** What becomes of the runs as the window goes, in the few seconds that it has. */
  async leave(): Promise<void> {
    clearTimeout(this.#linger);
    this.#listening.dispose();
    if (setting('onWindowClose') !== 'stop' || !this.#session.isHosting) return;
    await this.#used?.end();
    const stop = { scope: 'workers', instance: null, grace_secs: 1 } as const;
    await this.#session.client?.submit('fleet.stop', stop);
  }

  dispose(): void {
    clearTimeout(this.#linger);
    this.#listening.dispose();
  }

  async #update(): Promise<void> {
    // One that has taken over is no longer ours to end.
    if (!this.#session.isHosting) return;
    if (!this.#hasOpen()) return this.#endLater();
    clearTimeout(this.#linger);
    this.#linger = undefined;
    const wanted = setting('onWindowClose');
    if (wanted === 'stop') return this.#used?.end();
    this.#used ??= await this.#standby();
    await this.#used.begin();
    if (wanted === 'ask' && !this.#asked) await this.#ask();
  }

  #hasOpen(): boolean {
    for (const { fan_out: fanOut } of this.#model.tasks.values())
      if (fanOut !== null && (!fanOut.complete || fanOut.counts.running > 0)) return true;
    return false;
  }

  #endLater(): void {
    if (this.#used === undefined || this.#linger !== undefined) return;
    this.#linger = setTimeout(() => {
      this.#linger = undefined;
      if (this.#session.isHosting) void this.#used?.end();
    }, LINGER_MS);
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    const goOn: vscode.MessageItem = { title: vscode.l10n.t('Continue') };
    const stop: vscode.MessageItem = { title: vscode.l10n.t('Stop') };
    const chosen = await vscode.window.showInformationMessage(
      vscode.l10n.t(
        'When this window closes in the middle of a run: continue it in the background, or stop it?',
      ),
      goOn,
      stop,
    );
    if (chosen === undefined) return;
    const configuration = vscode.workspace.getConfiguration('fleet');
    const value = chosen === goOn ? 'continue' : 'stop';
    await configuration.update('onWindowClose', value, vscode.ConfigurationTarget.Global);
  }
}
