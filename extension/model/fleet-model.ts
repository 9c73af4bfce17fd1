import { linkedController } from '../../engine/contract/linked-controller.ts';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import { Changes } from '../../engine/client/changes.ts';
import type { EngineClient } from '../../engine/client/client.ts';
import type { FleetDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';

/** The parts of the model that changed; `all` when everything may have. */
export interface ModelChange {
  readonly all: boolean;
  readonly fleet: boolean;
  /** True when a namespace is new, gone or different. */
  readonly namespaces: boolean;
  /** Threads of tasks that are new or have changed. */
  readonly tasks: ReadonlySet<string>;
  /** The subtasks that have changed, by their task's thread. */
  readonly children: ReadonlyMap<string, ReadonlySet<number>>;
}

/** The newest tasks that the views show; those that are under way are shown beside them, however old. */
const MAX_TASKS = 500;
/** The shortest time between two readings, in milliseconds: a change is seen within a blink, a flood costs little. */
const MIN_INTERVAL_MS = 40;

/** The kinds of engine events that concern the views. */
const KINDS = ['task', 'instance', 'namespace'] as const;

/** The delay before the next reading after one that failed, in milliseconds. */
const RETRY_MS = 250;
/** The longest wait for a task to become known, or to become as wanted, in milliseconds. */
const KNOWN_MS = 2000;

/** The state of the fleet that the views show, read anew where the engine reports a change. */
export class FleetModel implements vscode.Disposable {
  readonly #access: EngineAccess;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new vscode.EventEmitter<ModelChange>();
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

  /** By thread, the newest first. */
  get tasks(): ReadonlyMap<string, TaskDocument> {
    return this.#tasks;
  }

  /** The number of fan-outs under way, those that are not shown among them. */
  get underWay(): number {
    return this.#fleet?.open_fan_outs ?? underWayIn(this.#tasks);
  }

  /** The task of this thread or alias. */
  task(name: string): TaskDocument | undefined {
    return this.#tasks.get(name) ?? [...this.#tasks.values()].find(({ alias }) => alias === name);
  }

  /** Settled when the task of this thread is known, and is so, or after a moment in which it did not become so. */
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
    void this.#goOnFollowing(client, stop.signal);
  }

  /** The same client may find another coordinator behind its socket: a question that met none is asked again. */
  async #goOnFollowing(client: EngineClient, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(client, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#log.warn(`following the fleet: ${messageOf(thrown)}`);
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #clear(): void {
    this.#fleet = undefined;
    this.#tasks = new Map();
    this.#changed.fire({ all: true, fleet: true, namespaces: true, tasks: new Set(), children: new Map() });
  }

  async #follow(client: EngineClient, signal: AbortSignal): Promise<void> {
    const changes = new Changes();
    const dirty = new Dirty();
    const { controller: stopped, release } = linkedController([signal]);
    const stop = stopped.signal;
    const listening = changes.noteAll(client.watch({ kinds: KINDS, signal: stop }), event => {
      dirty.add(event);
      return false;
    });
    try {
      while (await changes.next()) {
        const change = dirty.take();
        await this.#read(client, change, signal);
        // A heartbeat is no flood, and what people wait for may follow it.
        if (change.tasks.size > 0) await changes.settle(MIN_INTERVAL_MS);
      }
    } finally {
      stopped.abort();
      release();
      await listening;
    }
  }

  async #read(client: EngineClient, change: ModelChange, signal: AbortSignal): Promise<void> {
    const [fleet, tasks] = await Promise.all([
      change.fleet ? client.report('fleet', {}, signal) : this.#fleet,
      change.all ? newestTasks(client, signal) : withTasks(this.#tasks, client, change.tasks, signal),
    ]);
    const all = change.all ? await withOlder(tasks, fleet?.open_fan_outs ?? 0, client, signal) : tasks;
    if (signal.aborted) return;
    this.#fleet = fleet;
    this.#tasks = all;
    this.#changed.fire(change);
  }
}

const isUnderWay = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut?.under_way === true;

const underWayIn = (tasks: ReadonlyMap<string, TaskDocument>): number =>
  [...tasks.values()].filter(isUnderWay).length;

async function newestTasks(client: EngineClient, signal: AbortSignal): Promise<Map<string, TaskDocument>> {
  const { tasks } = await client.report('tasks', { all: true, limit: MAX_TASKS }, signal);
  return new Map(tasks.map(task => [task.thread, task] as const).reverse());
}

/** The tasks with those that are under way and older; where the engine tells of not all of them, the oldest. */
async function withOlder(
  tasks: Map<string, TaskDocument>,
  underWay: number,
  client: EngineClient,
  signal: AbortSignal,
): Promise<Map<string, TaskDocument>> {
  if (underWayIn(tasks) >= underWay) return tasks;
  const { fan_outs: open } = await client.report('live', {}, signal);
  const missing = open.map(({ thread }) => thread).filter(thread => !tasks.has(thread));
  return withTasks(tasks, client, new Set(missing), signal);
}

/** The tasks with those of the threads read anew, the newest first. */
async function withTasks(
  tasks: ReadonlyMap<string, TaskDocument>,
  client: EngineClient,
  threads: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Map<string, TaskDocument>> {
  const read = await Promise.all([...threads].map(thread => taskOf(client, thread, signal)));
  const found = read.filter(task => task !== undefined);
  const fresh = found.filter(({ thread }) => !tasks.has(thread)).reverse();
  const result = new Map([...fresh.map(task => [task.thread, task] as const), ...tasks]);
  for (const task of found) result.set(task.thread, task);
  return shownOf([...result.values()], threads);
}

/** The newest tasks, and older ones that are under way. One that has just changed stays until all have heard of it. */
function shownOf(tasks: TaskDocument[], changed: ReadonlySet<string>): Map<string, TaskDocument> {
  const isShown = (task: TaskDocument, place: number): boolean =>
    place < MAX_TASKS || isUnderWay(task) || changed.has(task.thread);
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

/** The parts of the model that must be read anew, gathered from events. */
class Dirty {
  #all = false;
  #fleet = false;
  #namespaces = false;
  #children = new Map<string, Set<number>>();

  add(event: {
    readonly kind: string;
    readonly thread?: string;
    readonly children?: readonly number[];
  }): void {
    if (event.kind === 'gap') this.#all = true;
    if (event.kind === 'gap' || event.kind === 'namespace') this.#namespaces = true;
    // What is assigned to an instance is told by the tasks' events.
    this.#fleet = true;
    if (event.kind !== 'task' || event.thread === undefined) return;
    const known = this.#children.get(event.thread) ?? new Set();
    for (const index of event.children ?? []) known.add(index);
    this.#children.set(event.thread, known);
  }

  take(): ModelChange {
    const taken = {
      all: this.#all,
      fleet: this.#fleet,
      namespaces: this.#namespaces,
      tasks: new Set(this.#children.keys()),
      children: this.#children,
    };
    this.#all = false;
    this.#fleet = false;
    this.#namespaces = false;
    this.#children = new Map();
    return taken;
  }
}
