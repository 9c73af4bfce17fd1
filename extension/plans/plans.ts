import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { messageOf } from '../../engine/errors.ts';
import type { Outline } from '../../engine/language/protocol.ts';
import type { EngineAccess } from '../access.ts';
import { DisposableStore } from '../disposable.ts';
import type { Changed } from '../../engine/client/follow.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { once } from '../session/once.ts';
import { knownOf } from './known.ts';
import { lastRunOf } from './last-run.ts';
import type { PlanClient } from './plan-client.ts';
import { Paced } from './paced.ts';
import { isPlan } from './plan-files.ts';
import type { PlanRuns } from './plan-runs.ts';
import { RunChildren } from './run-children.ts';

/** The services for the parts of the editor that show plans. */
export interface PlanHost {
  readonly access: EngineAccess;
  readonly model: FleetModel;
  readonly runs: PlanRuns;
  readonly log: vscode.LogOutputChannel;
  /** Starts the server of plans. */
  start(): Promise<PlanClient>;
}

/** The shortest time between two updates of the server with changes of the fleet, in milliseconds. */
const TELL_MS = 250;

/**
 * The plans that are open in this window. Starts the server with the first of them. Sends the server the facts of the
 * fleet and the last run of each plan, and returns the outlines that the server reads.
 */
export class Plans implements vscode.Disposable {
  readonly #host: PlanHost;
  readonly #owned = new DisposableStore();
  readonly #outlines = new Map<string, Outline>();
  /** The run of each plan that the server knows. */
  readonly #reported = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<string>();
  readonly #children = new RunChildren();
  readonly #client: () => Promise<PlanClient>;
  readonly #telling = new Paced(() => this.#tell().catch((error: unknown) => this.#debug(error)), TELL_MS);
  /** The number of questions about each plan. Only the answer to the last one counts. */
  readonly #asked = new Map<string, number>();
  #isStarted = false;
  /** Fires with a plan whose display has changed. */
  readonly onDidChange = this.#changed.event;

  constructor(host: PlanHost) {
    this.#host = host;
    this.#client = once(async () => this.#started(await host.start()));
    this.#owned.add(this.#changed);
    this.#owned.add(vscode.workspace.onDidOpenTextDocument(document => this.#opened(document)));
    this.#owned.add(vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#closed(uri.toString())));
    this.#owned.add(host.access.onDidChange(() => this.#tellSoon()));
    this.#owned.add(host.model.onDidChange(change => this.#fleetChanged(change)));
    this.#owned.add(
      host.runs.onDidRun(uri => {
        this.#changed.fire(uri);
        this.#tellSoon();
      }),
    );
    for (const document of vscode.workspace.textDocuments) this.#opened(document);
  }

  /** Returns the outline of a plan as the server read it last; null if the plan cannot be read. */
  outline(uri: vscode.Uri): Outline {
    return this.#outlines.get(uri.toString()) ?? null;
  }

  /** Returns the task of a plan's last run, if the model still has it. */
  lastRun(uri: vscode.Uri): ReturnType<FleetModel['task']> {
    const thread = this.#host.runs.threadOf(uri.toString());
    return thread === undefined ? undefined : this.#host.model.task(thread);
  }

  /**
   * Returns the first 2,000 subtasks of that run; none without a run or an engine.
   * @throws the engine's errors
   */
  async lastChildren(uri: vscode.Uri): Promise<readonly ChildDocument[]> {
    const { client } = this.#host.access;
    const task = this.lastRun(uri);
    if (task?.fan_out == null || client === undefined) return [];
    return this.#children.of(client, task.thread, task.fan_out.subtasks);
  }

  /** Returns the client of the server. Starts the server if it is not running. */
  client(): Promise<PlanClient> {
    return this.#client();
  }

  dispose(): void {
    this.#telling.dispose();
    this.#owned.dispose();
  }

  #opened(document: vscode.TextDocument): void {
    if (!isPlan(document)) return;
    this.#client().catch((error: unknown) => this.#host.log.error(`plans: ${messageOf(error)}`));
  }

  #closed(uri: string): void {
    this.#outlines.delete(uri);
    this.#reported.delete(uri);
    this.#asked.delete(uri);
  }

  #debug(error: unknown): void {
    this.#host.log.debug(`plans: ${messageOf(error)}`);
  }

  #started(client: PlanClient): PlanClient {
    this.#owned.add(client);
    this.#isStarted = true;
    // A restarted server knows nothing.
    this.#owned.add(
      client.onDidStartAgain(() => {
        this.#reported.clear();
        this.#tellSoon();
      }),
    );
    this.#owned.add(
      client.onDidRead(({ uri }) => void this.#read(client, vscode.Uri.parse(uri).toString(), uri)),
    );
    this.#tellSoon();
    return client;
  }

  async #read(client: PlanClient, key: string, uri: string): Promise<void> {
    const asked = (this.#asked.get(key) ?? 0) + 1;
    this.#asked.set(key, asked);
    let outline: Outline;
    try {
      outline = await client.outline(uri);
    } catch (error) {
      return this.#debug(error);
    }
    if (this.#asked.get(key) !== asked) return;
    const before = this.#outlines.get(key)?.namespace;
    this.#outlines.set(key, outline);
    this.#changed.fire(key);
    if (outline?.namespace !== before) this.#tellSoon();
  }

  #fleetChanged(change: Changed): void {
    this.#children.take(change);
    this.#tellSoon();
    for (const uri of this.#outlines.keys()) if (this.#isAbout(uri, change)) this.#changed.fire(uri);
  }

  /** Returns true if a change concerns the plan's last run, or the serial run that measures it. */
  #isAbout(uri: string, { all, tasks }: Changed): boolean {
    const last = this.#host.runs.threadOf(uri);
    if (last === undefined) return false;
    if (all || tasks.has(last)) return true;
    return [...tasks.keys()].some(thread => this.#host.model.task(thread)?.fan_out?.serial_of === last);
  }

  #tellSoon(): void {
    if (this.#isStarted) this.#telling.soon();
  }

  async #tell(): Promise<void> {
    const server = await this.#client();
    const engine = this.#host.access.client;
    if (engine === undefined) return server.know(null);
    const named = [...this.#outlines.values()].flatMap(outline => outline?.namespace ?? []);
    await server.know(await knownOf(engine, new Set(named)));
    for (const uri of this.#outlines.keys()) await this.#tellLastRun(server, engine, uri);
  }

  async #tellLastRun(server: PlanClient, engine: EngineClient, uri: string): Promise<void> {
    const task = this.lastRun(vscode.Uri.parse(uri));
    if (task?.fan_out?.complete !== true) return;
    const run = `${task.thread} ${task.fan_out.round}`;
    if (this.#reported.get(uri) === run) return;
    await server.remember({ uri, facts: await lastRunOf(engine, task.thread) });
    this.#reported.set(uri, run);
  }
}
