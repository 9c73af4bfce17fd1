import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { CoordinatorThread } from '../../engine/client/coordinator-thread.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import { liveWorkers } from '../../engine/home/live-workers.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { stopMark } from '../../engine/home/stop-mark.ts';
import type { Did } from '../../engine/record/ids.ts';
import type { EngineAccess } from '../access.ts';
import { homeExists, untilGone } from './find-engine.ts';
import { watchForCoordinator, type HomeWatch } from './home-watch.ts';

export type SessionState =
  /** No process serves the home, and nothing asks for the engine. */
  | { readonly kind: 'none' }
  | { readonly kind: 'opening' }
  /** `hosting` is true when the coordinator runs in this window. */
  | { readonly kind: 'live'; readonly client: EngineClient; readonly hosting: boolean }
  | { readonly kind: 'down'; readonly error: FleetError };

export interface SessionOptions {
  readonly home: string;
  /** Returns the actor of this window. @throws HOME_INVALID or USAGE if it cannot be determined */
  readonly actor: () => Promise<Did>;
  readonly log: vscode.LogOutputChannel;
  /** Returns a client of the coordinator that serves the home; undefined if there is none. */
  readonly find: (actor: Did, signal: AbortSignal) => Promise<EngineClient | undefined>;
  /** Opens the home in this process. */
  readonly host: () => Promise<CoordinatorThread>;
  /** Returns true if this window may host a coordinator. It may not while its folder is untrusted. */
  readonly mayHost: () => boolean;
  /** Wraps a client for views and commands. */
  readonly guard: (client: EngineClient) => EngineClient;
}

/** The part of the session that views and commands use. */
export type OpenSession = Pick<
  Session,
  'state' | 'client' | 'isHosting' | 'home' | 'onDidChange' | 'open' | 'wantHistory'
>;

/** The longest time for which another process may hold the lease without answering. */
const LEASE_WAIT_MS = 30_000;
const LEASE_RETRY_MS = 150;
/** The delay after a change in the home's folder. Changes come in bursts; each burst causes one look. */
const STIR_MS = 100;

/**
 * This window's way to the one engine of the home. It is the client of the coordinator that serves the home. If there
 * is none and somebody asked for the engine, it serves the home itself. When the coordinator is gone, it looks for one
 * again.
 */
export class Session implements EngineAccess {
  readonly #options: SessionOptions;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #ending = new AbortController();
  #state: SessionState = { kind: 'opening' };
  #wanted = false;
  #hosted: CoordinatorThread | undefined;
  #wake: () => void = () => undefined;
  #done: Promise<void> = Promise.resolve();
  readonly onDidChange = this.#changed.event;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get state(): SessionState {
    return this.#state;
  }

  get client(): EngineClient | undefined {
    return this.#state.kind === 'live' ? this.#state.client : undefined;
  }

  get isHosting(): boolean {
    return this.#state.kind === 'live' && this.#state.hosting;
  }

  get home(): string {
    return this.#options.home;
  }

  /** Starts looking for a coordinator. Stops only on disposal. */
  start(): void {
    this.#done = this.#run();
  }

  /**
   * Returns the engine. This window hosts it if no other process does.
   * @throws the reason why there is none
   */
  async open(): Promise<EngineClient> {
    this.want();
    for (;;) {
      if (this.#state.kind === 'live') return this.#state.client;
      if (this.#state.kind === 'down') throw this.#state.error;
      if (this.#state.kind === 'none' && !this.#options.mayHost()) throw untrusted();
      // The loop may just have decided that nobody had asked.
      this.want();
      await new Promise<void>(resolve => {
        const heard = this.onDidChange(() => (heard.dispose(), resolve()));
      });
    }
  }

  /** Requests the engine without waiting for it, also after it was down or when this window became trusted. */
  want(): void {
    this.#wanted = true;
    const { kind } = this.#state;
    if (kind === 'down' || (kind === 'none' && this.#options.mayHost())) this.#set({ kind: 'opening' });
    if (kind === 'down' || kind === 'none') this.#wake();
  }

  /** Requests the engine if there is something to show: a home with a history. */
  async wantHistory(): Promise<void> {
    if (await homeExists(this.#options.home)) this.want();
  }

  /** Releases everything, so that another process can take over. Workers go on. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#wake();
    await this.#done;
    this.#changed.dispose();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    // If the folder cannot be read, opening the home reports the reason once the engine is wanted.
    const workers = await liveWorkers(this.#options.home).catch(() => []);
    if (workers.length > 0) this.#wanted = true;
    while (!signal.aborted) {
      try {
        await this.#turn(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.log.error(messageOf(thrown));
        // Not retried automatically: each try changes the home's folder, which other windows watch as well.
        this.#wanted = false;
        this.#set({ kind: 'down', error: asFleetError(thrown) });
        await this.#stir(watchForCoordinator(this.#options.home), signal);
      }
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { home, actor, find, mayHost } = this.#options;
    // The watch begins before the look, so that nothing in between is missed.
    const watch = watchForCoordinator(home);
    try {
      const client = await find(await actor(), signal);
      if (client === undefined && !(this.#wanted && mayHost())) {
        // An error stays visible until somebody asks again, or another process serves the home.
        if (this.#state.kind !== 'down') this.#set({ kind: 'none' });
        return await this.#stir(watch, signal);
      }
      watch.dispose();
      return await (client === undefined ? this.#host(signal) : this.#attend(client, signal));
    } finally {
      watch.dispose();
    }
  }

  /** Serves as a client until the coordinator no longer answers. */
  async #attend(client: EngineClient, signal: AbortSignal): Promise<void> {
    this.#options.log.info(`a client of the coordinator of ${this.#options.home}`);
    this.#set({ kind: 'live', client: this.#options.guard(client), hosting: false });
    try {
      await untilGone(client, signal);
    } finally {
      await client.close();
    }
    this.#wanted = false;
    // A coordinator that was asked to stop has left a mark. One that died has left its workers, which need another
    // coordinator.
    if ((await stopMark(homePaths(this.#options.home))) === null) this.#wanted = true;
  }

  async #host(signal: AbortSignal): Promise<void> {
    this.#set({ kind: 'opening' });
    const hosted = await this.#take(signal);
    if (hosted === undefined) return;
    this.#hosted = hosted;
    try {
      this.#options.log.info(`hosting the coordinator of ${this.#options.home}`);
      for (const note of hosted.notes) this.#options.log.warn(note);
      this.#set({ kind: 'live', client: this.#options.guard(hosted.client), hosting: true });
      await Promise.race([hosted.ended, aborted(signal)]);
      if (signal.aborted) return;
      // Before the release: a caller that asks for the engine meanwhile gets the next one.
      this.#wanted = false;
      this.#set({ kind: 'none' });
    } finally {
      await this.#letGo();
    }
  }

  /**
   * Opens the home; undefined if another process was faster and answers. A process that holds the lease and does not
   * answer may still release it.
   */
  async #take(signal: AbortSignal): Promise<CoordinatorThread | undefined> {
    const deadline = performance.now() + LEASE_WAIT_MS;
    for (;;) {
      try {
        return await this.#options.host();
      } catch (thrown) {
        if (!FleetError.is(thrown, 'LEASE_HELD') || performance.now() > deadline) throw thrown;
      }
      await delay(LEASE_RETRY_MS, undefined, { signal });
      const client = await this.#options.find(await this.#options.actor(), signal);
      if (client === undefined) continue;
      await client.close();
      return undefined;
    }
  }

  async #letGo(): Promise<void> {
    const hosted = this.#hosted;
    this.#hosted = undefined;
    await hosted?.close();
  }

  /** Waits for a request, or for a change in the home since the watch began. */
  async #stir(watch: HomeWatch, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return watch.dispose();
    const hasStirred = await new Promise<boolean>(resolve => {
      this.#wake = () => resolve(false);
      void watch.stirred.then(() => resolve(true));
    });
    this.#wake = () => undefined;
    watch.dispose();
    // A request is not delayed.
    if (hasStirred) await delay(STIR_MS, undefined, { signal }).catch(() => undefined);
  }

  #set(state: SessionState): void {
    if (this.#ending.signal.aborted) return;
    if (state.kind === this.#state.kind && state.kind !== 'live' && state.kind !== 'down') return;
    this.#state = state;
    this.#changed.fire();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function asFleetError(thrown: unknown): FleetError {
  return FleetError.is(thrown) ? thrown : new FleetError('INTERNAL', messageOf(thrown), { cause: thrown });
}

function untrusted(): FleetError {
  return new FleetError(
    'SCOPE_FORBIDDEN',
    'this folder is not trusted, so that no fleet is started from it',
    {
      hint: 'Trust it: Workspaces: Manage Workspace Trust.',
    },
  );
}
