import * as http from 'node:http';
import * as https from 'node:https';
import type * as d from '../../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { PROTOCOL, VERSION, type ReportName, type Reports } from '../../contract/engine.ts';
import { FleetError, messageOf } from '../../errors.ts';
import { topicOf } from '../../domain/model/record-bodies.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { liveDocument } from '../../domain/views/live.ts';
import { namespaceDocument, namespacesDocument } from '../../domain/policy/namespaces.ts';
import { effectivePolicy } from '../../domain/policy/namespace-policy.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { replayThread } from '../../domain/views/replay.ts';
import { rulesDocument, testRules } from '../../domain/policy/permission-rules.ts';
import { speedupReport } from '../../domain/views/speedup.ts';
import {
  childrenDocument,
  fleetDocument,
  instanceDocument,
  joinDocument,
  resolveInstance,
  runFacts,
  taskDocument,
  type FleetFacts,
} from '../../domain/views/views.ts';
import { isFinished, resolveTask, statusOf, subtaskNameAt } from '../../domain/model/tasks.ts';
import type { Home } from '../../home/home.ts';
import type { Log, Position, StoredRecord } from '../../log/log.ts';
import { isRecordId, isReservedThread, isThreadId, type RecordId } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import type { Tokens } from './tokens.ts';
import { worktreesOf } from '../worktrees/fleet.ts';

/** One thread as the index counts it. */
export interface ThreadRow {
  readonly thread: string;
  readonly records: number;
  readonly firstPosition: Position;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Searches the log. Every answer takes all records into account that are durable at the call. */
export interface RecordSource {
  /** Positions after `after`, ascending, at most `limit`. */
  positions(
    filter: { thread?: string; actor?: string; act?: string; after?: number; limit: number },
    asker?: Asker,
  ): Promise<Position[]>;
  threads(
    options: { limit: number; after?: number; prefix?: string },
    asker?: Asker,
  ): Promise<{ threads: ThreadRow[]; total: number }>;
  query(sql: string, limit: number, asker?: Asker): Promise<d.QueryDocument>;
  close(): Promise<void>;
}

/** The holder who asks: holders take turns, and a question that nobody waits for any more is dropped. */
export interface Asker {
  readonly holder?: string;
  readonly signal?: AbortSignal;
}

/** The records as one asker asks for them. */
export function askedBy(records: RecordSource, asker: Asker): Omit<RecordSource, 'close'> {
  return {
    positions: filter => records.positions(filter, asker),
    threads: options => records.threads(options, asker),
    query: (sql, limit) => records.query(sql, limit, asker),
  };
}

export interface ReportContext {
  readonly coordinator: Coordinator;
  readonly cel: CelCompiler;
  readonly facts: FleetFacts;
  readonly home: Home;
  readonly log: Log;
  readonly records: Omit<RecordSource, 'close'>;
  readonly tokens: Tokens;
  readonly now: number;
  readonly signal?: AbortSignal;
}

type Answers = {
  [N in ReportName]: (
    input: Reports[N]['input'],
    context: ReportContext,
  ) => Promise<Reports[N]['output']> | Reports[N]['output'];
};

/** Answers a question about the present. */
export async function answer<N extends ReportName>(
  name: N,
  input: Reports[N]['input'],
  context: ReportContext,
): Promise<Reports[N]['output']> {
  return answers[name](input, context);
}

const answers: Answers = {
  health: (_input, { facts, log, home, now }) => ({
    status: 'ok',
    did: facts.did,
    alias: 'coordinator',
    role: 'coordinator',
    version: VERSION,
    protocol: PROTOCOL,
    uptime_secs: (now - facts.startedAt) / 1000,
    pid: process.pid,
    home: home.paths.home,
    endpoint: facts.url.startsWith('http') ? facts.url : null,
    records: log.end,
  }),
  fleet: (_input, { coordinator, facts, now }) => fleetDocument(coordinator, facts, now),
  live: (_input, { coordinator, facts, now }) => liveDocument(coordinator, facts, now),
  instance: ({ instance }, { coordinator, facts, now }) =>
    instanceDocument(coordinator, resolveInstance(coordinator.state, instance), facts, now),
  ping: ({ instance }, context) => ping(instance, context),
  tasks: ({ all, limit = Infinity, namespace = ROOT_NAMESPACE }, { coordinator: { state }, now }) => ({
    tasks: [...state.tasks.values()]
      .filter(task => (all || !isFinished(task)) && isWithin(task.facts.namespace, namespace))
      .slice(-limit)
      .map(task => taskDocument(state, task, now)),
  }),
  task: ({ task }, { coordinator: { state }, now }) => taskDocument(state, resolveTask(state, task), now),
  join: ({ task, summary }, { coordinator, now }) =>
    joinDocument(coordinator, resolveTask(coordinator.state, task), summary, now),
  children: ({ task, ...asked }, { coordinator, now }) =>
    childrenDocument(coordinator, resolveTask(coordinator.state, task), asked, now),
  speedup: ({ task, vsSerial }, { coordinator: { state } }) =>
    speedupReport(
      runFacts(state, resolveTask(state, task)),
      vsSerial === null ? null : runFacts(state, resolveTask(state, vsSerial)),
    ),
  worktrees: async (_input, { coordinator: { state } }) => {
    const { worktrees } = await worktreesOf(state.instances.values());
    const nameOf = ({ task, subtask, made_unix: made }: d.WorktreeDocument): string | null =>
      subtaskNameAt(state, task, subtask, made * 1000);
    return {
      worktrees: worktrees.map(each => ({ ...each, subtask_name: nameOf(each) })),
    };
  },
  namespaces: (input, { coordinator: { state } }) => namespacesDocument(state.namespaces, input),
  namespace: ({ namespace }, { coordinator: { state } }) => namespaceDocument(state.namespaces, namespace),
  'namespace.effective': ({ namespace }, { coordinator: { state } }) => effectivePolicy(state, namespace),
  rules: (_input, { coordinator: { state } }) => rulesDocument(state.rules),
  'rule.test': (input, { coordinator: { state }, cel }) => testRules(state.rules, cel, input),
  record: async ({ id }, { log }) => document(await recordById(id, log)),
  records: (input, context) => page(input, context),
  audit: (input, context) => audit(input, context),
  threads: async ({ limit, after }, context) => {
    const found = await context.records.threads({ limit, ...(after === undefined ? {} : { after }) });
    return {
      threads: await Promise.all(found.threads.map(row => summary(row, context))),
      total: found.total,
    };
  },
  'thread.records': async ({ thread: name }, context) => {
    const thread = await resolveThread(name, context);
    const records = await allOf(thread, context);
    return { thread, records: records.map(({ record }) => document(record)) };
  },
  'thread.state': ({ thread }, context) => threadState(thread, context),
  replay: async ({ thread: name }, context) => {
    const thread = await resolveThread(name, context);
    const records = await allOf(thread, context);
    const { state } = context.coordinator;
    const task = state.tasks.get(thread as never);
    return replayThread(records, task && statusOf(state, task, context.now));
  },
  query: ({ sql, limit }, { records }) => records.query(sql, limit),
  tokens: (_input, { tokens }) => tokens.list(),
};

async function recordById(id: string, log: Log): Promise<FleetRecord> {
  const position = isRecordId(id) ? log.find(id) : undefined;
  if (position === undefined || position >= log.end) {
    throw new FleetError('NOT_FOUND', `no record has the id '${id}'`, { details: { id } });
  }
  return (await log.get(position)).record;
}

async function page(
  input: Reports['records']['input'],
  { records, log }: ReportContext,
): Promise<d.RecordsDocument> {
  const positions = await records.positions(input);
  const found = await Promise.all(positions.map(position => log.get(position)));
  return {
    records: found.map(({ record }) => document(record)),
    next: positions.length < input.limit ? null : positions.at(-1)!,
  };
}

async function audit(
  { since, ...asked }: Reports['audit']['input'],
  context: ReportContext,
): Promise<d.AuditDocument> {
  const { records, log } = context;
  const first = since === undefined ? 0 : await firstSince(log, since * 1000);
  const after = Math.max(first - 1, asked.after ?? -1);
  const positions = await records.positions({ ...asked, ...(after < 0 ? {} : { after }) });
  const entries = await Promise.all(positions.map(position => auditEntry(context, position)));
  return { entries, next: positions.length < asked.limit ? null : positions.at(-1)! };
}

/** The position of the first record that was written then or later. Times never fall from one record to the next. */
async function firstSince(log: Log, at: number): Promise<Position> {
  let [low, high] = [0, log.end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await log.get(middle)).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function auditEntry(
  { log, coordinator: { state } }: ReportContext,
  position: Position,
): Promise<d.AuditDocument['entries'][number]> {
  const [{ record, at }, signature] = await Promise.all([log.get(position), log.signatureAt(position)]);
  return {
    position,
    at_unix: at / 1000,
    record: document(record),
    signature:
      signature === undefined
        ? null
        : {
            by: signature.by,
            sig: signature.sig,
            ids: [...signature.ids],
            public_key: state.instances.get(signature.by)?.publicKey ?? null,
          },
  };
}

/** The most records of one thread that are answered at once: a fan-out's has a few per child. */
const MAX_OF_THREAD = 200_000;

async function allOf(thread: string, { records, log }: ReportContext): Promise<StoredRecord[]> {
  const positions = await records.positions({ thread, limit: MAX_OF_THREAD + 1 });
  if (positions.length > MAX_OF_THREAD) {
    throw new FleetError('TOO_LARGE', `thread ${thread} has more than ${MAX_OF_THREAD} records`, {
      details: { thread, limit: MAX_OF_THREAD },
      hint: 'Read it page by page: GET /v1/records?thread=…&after=…',
    });
  }
  const found: StoredRecord[] = [];
  for (const position of positions) found.push(await log.get(position));
  return found;
}

/** A thread by its id, by a task's alias, or by an unambiguous prefix of either. */
async function resolveThread(name: string, context: ReportContext): Promise<string> {
  const { state } = context.coordinator;
  if (state.tasks.has(name as never) || state.aliases.has(name) || isReservedThread(name))
    return taskThread(name, context);
  if (isThreadId(name) && (await context.records.positions({ thread: name, limit: 1 })).length > 0)
    return name;
  const found = name.startsWith('th_')
    ? (await context.records.threads({ limit: 6, prefix: name })).threads
    : [];
  if (found.length === 1) return found[0]!.thread;
  if (found.length > 1) {
    throw new FleetError(
      'CONFLICT',
      `'${name}' may mean ${found.map(row => row.thread.slice(0, 20)).join(', ')}`,
      { details: { thread: name }, hint: 'Write more of it.' },
    );
  }
  return taskThread(name, context);
}

function taskThread(name: string, { coordinator }: ReportContext): string {
  if (isReservedThread(name)) return name;
  try {
    return resolveTask(coordinator.state, name).thread;
  } catch (error) {
    if (!FleetError.is(error, 'NOT_FOUND')) throw error;
    throw new FleetError('NOT_FOUND', `no thread is named '${name}'`, {
      details: { thread: name },
      hint: 'List them with: spl thread list',
      cause: error,
    });
  }
}

async function summary(
  row: ThreadRow,
  { coordinator, log }: ReportContext,
): Promise<d.ThreadsDocument['threads'][number]> {
  const { kind, title } = describe(row.thread, (await log.get(row.firstPosition)).record, coordinator);
  return {
    thread: row.thread,
    records: row.records,
    kind,
    title,
    first_unix: row.firstAt / 1000,
    last_unix: row.lastAt / 1000,
  };
}

function describe(
  thread: string,
  first: FleetRecord,
  { state }: Coordinator,
): { kind: string; title: string | null } {
  if (isReservedThread(thread)) return { kind: 'reserved', title: null };
  const task = state.tasks.get(thread as never);
  if (task !== undefined) return { kind: 'task', title: `${task.alias}: ${task.goal}` };
  const goal = first.body['goal'] ?? first.body['text'];
  return {
    kind: topicOf(first) === 'fanout_child' ? 'subtask' : 'thread',
    title: typeof goal === 'string' ? goal : null,
  };
}

async function threadState(name: string, context: ReportContext): Promise<d.ThreadState> {
  const thread = await resolveThread(name, context);
  const records = await allOf(thread, context);
  const acts: Record<string, number> = {};
  for (const { record } of records) acts[record.act] = (acts[record.act] ?? 0) + 1;
  const task = context.coordinator.state.tasks.get(thread as never);
  const first = records[0];
  return {
    thread,
    ...(first === undefined
      ? { kind: 'reserved', title: null }
      : describe(thread, first.record, context.coordinator)),
    status: task === undefined ? null : statusOf(context.coordinator.state, task, context.now),
    records: records.length,
    actors: [...new Set(records.map(({ record }) => record.actor))],
    acts,
    first_unix: first === undefined ? null : first.at / 1000,
    last_unix: records.length === 0 ? null : records.at(-1)!.at / 1000,
  };
}

const PING_TIMEOUT_MS = 5000;

/** Asks an instance for its health over HTTP, as anybody could. */
async function ping(name: string, { coordinator }: ReportContext): Promise<d.PingDocument> {
  const { did, alias, endpoint } = resolveInstance(coordinator.state, name);
  const unreachable = (reason: string): d.PingDocument => ({
    did,
    alias,
    reachable: false,
    rtt_ms: null,
    status: null,
    reason,
  });
  if (endpoint === null) return unreachable('it has no endpoint');
  const begun = performance.now();
  try {
    const status = await get(`${endpoint}/health`);
    return {
      did,
      alias,
      reachable: status === 200,
      rtt_ms: Math.round((performance.now() - begun) * 10) / 10,
      status,
      reason: status === 200 ? null : `status ${status}`,
    };
  } catch (error) {
    return unreachable(messageOf(error));
  }
}

/** The status of an answer, however slowly the rest of it comes. */
function get(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const take = (response: http.IncomingMessage): void => {
      clearTimeout(timer);
      resolve(response.statusCode ?? 0);
      request.destroy();
    };
    // It is only asked whether it answers, and told nothing: whose certificate it shows is all the same.
    const request = url.startsWith('https:')
      ? https.get(url, { agent: false, rejectUnauthorized: false }, take)
      : http.get(url, { agent: false }, take);
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${PING_TIMEOUT_MS / 1000}s`)),
      PING_TIMEOUT_MS,
    );
    request.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** A record as clients see it: its fields and nothing else. */
function document({
  id,
  parents,
  thread,
  actor,
  act,
  body,
  clock,
  data_type,
  judged_by,
}: FleetRecord & { id: RecordId }): d.RecordDocument {
  return { id, parents: [...parents], thread, actor, act, body: { ...body }, clock, data_type, judged_by };
}
