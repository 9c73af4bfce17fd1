import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { followFanOut, followJoin, readFanOut, type FanOutChange } from '../../engine/client/fan-out.ts';
import { keepFollowing } from '../../engine/client/follow.ts';
import { terminalJson } from '../../engine/contract/format.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import {
  decodeToHost,
  serialRow,
  speedupRow,
  type Problem,
  type SerialRow,
  type StreamState,
  type ToHost,
  type ToView,
  type ViewRequest,
} from '../../webview/protocol.ts';
import type { EngineAccess } from '../access.ts';
import type { RunCommand } from '../command-registry.ts';
import { DisposableStore } from '../disposable.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { ChangeFlow } from './change-flow.ts';
import { exportFile, type ExportFormat } from './export-file.ts';
import { pageHtml } from './html.ts';
import { runRequested, type CommandRequest } from './panel-commands.ts';
import { viewStrings } from './strings.ts';

/** The parts of the extension that a panel uses. */
export interface PanelHost {
  readonly extensionUri: vscode.Uri;
  readonly access: EngineAccess;
  readonly model: Pick<FleetModel, 'tasks' | 'onDidChange'>;
  readonly log: vscode.LogOutputChannel;
  /** Runs a command of this window. Errors are sent to the page. */
  readonly run: RunCommand;
}

/** The time limit for reading an export, in milliseconds. */
const EXPORT_MS = 60_000;
/** The shortest time between two readings of the report after a change of subtasks, in milliseconds. */
const REPORT_INTERVAL_MS = 3000;
/** The delays before the fan-out is followed again after a failure. They grow with each failure. */
const RETRY_MS = [1000, 2000, 5000, 10_000] as const;

/**
 * The host's side of one panel. It follows the fan-out while the view is visible and not paused, and an engine answers;
 * otherwise it does nothing.
 */
export class JoinPanel implements vscode.Disposable {
  readonly #panel: vscode.WebviewPanel;
  readonly #host: PanelHost;
  readonly #owned = new DisposableStore();
  readonly #thread: string;
  readonly #onClosed: () => void;
  /** The number of the present view of this panel. Each view is a new page. */
  #generation = 0;
  #closed = false;
  #ready = false;
  #paused = false;
  #following: AbortController | null = null;
  /** Aborted with the present attempt to follow; null while there is none. */
  #attempt: AbortSignal | null = null;
  #flow: ChangeFlow | null = null;
  #complete: boolean | null = null;
  #serial: SerialRow | null = null;
  #serialFollowing: AbortController | null = null;
  #serialThread: string | null = null;
  #reportTimer: NodeJS.Timeout | undefined;
  /** The number of requests for the report. Only the answer to the last one counts. */
  #reports = 0;
  #alias: string;

  /**
   * @param task its alias is shown until the engine has returned the present one
   * @param onClosed called once, however the panel is closed
   */
  constructor(
    panel: vscode.WebviewPanel,
    task: { readonly thread: string; readonly alias: string },
    host: PanelHost,
    onClosed: () => void,
  ) {
    this.#panel = panel;
    this.#host = host;
    this.#onClosed = onClosed;
    this.#thread = task.thread;
    this.#alias = task.alias;
    panel.title = task.alias;
    this.#owned.add(panel.webview.onDidReceiveMessage(data => this.#onMessage(data)));
    this.#owned.add(panel.onDidChangeViewState(() => this.#seenOrHidden()));
    this.#owned.add(host.access.onDidChange(() => this.#followAnew()));
    this.#owned.add(host.model.onDidChange(() => this.#findSerial()));
    this.#owned.add(panel.onDidDispose(() => this.dispose()));
    panel.webview.options = { enableScripts: true, localResourceRoots: [this.#files()] };
    panel.webview.html = this.#html();
  }

  get thread(): string {
    return this.#thread;
  }

  reveal(): void {
    this.#panel.reveal();
  }

  /** Closes the panel. Idempotent. */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ready = false;
    this.#stop();
    this.#owned.dispose();
    this.#panel.dispose();
    this.#onClosed();
  }

  #onMessage(data: unknown): void {
    const decoded = decodeToHost(data);
    if (!decoded.ok) {
      this.#host.log.warn(`panel ${this.#alias}: a message of the view was dropped: ${decoded.problem}`);
      return;
    }
    const { message } = decoded;
    switch (message.type) {
      case 'ready':
        this.#begin();
        break;
      case 'applied':
        this.#flow?.applied(message.seq);
        break;
      case 'problem':
        this.#host.log.warn(`panel ${this.#alias}: ${message.message}`);
        break;
      case 'request':
        void this.#answer(message);
        break;
    }
  }

  #begin(): void {
    this.#generation += 1;
    this.#ready = true;
    this.#paused = false;
    this.#post({ type: 'init', strings: viewStrings() });
    this.#followAnew();
  }

  /**
   * Handles a change of visibility. A hidden view is gone; a shown one is created again, and reports that it is ready.
   */
  #seenOrHidden(): void {
    if (this.#panel.visible) return;
    this.#ready = false;
    this.#stop();
  }

  #followAnew(): void {
    this.#stop();
    if (!this.#ready || this.#paused) return;
    const { client } = this.#host.access;
    if (client === undefined) {
      this.#stream('disconnected', vscode.l10n.t('No engine answers. The panel goes on when one does.'));
      return;
    }
    const { signal } = (this.#following = new AbortController());
    void keepFollowing(
      (attempt, succeeded) => this.#follow(client, attempt, succeeded),
      (thrown, failures) => this.#failed(thrown, failures),
      signal,
    );
  }

  #stop(): void {
    this.#following?.abort();
    this.#following = null;
    this.#letGo();
  }

  /** Releases everything that belongs to following the fan-out. */
  #letGo(): void {
    this.#serialFollowing?.abort();
    this.#attempt = this.#serialFollowing = this.#serialThread = this.#flow = null;
    clearTimeout(this.#reportTimer);
    this.#reportTimer = undefined;
  }

  async #follow(client: EngineClient, signal: AbortSignal, succeeded: () => void): Promise<void> {
    this.#attempt = signal;
    this.#stream('connecting', null);
    this.#complete = null;
    this.#flow = new ChangeFlow(
      change => this.#post(change),
      () => Date.now() / 1000,
    );
    const takeChanges = async (): Promise<void> => {
      for await (const change of followFanOut(client, this.#thread, signal)) {
        if (signal.aborted) return;
        succeeded();
        this.#changed(client, change, signal);
      }
    };
    await Promise.all([this.#tellTask(client, signal), takeChanges()]);
  }

  async #tellTask(client: EngineClient, signal: AbortSignal): Promise<void> {
    const task = await client.report('task', { task: this.#thread }, signal);
    this.#alias = this.#panel.title = task.alias;
    const serial = task.fan_out?.serial ?? false;
    // A goal may be very long. Its first part is enough.
    const goal = task.goal.slice(0, 500);
    this.#post({ type: 'task', thread: task.thread, alias: task.alias, goal, serial });
  }

  #changed(client: EngineClient, change: FanOutChange, signal: AbortSignal): void {
    if (this.#complete === null) {
      this.#stream('live', null);
      this.#findSerial();
    }
    this.#flow?.offer(change);
    const isNews = this.#complete !== change.status.complete;
    this.#complete = change.status.complete;
    this.#reportSoon(client, signal, isNews ? 0 : REPORT_INTERVAL_MS);
  }

  /** @returns the time until the fan-out is followed again; undefined for never */
  #failed(thrown: unknown, failures: number): number | undefined {
    this.#letGo();
    // The client was closed. There will be another one soon, or none.
    if (thrown === undefined) return undefined;
    this.#host.log.info(`panel ${this.#alias}: ${messageOf(thrown)}`);
    const isUnknown = FleetError.is(thrown, 'NOT_FOUND');
    this.#stream('disconnected', isUnknown ? this.#noSuchTask() : problemOf(thrown).message);
    return isUnknown ? undefined : RETRY_MS[Math.min(failures, RETRY_MS.length) - 1];
  }

  /**
   * Handles a missing task. A task exists before its panel, so it is not asked for again until another engine answers.
   */
  #noSuchTask(): string {
    return vscode.l10n.t(
      'The fleet of this window has no task {0}: it may belong to another home. Close this panel, or open that of another task from Fan-Outs.',
      this.#alias,
    );
  }

  /** Asks for the report once, at once or after the wait, however many requests come meanwhile. */
  #reportSoon(client: EngineClient, signal: AbortSignal, waitMs: number): void {
    if (this.#reportTimer !== undefined && waitMs > 0) return;
    clearTimeout(this.#reportTimer);
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = undefined;
      void this.#report(client, signal);
    }, waitMs);
  }

  async #report(client: EngineClient, signal: AbortSignal): Promise<void> {
    const asked = ++this.#reports;
    const isLast = (): boolean => !signal.aborted && asked === this.#reports;
    try {
      const report = await client.report(
        'speedup',
        { task: this.#thread, vsSerial: this.#baseline() },
        signal,
      );
      if (isLast()) this.#post({ type: 'speedup', report: speedupRow(report), problem: null });
    } catch (thrown) {
      if (isLast()) this.#post({ type: 'speedup', report: null, problem: problemOf(thrown) });
    }
  }

  /** Returns the serial baseline, once it has ended. */
  #baseline(): string | null {
    return this.#serial?.complete === true ? this.#serial.thread : null;
  }

  /** Finds the latest serial run of this task, whichever view or command began it. */
  #findSerial(): void {
    const { client } = this.#host.access;
    const { tasks } = this.#host.model;
    if (client === undefined || this.#attempt === null) return;
    // A serial run that was begun here is the latest, and is known before the model has it.
    if (this.#serialThread !== null && !tasks.has(this.#serialThread)) return;
    // The newest tasks come first.
    const latest = [...tasks.values()].find(({ fan_out: fanOut }) => fanOut?.serial_of === this.#thread);
    if (latest !== undefined && latest.thread !== this.#serialThread)
      void this.#followSerial(client, latest.thread);
  }

  async #followSerial(client: EngineClient, thread: string): Promise<void> {
    this.#serialFollowing?.abort();
    this.#serialThread = thread;
    const { signal } = (this.#serialFollowing = new AbortController());
    try {
      for await (const status of followJoin(client, thread, signal)) {
        if (signal.aborted) return;
        this.#serial = serialRow(status);
        this.#post({ type: 'serial', run: this.#serial });
        if (!status.complete) continue;
        if (this.#attempt !== null) this.#reportSoon(client, this.#attempt, 0);
        return;
      }
    } catch (thrown) {
      if (!signal.aborted) this.#host.log.warn(`panel ${this.#alias}: ${messageOf(thrown)}`);
    }
  }

  async #answer({ id, request }: ToHost & { type: 'request' }): Promise<void> {
    const generation = this.#generation;
    const reply = (result: (ToView & { type: 'reply' })['result']): void => {
      // A newer view numbers its requests from the start.
      if (generation === this.#generation) this.#post({ type: 'reply', id, result });
    };
    try {
      reply({ ok: true, value: await this.#do(request) });
    } catch (thrown) {
      reply({ ok: false, problem: problemOf(thrown) });
    }
  }

  async #do(request: ViewRequest): Promise<string | null> {
    switch (request.kind) {
      case 'pause':
        this.#pause();
        return null;
      case 'resume':
        this.#paused = false;
        this.#followAnew();
        return null;
      case 'export-json':
        return this.#save('json', async () => Buffer.from(await this.#json(), 'utf8'));
      case 'export-picture':
        return this.#save(request.format, () =>
          Promise.resolve(Buffer.from(request.data, request.format === 'png' ? 'base64' : 'utf8')),
        );
      default:
        await this.#command(request);
        return null;
    }
  }

  async #command(request: CommandRequest): Promise<void> {
    const { run, access } = this.#host;
    const begun = await runRequested(run, request, this.#thread, this.#serial?.thread ?? null);
    if (begun !== undefined && access.client !== undefined) void this.#followSerial(access.client, begun);
  }

  #pause(): void {
    this.#paused = true;
    this.#stop();
    this.#stream('paused', null);
  }

  /** Returns the documents as `spl --json` prints them. */
  async #json(): Promise<string> {
    const client = this.#client();
    const [task, join, speedup] = await Promise.all([
      client.report('task', { task: this.#thread }),
      readFanOut(client, this.#thread, AbortSignal.timeout(EXPORT_MS)),
      client.report('speedup', { task: this.#thread, vsSerial: this.#baseline() }),
    ]);
    return `${terminalJson({ task, join, speedup }, 2)}\n`;
  }

  async #save(format: ExportFormat, content: () => Promise<Uint8Array>): Promise<string | null> {
    return exportFile(`${this.#alias}-join`, format, await content());
  }

  #client(): EngineClient {
    const { client } = this.#host.access;
    if (client !== undefined) return client;
    throw new FleetError('UNREACHABLE', vscode.l10n.t('no engine answers'));
  }

  #stream(state: StreamState, note: string | null): void {
    this.#post({ type: 'stream', state, note });
  }

  #post(message: ToView): void {
    if (!this.#ready) return;
    void this.#panel.webview.postMessage(message);
  }

  #files(): vscode.Uri {
    return vscode.Uri.joinPath(this.#host.extensionUri, 'dist', 'webview');
  }

  #html(): string {
    const { webview } = this.#panel;
    const uri = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.#files(), name)).toString();
    return pageHtml({
      scriptUri: uri('main.js'),
      styleUri: uri('main.css'),
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      language: vscode.env.language,
      title: 'Join & Speedup',
    });
  }
}

function problemOf(thrown: unknown): Problem {
  if (FleetError.is(thrown)) return { code: thrown.code, message: thrown.message, hint: thrown.hint ?? null };
  return { code: 'INTERNAL', message: messageOf(thrown), hint: null };
}
