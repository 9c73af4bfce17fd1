import type * as d from '../../contract/documents.ts';
import {
  PROTOCOL,
  VERSION,
  type CallContext,
  type EngineEvent,
  type OutputRequest,
  type OutputStream,
  type WatchOptions,
} from '../../contract/engine.ts';
import type { ServedEngine } from '../../operations/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../../operations/index.ts';
import type { TokenDocument } from '../../contract/tokens.ts';
import { FleetError } from '../../errors.ts';
import { isRecordId, type Did } from '../../record/ids.ts';
import { decodeRecord, type FleetRecord } from '../../record/record.ts';

const COORDINATOR = 'did:sync:instance:00112233aabbccdd' as Did;
const THREAD = `th_${'a'.repeat(64)}`;
const RECORD = 'b'.repeat(64);

/** A recorded call of the fake. */
export interface Call {
  readonly name: string;
  readonly input: unknown;
  readonly context?: CallContext;
  /** The signal of a report, which aborts when its client has gone. */
  readonly signal?: AbortSignal;
}

/**
 * An engine in memory for the tests of the API. It keeps records and reports them to watchers. It answers everything
 * else with documents of the right shape, and records its calls.
 */
export class FakeEngine implements ServedEngine {
  readonly did = COORDINATOR;
  readonly calls: Call[] = [];
  readonly records: FleetRecord[] = [];
  /** The number of events that a watcher may be behind before it gets a gap. */
  queueEvents = 1000;
  /** Thrown by the next call instead of an answer. */
  failure: unknown = null;
  /** Awaited by every call before it answers. */
  delay: Promise<void> = Promise.resolve();
  /** Returns the chunks of subtask outputs. */
  chunks: () => AsyncIterable<Uint8Array> = oneChunk;
  readonly #watchers = new Set<Watcher>();

  get watchers(): number {
    return this.#watchers.size;
  }

  async submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']> {
    await this.#begin({ name, input, context });
    const answers: { readonly [C in CommandName]: (input: Commands[C]['input']) => Commands[C]['output'] } = {
      'records.append': ({ records }) => ({ stored: records.map(record => this.#append(record)) }),
      'records.restore': ({ records }) => ({ written: records.length, existing: 0, left_out: [] }),
      'task.add': task => ({
        thread: THREAD,
        alias: task.alias ?? 'TASK-1',
        record: RECORD,
        goal: task.goal,
      }),
      'fan-out.open': ({ fan_out: fanOut, ...task }) => ({
        ...{ thread: THREAD, record: RECORD, alias: task.alias ?? 'TASK-1', goal: task.goal },
        fan_out: {
          ...{ thread: THREAD, record: RECORD, alias: task.alias ?? 'TASK-1' },
          ...{ subtasks: fanOut.subtasks.length, join: fanOut.join },
        },
      }),
      'task.fan-out': fanOut => ({
        thread: THREAD,
        record: RECORD,
        subtasks: fanOut.subtasks.length,
        join: fanOut.join,
        alias: known(fanOut.task),
      }),
      'task.rerun': ({ task }) => ({
        ...{ thread: THREAD, record: RECORD, alias: `${known(task)}-2`, goal: 'a goal' },
        fan_out: {
          ...{ thread: THREAD, record: RECORD, alias: `${known(task)}-2` },
          ...{ subtasks: 2, join: 'all', run: { name: task, number: 2 } },
        },
      }),
      archive: ({ tasks = [], undo }) => ({
        archived: !undo,
        tasks: tasks.map(alias => ({ thread: THREAD, alias })),
        left: 0,
      }),
      'task.retry': ({ task }) => joinDocument(known(task), true),
      'task.cancel': ({ task }) => taskDocument(known(task), 'cancelled'),
      'task.start': ({ task }) => taskDocument(known(task), 'active'),
      'task.done': ({ task }) => taskDocument(known(task), 'review'),
      'task.fail': ({ task }) => taskDocument(known(task), 'failed'),
      'task.approve': ({ task }) => taskDocument(known(task), 'approved'),
      'task.reject': ({ task }) => taskDocument(known(task), 'rejected'),
      'task.block': ({ task }) => taskDocument(known(task), 'blocked'),
      'task.defer': ({ task }) => taskDocument(known(task), 'deferred'),
      'task.reopen': ({ task }) => taskDocument(known(task), 'inbox'),
      'task.run-serial': ({ task }) => ({
        thread: THREAD,
        record: RECORD,
        subtasks: 2,
        join: 'all',
        alias: `${known(task)}-serial`,
      }),
      'namespace.create': ({ id }) => namespaceDocument(id),
      'namespace.archive': ({ namespace }) => namespaceDocument(namespace),
      'namespace.delete': ({ namespace }) => namespaceDocument(namespace),
      'rule.add': ({ name, rule, effect }) => ({ name, rule, effect, issued_by: 'did:sync:user:a' }),
      'rule.remove': ({ rule }) => ({
        name: rule,
        rule: 'true',
        effect: 'deny',
        issued_by: 'did:sync:user:a',
      }),
      'worktree.remove': ({ worktree }) => ({
        name: worktree,
        branch: `spl/${worktree}`,
        branch_kept: false,
      }),
      kill: ({ namespace, level }) => controlDocument('freeze', namespace, level),
      unkill: ({ namespace }) => controlDocument('unfreeze', namespace, null),
      'fleet.start': () => ({ ...fleetDocument(), spawned: [], adopted: [], resumed: [], notes: [] }),
      'fleet.stop': () => ({ stopped: [], coordinator_stopping: false }),
      'fleet.restart': ({ instance }) => instanceDocument(instance),
      'token.create': ({ label }) => ({ ...tokenDocument('0'.repeat(16), label), token: 'spl_…' }),
      'token.revoke': ({ token }) => tokenDocument(token, null),
    };
    return answers[name](input);
  }

  async report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
  ): Promise<Reports[N]['output']> {
    await this.#begin({ name, input, ...(signal === undefined ? {} : { signal }) });
    const answers: { readonly [R in ReportName]: (input: Reports[R]['input']) => Reports[R]['output'] } = {
      rules: () => ({ rules: [] }),
      'rule.test': () => ({ allowed: true, reason: null, rules: [] }),
      health: () => healthDocument(this.records.length),
      fleet: fleetDocument,
      live: () => ({
        ...fleetDocument(),
        at_unix: 1,
        running: [],
        running_total: 0,
        fan_outs: [],
        fan_outs_total: 0,
      }),
      instance: ({ instance }) => instanceDocument(instance),
      ping: ({ instance }) => ({
        did: COORDINATOR,
        alias: instance,
        reachable: true,
        rtt_ms: 1.5,
        status: 200,
        reason: null,
      }),
      tasks: ({ all }) => ({ tasks: all ? [taskDocument('FIRST-001', 'approved')] : [] }),
      runs: () => ({ runs: [] }),
      task: ({ task }) => taskDocument(known(task), 'active'),
      join: ({ task, summary }) => joinDocument(known(task), summary),
      children: ({ task }) => ({
        thread: THREAD,
        alias: known(task),
        round: 1,
        total: 1,
        children: [childDocument()],
      }),
      speedup: ({ task, vsSerial }) => speedupDocument(known(task), vsSerial),
      worktrees: () => ({ worktrees: [] }),
      namespaces: () => ({ namespaces: [namespaceDocument('acme/web')], explicit: 1 }),
      namespace: ({ namespace }) => ({
        ...namespaceDocument(namespace),
        chain: [{ id: namespace, active: true }],
        policy: null,
      }),
      'namespace.effective': ({ namespace }) => ({
        namespace,
        status: 'active',
        archived_by: null,
        allow: { acts: null, executors: { names: ['echo'], set_by: [namespace] }, targets: null },
        deny: { acts: [], executors: [], targets: [] },
        limits: {
          max_children: { value: 5, set_by: namespace },
          max_parallel: null,
          budget_usd: null,
          timeout_secs: null,
        },
        usage: [{ namespace, running: 0, booked_usd: 0, reserved_usd: 0 }],
      }),
      record: ({ id }) => this.#record(id),
      records: ({ thread, limit, after = 0 }) => ({
        records: this.records
          .filter(r => thread === undefined || r.thread === thread)
          .slice(after, after + limit)
          .map(plain),
        next: after + limit < this.records.length ? after + limit : null,
      }),
      threads: () => ({ threads: [], total: 0 }),
      audit: ({ limit, after = -1 }) => ({
        entries: this.records
          .map((record, position) => ({ position, at_unix: 1, record: plain(record), signature: null }))
          .filter(({ position }) => position > after)
          .slice(0, limit),
        next: null,
      }),
      'thread.records': ({ thread }) => ({ thread, records: this.records.map(plain) }),
      'thread.state': ({ thread }) => ({
        thread,
        kind: 'task',
        title: null,
        status: 'active',
        records: this.records.length,
        actors: [],
        acts: {},
        first_unix: null,
        last_unix: null,
      }),
      replay: ({ thread }) => ({ thread, steps: [], final_status: 'inbox', count: 0 }),
      tokens: () => ({ tokens: [tokenDocument('0'.repeat(16), null)] }),
      query: ({ sql }) => ({ columns: ['sql', 'n'], rows: [[sql, 1]], truncated: false }),
    };
    return answers[name](input);
  }

  watch(options: WatchOptions): AsyncIterable<EngineEvent> {
    const watcher = new Watcher(options, this.queueEvents, () => this.#watchers.delete(watcher));
    if (options.after !== undefined) {
      this.records.slice(options.after).forEach((record, i) => {
        watcher.push({ kind: 'record', position: options.after! + i + 1, at: 0, record });
      });
    }
    this.#watchers.add(watcher);
    return watcher;
  }

  async output(request: OutputRequest): Promise<OutputStream> {
    const { signal: _, ...input } = request;
    await this.#begin({ name: 'output', input });
    const { task, subtask, attempt = 1, follow } = request;
    return {
      info: { task: known(task), subtask: Number(subtask), attempt, worker: 'worker-a', running: follow },
      chunks: this.chunks(),
    };
  }

  /** Sends an event to every watcher. */
  publish(event: EngineEvent): void {
    for (const watcher of this.#watchers) watcher.push(event);
  }

  /** Ends every watch, with an error if one is given. */
  endWatches(error: FleetError | null = null): void {
    for (const watcher of [...this.#watchers]) watcher.end(error);
  }

  async #begin(call: Call): Promise<void> {
    this.calls.push(call);
    await this.delay;
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure as Error;
  }

  #append(value: unknown): d.StoredDocument {
    const { record } = decodeRecord(value);
    const existed = this.records.some(({ id }) => id === record.id);
    if (!existed) {
      this.records.push(record);
      this.publish({ kind: 'record', position: this.records.length, at: 0, record });
    }
    return { object: 'record', id: record.id, existed };
  }

  #record(id: string): d.RecordDocument {
    const found = this.records.find(record => record.id === id);
    if (found !== undefined) return plain(found);
    throw new FleetError('NOT_FOUND', `no record '${isRecordId(id) ? id.slice(0, 12) : id}'`);
  }
}

/** The bounded queue of one watcher. */
class Watcher implements AsyncIterableIterator<EngineEvent> {
  readonly #options: WatchOptions;
  readonly #max: number;
  readonly #onEnd: () => void;
  #queue: EngineEvent[] = [];
  #error: FleetError | null = null;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(options: WatchOptions, max: number, onEnd: () => void) {
    this.#options = options;
    this.#max = max;
    this.#onEnd = onEnd;
    options.signal.addEventListener('abort', () => this.end(null), { once: true });
  }

  push(event: EngineEvent): void {
    const { kinds, thread } = this.#options;
    if (kinds !== undefined && !kinds.includes(event.kind)) return;
    if (thread !== undefined && event.kind === 'record' && event.record.thread !== thread) return;
    if (this.#queue.length >= this.#max) this.#queue = [{ kind: 'gap' }];
    else this.#queue.push(event);
    this.#wake();
  }

  end(error: FleetError | null): void {
    this.#ended = true;
    this.#error = error;
    this.#onEnd();
    this.#wake();
  }

  async next(): Promise<IteratorResult<EngineEvent, undefined>> {
    for (;;) {
      const value = this.#queue.shift();
      if (value !== undefined) return { done: false, value };
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  async return(): Promise<IteratorResult<EngineEvent, undefined>> {
    this.end(null);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Returns a task's name. The fake knows tasks with names in capitals. */
function known(task: string): string {
  if (/^[A-Z]/.test(task)) return task;
  throw new FleetError('NOT_FOUND', `no task '${task}'`, { details: { task }, hint: 'spl task list --all' });
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* oneChunk(): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from('hello\n');
}

function plain(record: FleetRecord): d.RecordDocument {
  return { ...record, parents: [...record.parents], body: { ...record.body } };
}

function healthDocument(records: number): d.HealthDocument {
  return {
    status: 'ok',
    did: COORDINATOR,
    alias: 'coordinator',
    role: 'coordinator',
    version: VERSION,
    protocol: PROTOCOL,
    uptime_secs: 1,
    pid: 1,
    home: '/home',
    endpoint: null,
    records,
  };
}

function instanceDocument(instance: string): d.InstanceDocument {
  if (instance !== 'worker-a' && instance !== COORDINATOR) {
    throw new FleetError('NOT_FOUND', `no instance '${instance}'`);
  }
  return {
    did: COORDINATOR,
    alias: instance,
    role: 'worker',
    endpoint: 'http://127.0.0.1:9201',
    status: 'live',
    version: VERSION,
    uptime_secs: 1,
    health: 'healthy',
    active_dispatches: 0,
    store_records: 0,
    last_heartbeat_unix: 1,
    pid: 1,
    home: '/home-worker-a',
    slots: 1,
    note: null,
  };
}

function fleetDocument(): d.FleetDocument {
  return {
    instances: [instanceDocument('worker-a')],
    live: 1,
    stale: 0,
    archived: 0,
    heartbeat_interval_secs: 5,
    coordinator_url: 'http://127.0.0.1:9100',
    freezes: [],
    emergency: null,
    stalled: [],
    breakers: [],
    executors: ['echo', 'shell'],
    shared: [],
    default_executor: 'echo',
  };
}

function taskDocument(alias: string, status: d.TaskStatus): d.TaskDocument {
  return {
    thread: THREAD,
    alias,
    goal: 'goal',
    status,
    reason: null,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: 'default',
    dir: null,
    actor: 'did:sync:user:local',
    created_unix: 1,
    fan_out: null,
    depends_on: [],
    dependants: [],
    deferred_until_unix: null,
    verbs: [],
    evaluation: {
      hypothesis: null,
      criteria: [],
      done: null,
      verdict: null,
      by: null,
      at_unix: null,
      reason: null,
      join: null,
    },
  };
}

function joinDocument(alias: string, summary: boolean): d.JoinStatus {
  const counts = { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 1, pending: 0 };
  return {
    thread: THREAD,
    alias,
    round: 1,
    subtasks: 1,
    follow_ups: 0,
    under_way: true,
    spawned: 1,
    completed: 0,
    predicate: 'all',
    complete: false,
    outcome: null,
    reason: null,
    counts,
    census: null,
    losers: 'keep',
    opened_unix: 1,
    joined_unix: null,
    budget: null,
    echo: null,
    children: summary ? [] : [childDocument()],
  };
}

function childDocument(): d.ChildDocument {
  return {
    index: 0,
    name: null,
    goal: 'goal',
    target: 'least-loaded-worker',
    thread: THREAD,
    worker: 'worker-a',
    worker_did: COORDINATOR,
    state: 'running',
    verdict: null,
    reason: null,
    cost_usd: 0,
    wall_time_secs: 1,
    started_unix: 1,
    ended_unix: null,
    exit_code: null,
    signal: null,
    summary: null,
    attempt: 1,
    depends_on: [],
    when: 'accepted',
    executor: 'echo',
    stalled_secs: null,
    earlier_attempts: [],
    after_join: false,
    left_group: [],
    tokens: 0,
    work: null,
  };
}

function speedupDocument(alias: string, serial: string | null): d.SpeedupDocument {
  return {
    thread: THREAD,
    alias,
    subtasks: 2,
    walls_secs: [1, 1],
    parallel_wall_secs: 1,
    critical_path_secs: 1,
    critical_path: [],
    measured_wall_secs: 1.1,
    total_cost_usd: 0,
    slots_used: 2,
    extra_attempts: [],
    extra_cost_usd: 0,
    echo: null,
    weak: { serial_estimate_secs: 2, speedup: 2, caveat: 'an estimate' },
    measured:
      serial === null
        ? null
        : {
            serial_thread: serial,
            serial_wall_secs: 2,
            speedup: 1.8,
            efficiency: 0.9,
            ceiling: 2,
            cost_ratio: null,
            overhead_secs: 0.1,
          },
    notes: [],
  };
}

function tokenDocument(id: string, label: string | null): TokenDocument {
  return {
    ...{ id, scopes: ['read'], namespace: null, label, expires_unix: null, expired: false },
    actor: `did:sync:user:token-${id}`,
    created_by: 'did:sync:user:local',
    created_unix: 1,
  };
}

function namespaceDocument(id: string): d.NamespaceDocument {
  return {
    id,
    status: 'active',
    own_status: 'active',
    archived_by: null,
    level: 'PROJECT',
    depth: id.split('/').length,
    description: null,
    policy: null,
    children: 0,
  };
}

function controlDocument(
  topic: d.ControlDocument['topic'],
  namespace: string | null,
  level: string | null,
): d.ControlDocument {
  return { record: RECORD, topic, namespace, level, freezes: [], emergency: null };
}
