import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import type { Breaker } from '../model/circuit-breakers.ts';
import { link } from '../model/dependencies.ts';
import { markReady, matricesAmong } from './apply-record.ts';
import { expandedSubtasks, mostMembers } from '../model/matrices.ts';
import type { Keyed } from '../model/state.ts';
import { recordedPredicate, type CelCompiler } from '../model/predicate.ts';
import { UNTOUCHED } from '../model/task-status.ts';
import {
  emptyState,
  FRESH_CHILD,
  newChild,
  Task,
  type Child,
  type Expansion,
  type FanOut,
  type FanOutHead,
  type FleetState,
  type Freeze,
  type SerializedFanOut,
  type Instance,
  type Joined,
  type Namespace,
  type Rule,
  type Run,
  type TaskFacts,
} from '../model/state.ts';
import { dependants } from '../model/subtask-graph.ts';
import type { Reusable } from '../model/record-bodies.ts';
import type { Usage } from '../model/namespace-usage.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { readSubtasks, writeSubtasks, type WrittenSubtasks } from '../../subtask/encoding.ts';

/** The version of the format below. Other versions are not read; the log is replayed instead. */
const FORMAT = 15;

interface Header {
  readonly format: number;
  readonly instances: readonly Instance[];
  readonly registryClocks: readonly [Did, number][];
  readonly idempotency: readonly [string, Keyed][];
  readonly aliases: readonly [string, ThreadId][];
  readonly runs: readonly [string, Run[]][];
  readonly open: readonly ThreadId[];
  readonly defaultExecutor: string | null;
  readonly shared: FleetState['shared'];
  readonly namespaces: readonly [string, Namespace][];
  readonly usages: readonly [string, Usage][];
  readonly rules: readonly [string, Rule][];
  readonly restored: readonly ThreadId[];
  readonly freezes: readonly [string, Freeze][];
  readonly emergency: FleetState['emergency'];
  readonly breakers: readonly [string, Breaker][];
  readonly ownClocks: readonly [ThreadId, number][];
  /** Absent in checkpoints of versions without reuse. */
  readonly reusable?: readonly [string, readonly Reusable[]][];
  /** The facts of each task, and the length of its fan-out in bytes; 0 for none. */
  readonly tasks: readonly SavedTask[];
}

interface SavedTask {
  readonly facts: TaskFacts;
  readonly clocks: readonly [Did, number][];
  readonly cancelled: Task['cancelled'];
  readonly outcome: Task['outcome'];
  /** Absent before the first task action. */
  readonly standing?: Task['standing'];
  /** Absent for false. */
  readonly archived?: true;
  readonly fanOutBytes: number;
}

/** The first line of a fan-out's bytes: the facts that are available without reading further. */
interface SavedHead extends FanOutHead {
  readonly retrying: number;
  readonly roundOpenedBy: RecordId;
  readonly spawned: number;
}

/** The second line. */
interface SavedMembers {
  /** The subtasks at the opening. */
  readonly subtasks: WrittenSubtasks;
  /** Absent without any. */
  readonly expansions?: readonly Expansion[];
  /** The fields in which each child differs from a new one. */
  readonly children: readonly Partial<Child>[];
}

/**
 * Replaces finished fan-outs by their bytes in a checkpoint, which frees memory. Each step is short, and the state may
 * change between steps. Start it when all decisions are durable.
 */
export function* serializeFinished(state: FleetState, cel: CelCompiler): Generator<undefined, void> {
  const finished: [Task, FanOut, Joined][] = [];
  for (const task of state.tasks.values()) {
    if (task.serializedBytes !== null || state.open.has(task.thread)) continue;
    const { fanOut } = task;
    if (fanOut?.joined != null) finished.push([task, fanOut, fanOut.joined]);
  }
  for (const [task, fanOut, joined] of finished) {
    const children: string[] = [];
    for (let from = 0; from < fanOut.children.length; from += STRETCH) {
      children.push(childrenText(fanOut.children.slice(from, from + STRETCH)));
      yield;
    }
    // A retry may have reopened it in the meantime.
    if (fanOut.joined === joined && !state.open.has(task.thread))
      task.freeze(frozen(state, fanOutBytes(fanOut, children.join()), cel));
    yield;
  }
}

/** The number of children that one step of `serializeFinished` encodes: about a millisecond of work. */
const STRETCH = 500;

/** Returns the present parts of `saveState`, for callers that join them one at a time. */
export function saveParts(state: FleetState, cel: CelCompiler): readonly Uint8Array[] {
  const fanOuts: Uint8Array[] = [];
  const tasks: SavedTask[] = [];
  for (const task of state.tasks.values()) {
    const bytes = bytesOf(task);
    if (bytes.length > 0) {
      fanOuts.push(bytes);
      if (!state.open.has(task.thread)) task.freeze(frozen(state, bytes, cel));
    }
    tasks.push({
      facts: task.facts,
      clocks: [...task.clocks],
      cancelled: task.cancelled,
      outcome: task.outcome,
      ...(task.standing === UNTOUCHED ? {} : { standing: task.standing }),
      ...(task.archived && { archived: true }),
      fanOutBytes: bytes.length,
    });
  }
  const header: Header = {
    format: FORMAT,
    instances: [...state.instances.values()],
    registryClocks: [...state.registryClocks],
    idempotency: [...state.idempotency],
    aliases: [...state.aliases],
    runs: [...state.runs],
    open: [...state.open],
    defaultExecutor: state.defaultExecutor,
    shared: state.shared,
    namespaces: [...state.namespaces],
    usages: [...state.usages],
    rules: [...state.rules],
    restored: [...state.restored],
    freezes: [...state.freezes],
    emergency: state.emergency,
    breakers: [...state.breakers],
    ownClocks: [...state.ownClocks],
    reusable: [...state.reusable],
    tasks,
  };
  return [Buffer.from(JSON.stringify(header) + '\n'), ...fanOuts];
}

/**
 * Returns the state as bytes for a checkpoint: a header line with everything but the fan-outs, then the fan-outs one
 * after the other. Finished fan-outs are kept as these bytes from now on, which frees memory.
 */
export function saveState(state: FleetState, cel: CelCompiler): Uint8Array {
  return Buffer.concat(saveParts(state, cel));
}

/** Returns the state saved by `saveState`, or undefined for bytes of another format. */
export function restoreState(bytes: Uint8Array, cel: CelCompiler): FleetState | undefined {
  const end = bytes.indexOf(10);
  if (end < 0) return undefined;
  const header = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8')) as Header;
  if (header.format !== FORMAT) return undefined;
  const state = emptyState();
  for (const instance of header.instances) state.instances.set(instance.did, instance);
  for (const [did, clock] of header.registryClocks) state.registryClocks.set(did, clock);
  for (const [key, kept] of header.idempotency) state.idempotency.set(key, kept);
  for (const [alias, thread] of header.aliases) state.aliases.set(alias, thread);
  for (const [name, runs] of header.runs) state.runs.set(name, runs);
  for (const thread of header.open) state.open.add(thread);
  state.defaultExecutor = header.defaultExecutor;
  state.shared = header.shared;
  for (const [id, namespace] of header.namespaces) state.namespaces.set(id, namespace);
  for (const [id, usage] of header.usages) state.usages.set(id, usage);
  for (const [name, rule] of header.rules) state.rules.set(name, rule);
  for (const thread of header.restored) state.restored.add(thread);
  for (const [id, freeze] of header.freezes) state.freezes.set(id, freeze);
  state.emergency = header.emergency;
  for (const [executor, breaker] of header.breakers) state.breakers.set(executor, breaker);
  for (const [thread, clock] of header.ownClocks) state.ownClocks.set(thread, clock);
  for (const [key, attempts] of header.reusable ?? []) state.reusable.set(key, attempts);
  let from = end + 1;
  for (const { facts, clocks, cancelled, outcome, standing, archived, fanOutBytes: length } of header.tasks) {
    const task = new Task(facts, new Map(clocks));
    task.cancelled = cancelled;
    task.outcome = outcome;
    task.standing = standing ?? UNTOUCHED;
    task.archived = archived ?? false;
    link(state, task);
    if (length > 0) task.freeze(frozen(state, bytes.subarray(from, from + length), cel));
    from += length;
    state.tasks.set(facts.thread, task);
  }
  return state;
}

const NOTHING = new Uint8Array(0);

function bytesOf(task: Task): Uint8Array {
  if (task.serializedBytes !== null) return task.serializedBytes;
  const { fanOut } = task;
  return fanOut === null ? NOTHING : fanOutBytes(fanOut, childrenText(fanOut.children));
}

function fanOutBytes(fanOut: FanOut, children: string): Uint8Array {
  const { id, join, losers, timeoutMs, serialOf, budget, namespace, noInput, maxParallel } = fanOut;
  const { env, environment, priority, force } = fanOut;
  const { counts, followUps, openFollowUps, retrying, echoed } = fanOut;
  const { run, round, roundStartedAt, roundOpenedBy, spawned, joined } = fanOut;
  const head: SavedHead = {
    id,
    join,
    losers,
    timeoutMs,
    serialOf,
    budget,
    namespace,
    run,
    noInput,
    maxParallel,
    env,
    environment,
    ...(priority !== undefined && { priority }),
    ...(force === true && { force }),
    counts,
    followUps,
    openFollowUps,
    retrying,
    round,
    roundStartedAt,
    roundOpenedBy,
    spawned,
    joined,
    echoed,
  };
  const subtasks = JSON.stringify(writeSubtasks(fanOut.opened));
  const { expansions } = fanOut;
  const expanded = expansions.length === 0 ? '' : `,"expansions":${JSON.stringify(expansions)}`;
  return Buffer.from(`${JSON.stringify(head)}\n{"subtasks":${subtasks}${expanded},"children":[${children}]}`);
}

/** Returns the elements of the list as JSON, without its brackets. */
function childrenText(children: readonly Child[]): string {
  return JSON.stringify(children.map(changesOf)).slice(1, -1);
}

/**
 * Returns the fields in which a child differs from a new one without dependencies. The index is implied by the
 * position.
 */
function changesOf(child: Child): Partial<Child> {
  const changes: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(child))
    if (value !== FRESH_CHILD[key] && key !== 'index') changes[key] = value;
  return changes;
}

/** Returns a fan-out of these bytes that is loaded on demand. */
function frozen(state: FleetState, bytes: Uint8Array, cel: CelCompiler): SerializedFanOut {
  const text = (from: number, to: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
  const end = bytes.indexOf(10);
  const head = (): SavedHead => JSON.parse(text(0, end)) as SavedHead;
  return {
    bytes,
    head,
    load: task => thawed(state, task, head(), JSON.parse(text(end + 1, bytes.length)) as SavedMembers, cel),
  };
}

function thawed(
  state: FleetState,
  task: Task,
  head: SavedHead,
  members: SavedMembers,
  cel: CelCompiler,
): FanOut {
  const opened = readSubtasks(members.subtasks);
  const expansions = [...(members.expansions ?? [])];
  const subtasks = expansions.reduce<readonly CompleteSubtask[]>(
    (all, { index, values }) => expandedSubtasks(all, index, values),
    opened,
  );
  const hasDependencies = subtasks.some(subtask => subtask.depends_on.length > 0);
  const fanOut: FanOut = {
    ...head,
    task,
    opened,
    subtasks,
    expansions,
    matrices: matricesAmong(subtasks),
    predicate: recordedPredicate(head.join, mostMembers(opened), cel),
    children: members.children.map((changes, index) => Object.assign(newChild(index, 0), changes)),
    threads: new Array<undefined>(subtasks.length),
    dependants: hasDependencies ? dependants(subtasks) : null,
    asking: new Set(members.children.flatMap(({ asks }, index) => (asks == null ? [] : index))),
    ready: new Map(),
  };
  for (const index of fanOut.matrices)
    if (fanOut.children[index]!.state !== 'pending') fanOut.matrices.delete(index);
  for (const child of fanOut.children)
    if (child.state === 'pending' && child.unmet === 0 && child.asks === null)
      markReady(state, fanOut, child);
  return fanOut;
}
