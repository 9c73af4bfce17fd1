import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { follow, keepFollowing, type Changed } from '../../engine/client/follow.ts';
import type { FleetDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';

/** The number of newest tasks that the views show. Tasks under way are shown as well, however old. */
const MAX_TASKS = 500;
/** The shortest time between two readings, in milliseconds: short enough for people, and cheap under many changes. */
const MIN_INTERVAL_MS = 40;

/** The kinds of engine events that concern the views. */
const KINDS = ['task', 'instance', 'namespace'] as const;

/** The delay before the next reading after a failed one, in milliseconds. */
const RETRY_MS = 250;
/** The longest wait for a task to be in the model, and in the expected state, in milliseconds. */
const KNOWN_MS = 2000;

/** The state of the fleet that the views show. It is read again when the engine reports a change. */
export class FleetModel implements vscode.Disposable {
  readonly #access: EngineAccess;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new vscode.EventEmitter<Changed>();
  readonly #listening: vscode.Disposable;
  #following: { readonly client: EngineClient; readonly stop: AbortController } | undefined;
  #fleet: FleetDocument | undefined;
  #tasks = new Map<string, TaskDocument>();
  readonly onDidChange = this.#changed.event;

  constructor(access: EngineAccess, log: vscode.LogOutputChannel) {
    this.#access = access;
    this.#log = log;
    this.#listening = access.onDidChange(() => this.#switch());
    this.#switch();
  }

  /** Undefined until an engine has answered. */
  get fleet(): FleetDocument | undefined {
    return this.#fleet;
  }

  /** The tasks by thread, the newest first. Without an engine, those that ended while there was one. */
  get tasks(): ReadonlyMap<string, TaskDocument> {
    return this.#tasks;
  }

  /** The number of fan-outs under way, including those that are not shown. */
  get underWay(): number {
    return this.#fleet?.open_fan_outs ?? underWayIn(this.#tasks);
  }

  /** Returns the task with this thread or alias. */
  task(name: string): TaskDocument | undefined {
    return this.#tasks.get(name) ?? [...this.#tasks.values()].find(({ alias }) => alias === name);
  }

  /** Resolves when the model has the task of this thread and `isSo` holds for it, or after a time limit. */
  async known(thread: string, isSo: (task: TaskDocument) => boolean = () => true): Promise<void> {
    const isKnown = (): boolean => {
      const task = this.#tasks.get(thread);
      return task !== undefined && isSo(task);
    };
    if (isKnown()) return;
    await new Promise<void>(resolve => {
      const settle = (): void => {
        heard.dispose();
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(settle, KNOWN_MS);
      const heard = this.onDidChange(() => {
        if (isKnown()) settle();
      });
    });
  }

  dispose(): void {
    this.#following?.stop.abort();
    this.#listening.dispose();
    this.#changed.dispose();
  }

  #switch(): void {
    const { client } = this.#access;
    if (client === this.#following?.client) return;
    this.#following?.stop.abort();
    this.#following = undefined;
    if (client === undefined) return this.#clear();
    const stop = new AbortController();
    this.#following = { client, stop };
    const pauseMs = (failure: unknown): number => {
      if (failure !== undefined) this.#log.warn(`following the fleet: ${messageOf(failure)}`);
      return RETRY_MS;
    };
    // The same client may find another coordinator behind its socket, so a question that failed is asked again.
    void keepFollowing(attempt => this.#follow(client, attempt), pauseMs, stop.signal);
  }

  /** Keeps what has ended: it stays readable when the fleet is stopped. What is open is unknown without an engine. */
  #clear(): void {
    this.#fleet = undefined;
    this.#tasks = new Map([...this.#tasks].filter(([, task]) => isOver(task)));
    this.#changed.fire({ all: true, namespaces: true, tasks: new Map() });
  }

  async #follow(client: EngineClient, signal: AbortSignal): Promise<void> {
    // No pause after a heartbeat: a change that a person waits for may follow it.
    const isFlood = ({ tasks }: Changed): boolean => tasks.size > 0;
    const options = { kinds: KINDS, intervalMs: MIN_INTERVAL_MS, isFlood };
    for await (const changed of follow(client, options, signal)) await this.#read(client, changed, signal);
  }

  async #read(client: EngineClient, changed: Changed, signal: AbortSignal): Promise<void> {
    const [fleet, tasks] = await Promise.all([
      // Task events cover the deliveries of an instance.
      client.report('fleet', {}, signal),
      changed.all
        ? newestTasks(client, signal)
        : withTasks(this.#tasks, client, [...changed.tasks.keys()], signal),
    ]);
    const all = changed.all ? await withOlder(tasks, fleet.open_fan_outs ?? 0, client, signal) : tasks;
    if (signal.aborted) return;
    this.#fleet = fleet;
    this.#tasks = all;
    this.#changed.fire(changed);
  }
}

const isOver = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut?.complete === true && !fanOut.under_way;

const isUnderWay = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut?.under_way === true;

const underWayIn = (tasks: ReadonlyMap<string, TaskDocument>): number =>
  [...tasks.values()].filter(isUnderWay).length;

async function newestTasks(client: EngineClient, signal: AbortSignal): Promise<Map<string, TaskDocument>> {
  const { tasks } = await client.report('tasks', { all: true, limit: MAX_TASKS }, signal);
  return new Map(tasks.map(task => [task.thread, task] as const).reverse());
}

/** Adds older tasks that are under way. If the engine returns only some of them, these are the oldest. */
async function withOlder(
  tasks: Map<string, TaskDocument>,
  underWay: number,
  client: EngineClient,
  signal: AbortSignal,
): Promise<Map<string, TaskDocument>> {
  if (underWayIn(tasks) >= underWay) return tasks;
  const { fan_outs: open } = await client.report('live', {}, signal);
  const missing = open.map(({ thread }) => thread).filter(thread => !tasks.has(thread));
  return withTasks(tasks, client, missing, signal);
}

/** Replaces the tasks that were read again. The newest come first. */
async function withTasks(
  tasks: ReadonlyMap<string, TaskDocument>,
  client: EngineClient,
  threads: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, TaskDocument>> {
  const read = await Promise.all(threads.map(thread => taskOf(client, thread, signal)));
  const found = read.filter(task => task !== undefined);
  const fresh = found.filter(({ thread }) => !tasks.has(thread)).reverse();
  const result = new Map([...fresh.map(task => [task.thread, task] as const), ...tasks]);
  for (const task of found) result.set(task.thread, task);
  return shownOf([...result.values()], threads);
}

/**
 * Returns the newest tasks, and older ones under way. Keeps a task that has just changed until every listener has seen
 * it.
 */
function shownOf(tasks: TaskDocument[], changed: readonly string[]): Map<string, TaskDocument> {
  const isShown = (task: TaskDocument, place: number): boolean =>
    task.archived !== true && (place < MAX_TASKS || isUnderWay(task) || changed.includes(task.thread));
  const shown = tasks.toSorted((a, b) => b.created_unix - a.created_unix).filter(isShown);
  return new Map(shown.map(task => [task.thread, task] as const));
}

async function taskOf(
  client: EngineClient,
  thread: string,
  signal: AbortSignal,
): Promise<TaskDocument | undefined> {
  try {
    return await client.report('task', { task: thread }, signal);
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND')) return undefined;
    throw thrown;
  }
}
