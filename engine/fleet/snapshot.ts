import type { Did, RecordId, ThreadId } from '../record/ids.ts';
import { markReady } from './fold.ts';
import { recordedPredicate, type CelCompiler } from './predicate.ts';
import {
  emptyState,
  Task,
  type Child,
  type FanOut,
  type FleetState,
  type Instance,
  type Joined,
  type TaskFacts,
} from './state.ts';
import { dependants, type CompleteSubtask } from './subtasks.ts';

/** Of the format below; another one is not read, and the log is replayed instead. */
const FORMAT = 2;

interface Header {
  readonly format: number;
  readonly instances: readonly Instance[];
  readonly registryClocks: readonly [Did, number][];
  readonly idempotency: readonly [string, ThreadId][];
  readonly aliases: readonly [string, ThreadId][];
  readonly open: readonly ThreadId[];
  readonly defaultExecutor: string | null;
  /** For each task its facts, and the length in bytes of its fan-out, 0 for none. */
  readonly tasks: readonly SavedTask[];
}

interface SavedTask {
  readonly facts: TaskFacts;
  readonly clocks: readonly [Did, number][];
  readonly cancelled: Task['cancelled'];
  readonly outcome: Task['outcome'];
  readonly fanOutBytes: number;
}

interface SavedFanOut {
  readonly id: RecordId;
  readonly subtasks: readonly CompleteSubtask[];
  readonly join: string;
  readonly losers: FanOut['losers'];
  readonly timeoutMs: number | null;
  readonly serialOf: ThreadId | null;
  readonly budgetUsd: number | null;
  readonly counts: FanOut['counts'];
  readonly round: number;
  readonly roundStartedAt: number;
  readonly roundOpenedBy: RecordId;
  readonly spawned: number;
  readonly joined: Joined | null;
  readonly children: readonly Child[];
}

/**
 * The state as bytes, for a checkpoint: a header line with everything but the fan-outs, then the fan-outs one after
 * the other. Fan-outs that are over are kept as these bytes from now on, and give their memory back.
 */
export function saveState(state: FleetState, cel: CelCompiler): Uint8Array {
  const fanOuts: Uint8Array[] = [];
  const tasks: SavedTask[] = [];
  for (const task of state.tasks.values()) {
    const bytes = fanOutBytes(task);
    if (bytes.length > 0) {
      fanOuts.push(bytes);
      if (!state.open.has(task.thread)) task.freeze(bytes, thawWith(cel));
    }
    tasks.push({
      facts: task.facts,
      clocks: [...task.clocks],
      cancelled: task.cancelled,
      outcome: task.outcome,
      fanOutBytes: bytes.length,
    });
  }
  const header: Header = {
    format: FORMAT,
    instances: [...state.instances.values()],
    registryClocks: [...state.registryClocks],
    idempotency: [...state.idempotency],
    aliases: [...state.aliases],
    open: [...state.open],
    defaultExecutor: state.defaultExecutor,
    tasks,
  };
  return Buffer.concat([Buffer.from(JSON.stringify(header) + '\n'), ...fanOuts]);
}

/** The state that `saveState` saved, or undefined when the bytes are of another format. */
export function restoreState(bytes: Uint8Array, cel: CelCompiler): FleetState | undefined {
  const end = bytes.indexOf(10);
  if (end < 0) return undefined;
  const header = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8')) as Header;
  if (header.format !== FORMAT) return undefined;
  const state = emptyState();
  for (const instance of header.instances) state.instances.set(instance.did, instance);
  for (const [did, clock] of header.registryClocks) state.registryClocks.set(did, clock);
  for (const [key, thread] of header.idempotency) state.idempotency.set(key, thread);
  for (const [alias, thread] of header.aliases) state.aliases.set(alias, thread);
  for (const thread of header.open) state.open.add(thread);
  state.defaultExecutor = header.defaultExecutor;
  let from = end + 1;
  for (const { facts, clocks, cancelled, outcome, fanOutBytes: length } of header.tasks) {
    const task = new Task(facts, new Map(clocks));
    task.cancelled = cancelled;
    task.outcome = outcome;
    if (length > 0) task.freeze(bytes.subarray(from, from + length), thawWith(cel));
    from += length;
    state.tasks.set(facts.thread, task);
  }
  return state;
}

const NOTHING = new Uint8Array(0);

function fanOutBytes(task: Task): Uint8Array {
  if (task.frozenBytes !== null) return task.frozenBytes;
  const { fanOut } = task;
  if (fanOut === null) return NOTHING;
  const {
    id,
    subtasks,
    join,
    losers,
    timeoutMs,
    serialOf,
    budgetUsd,
    counts,
    round,
    roundStartedAt,
    roundOpenedBy,
    spawned,
    joined,
    children,
  } = fanOut;
  const saved: SavedFanOut = {
    id,
    subtasks,
    join,
    losers,
    timeoutMs,
    serialOf,
    budgetUsd,
    counts,
    round,
    roundStartedAt,
    roundOpenedBy,
    spawned,
    joined,
    children,
  };
  return Buffer.from(JSON.stringify(saved));
}

function thawWith(cel: CelCompiler): (task: Task, bytes: Uint8Array) => FanOut {
  return (task, bytes) => {
    const saved = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    ) as SavedFanOut;
    const hasDependencies = saved.subtasks.some(subtask => subtask.depends_on.length > 0);
    const fanOut: FanOut = {
      ...saved,
      task,
      predicate: recordedPredicate(saved.join, saved.subtasks.length, cel),
      dependants: hasDependencies ? dependants(saved.subtasks) : null,
      ready: new Map(),
    };
    for (const child of fanOut.children)
      if (child.state === 'pending' && child.unmet === 0) markReady(fanOut, child);
    return fanOut;
  };
}
