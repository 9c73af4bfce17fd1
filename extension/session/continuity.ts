import * as vscode from 'vscode';
import { messageOf } from '../../engine/errors.ts';
import { setting } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { once } from './once.ts';
import type { OpenSession } from './session.ts';
import type { Standby } from './standby.ts';

/** The time without an open fan-out after which the standby is ended. Fan-outs often follow one another. */
const LINGER_MS = 3000;
/** The delay before a lost standby is replaced, so that one that cannot live is not restarted in a loop. */
const RENEW_MS = 1000;

/**
 * Keeps runs going after this window closes, unless the setting `onWindowClose` is `stop`: keeps a standby while this
 * window hosts and a fan-out is open.
 */
export class Continuity implements vscode.Disposable {
  readonly #session: OpenSession;
  readonly #model: FleetModel;
  readonly #standby: () => Promise<Pick<Standby, 'begin' | 'end'>>;
  readonly #log: vscode.LogOutputChannel;
  readonly #listening: vscode.Disposable;
  #used: Pick<Standby, 'begin' | 'end'> | undefined;
  #linger: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #isLeft = false;

  /** @param standby creates the standby of this window, which calls back when it is lost */
  constructor(
    session: OpenSession,
    model: FleetModel,
    standby: (onLost: () => void) => Promise<Pick<Standby, 'begin' | 'end'>>,
    log: vscode.LogOutputChannel,
  ) {
    this.#session = session;
    this.#model = model;
    this.#standby = once(() => standby(() => this.#renewSoon()));
    this.#log = log;
    const update = (): void => this.#look();
    this.#listening = vscode.Disposable.from(
      model.onDidChange(update),
      session.onDidChange(update),
      vscode.workspace.onDidChangeConfiguration(update),
    );
  }

  /**
   * Stops the fleet if this window hosts it and `onWindowClose` is `stop`. A closing window has a few seconds for it.
   */
  async leave(): Promise<void> {
    this.dispose();
    if (setting('onWindowClose') !== 'stop' || !this.#session.isHosting) return;
    await this.#used?.end();
    // The whole fleet is stopped. That is recorded: if the editor ends this process halfway, the next process to open
    // the home finishes the stop.
    const stop = { scope: 'all', instance: null, grace_secs: 1 } as const;
    await this.#session.client?.submit('fleet.stop', stop);
  }

  dispose(): void {
    this.#isLeft = true;
    clearTimeout(this.#linger);
    clearTimeout(this.#renewal);
    this.#listening.dispose();
  }

  #look(): void {
    this.#update().catch((thrown: unknown) => this.#log.error(`standby: ${messageOf(thrown)}`));
  }

  async #update(): Promise<void> {
    // A standby that has taken over must not be ended from here.
    if (!this.#session.isHosting || this.#isLeft || this.#renewal !== undefined) return;
    if (this.#model.underWay === 0) return this.#endLater();
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (setting('onWindowClose') === 'stop') return this.#used?.end();
    this.#used ??= await this.#standby();
    // The window may have closed, or the run ended, while the standby was started.
    if (this.#isLeft || this.#model.underWay === 0) return;
    await this.#used.begin();
  }

  #renewSoon(): void {
    if (this.#isLeft || !this.#session.isHosting) return;
    this.#log.warn('the standby is gone');
    this.#renewal ??= setTimeout(() => {
      this.#renewal = undefined;
      this.#look();
    }, RENEW_MS);
  }

  #endLater(): void {
    if (this.#used === undefined || this.#linger !== undefined) return;
    this.#linger = setTimeout(() => {
      this.#linger = undefined;
      if (this.#session.isHosting) void this.#used?.end();
    }, LINGER_MS);
  }
}
