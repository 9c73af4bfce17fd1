import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { followFanOut, type FanOutChange } from '../../engine/client/fan-out.ts';
import { keepFollowing } from '../../engine/client/follow.ts';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { runText } from '../../engine/contract/run-name.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import {
  decodeToHost,
  serialRow,
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
import { exportedJson, exportFile, type ExportFormat } from './export-file.ts';
import { pageFile, pageOf, tabIcon } from './page.ts';
import { runRequested, type CommandRequest } from './panel-commands.ts';
import { problemOf } from './problem.ts';
import { SerialRun } from './serial-run.ts';
import { panelTitle } from './panel-title.ts';
import { SpeedupReports } from './speedup-reports.ts';
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

/** An attempt to follow the fan-out. */
interface Attempt {
  readonly client: EngineClient;
  readonly signal: AbortSignal;
}

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
  readonly #serial: SerialRun;
  readonly #reports: SpeedupReports;
  /** The number of the present view of this panel. Each view is a new page. */
  #generation = 0;
  #closed = false;
  #ready = false;
  #paused = false;
  #following: AbortController | null = null;
  /** The present attempt to follow; null while none is made. */
  #attempt: Attempt | null = null;
  #flow: ChangeFlow | null = null;
  #complete: boolean | null = null;
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
    this.#serial = new SerialRun(task.thread, {
      onStatus: status => this.#serialMoved(status),
      onFailed: thrown => host.log.warn(`panel ${this.#alias}: ${messageOf(thrown)}`),
    });
    this.#reports = new SpeedupReports(
      () => ({ task: task.thread, vsSerial: this.#serial.baseline }),
      report => this.#post(report),
    );
    panel.iconPath = tabIcon(host.extensionUri);
    this.#owned.add(panel.webview.onDidReceiveMessage(data => this.#onMessage(data)));
    this.#owned.add(panel.onDidChangeViewState(() => this.#seenOrHidden()));
    this.#owned.add(host.access.onDidChange(() => this.#followAnew()));
    this.#owned.add(host.model.onDidChange(() => this.#findSerial()));
    this.#owned.add(panel.onDidDispose(() => this.dispose()));
    panel.webview.options = { enableScripts: true, localResourceRoots: [pageFile(host.extensionUri)] };
    panel.webview.html = pageOf(panel.webview, host.extensionUri, {
      script: ['main.js'],
      style: ['main.css'],
      title: 'Join & Speedup',
    });
  }

  get thread(): string {
    return this.#thread;
  }

  get title(): string {
    return this.#panel.title;
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
    this.#serial.stop();
    this.#reports.stop();
    this.#attempt = this.#flow = null;
  }

  async #follow(client: EngineClient, signal: AbortSignal, succeeded: () => void): Promise<void> {
    this.#attempt = { client, signal };
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
    const name = task.run == null ? task.alias : runText(task.run);
    this.#alias = task.alias;
    this.#panel.title = panelTitle(task);
    const serial = task.fan_out?.serial ?? false;
    // A goal may be very long. Its first part is enough.
    const goal = task.goal.slice(0, 500);
    this.#post({ type: 'task', thread: task.thread, alias: task.alias, name, goal, serial });
  }

  #changed(client: EngineClient, change: FanOutChange, signal: AbortSignal): void {
    if (this.#complete === null) {
      this.#stream('live', null);
      this.#findSerial();
    }
    this.#flow?.offer(change);
    const isNews = this.#complete !== change.status.complete;
    this.#complete = change.status.complete;
    if (isNews) this.#reports.now(client, signal);
    else this.#reports.soon(client, signal);
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

  #findSerial(): void {
    if (this.#attempt !== null) this.#serial.find(this.#attempt.client, this.#host.model.tasks);
  }

  #serialMoved(status: JoinStatus): void {
    this.#post({ type: 'serial', run: serialRow(status) });
    if (status.complete && this.#attempt !== null)
      this.#reports.now(this.#attempt.client, this.#attempt.signal);
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
        return this.#save('json', await this.#json());
      case 'export-picture':
        return this.#save(
          request.format,
          Buffer.from(request.data, request.format === 'png' ? 'base64' : 'utf8'),
        );
      default:
        await this.#command(request);
        return null;
    }
  }

  async #command(request: CommandRequest): Promise<void> {
    const { run, access } = this.#host;
    const begun = await runRequested(run, request, this.#thread, this.#serial.thread);
    if (begun !== undefined && access.client !== undefined) void this.#serial.follow(access.client, begun);
  }

  #pause(): void {
    this.#paused = true;
    this.#stop();
    this.#stream('paused', null);
  }

  async #json(): Promise<Uint8Array> {
    const { client } = this.#host.access;
    if (client === undefined) throw new FleetError('UNREACHABLE', vscode.l10n.t('no engine answers'));
    return Buffer.from(await exportedJson(client, this.#thread, this.#serial.baseline), 'utf8');
  }

  #save(format: ExportFormat, content: Uint8Array): Promise<string | null> {
    return exportFile(`${this.#alias}-join`, format, content);
  }

  #stream(state: StreamState, note: string | null): void {
    this.#post({ type: 'stream', state, note });
  }

  #post(message: ToView): void {
    if (!this.#ready) return;
    void this.#panel.webview.postMessage(message);
  }
}
