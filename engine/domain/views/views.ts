import type * as d from '../../contract/documents.ts';
import { silentSinceOf, type WorkerLink } from '../coordinator/worker-state.ts';
import { echoText } from '../../contract/echo.ts';
import { MAX_CHILDREN } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import type { JsonObject } from '../../record/canonical.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { budgetDocument } from '../model/budgets.ts';
import { tasksOf, waitsFor } from '../model/dependencies.ts';
import { controlMembers } from '../policy/freeze.ts';
import { mostMembersOf } from '../model/matrices.ts';
import { explain } from '../model/predicate.ts';
import { whyPending } from './hold-words.ts';
import type { RunFacts } from './speedup.ts';
import {
  completedOf,
  isUnderWay,
  membersOf,
  subtasksOf,
  threadOf,
  type Child,
  type FanOut,
  type FanOutHead,
  type FleetState,
  type Instance,
  type Task,
} from '../model/state.ts';
import { isAgent, isFollowUp, membersAmong } from '../model/subtask.ts';
import { targetText } from '../../subtask/target.ts';
import { allowedActions } from '../commands/task-actions.ts';
import { statusOf } from '../model/tasks.ts';
import { deferredUntil, evaluationOf, reasonOf } from '../policy/explanations.ts';

/** The documents that the engine answers with, made from the state and the coordinator's other knowledge. */

export function taskDocument(state: FleetState, task: Task, now: number): d.TaskDocument {
  const { facts, fanOutHead } = task;
  const related = (threads: Iterable<ThreadId>): d.TaskDocument['depends_on'] =>
    tasksOf(state, threads).map(each => ({
      thread: each.thread,
      alias: each.alias,
      goal: each.goal,
      status: statusOf(state, each, now),
    }));
  return {
    thread: facts.thread,
    alias: facts.alias,
    goal: facts.goal,
    status: statusOf(state, task, now),
    reason: reasonOf(state, task, now),
    priority: facts.priority,
    labels: [...facts.labels],
    domain: facts.domain,
    hypothesis: facts.hypothesis,
    criteria: [...facts.criteria],
    namespace: facts.namespace,
    dir: facts.dir,
    actor: facts.actor,
    created_unix: facts.createdAt / 1000,
    run: fanOutHead?.run ? { ...fanOutHead.run } : null,
    archived: task.archived,
    fan_out: fanOutHead === null ? null : fanOutSummary(task, fanOutHead),
    depends_on: related(waitsFor(task)),
    dependants: related(state.dependants.get(task.thread) ?? []),
    deferred_until_unix: deferredUntil(task, now),
    verbs: [...allowedActions(state, task, now)],
    evaluation: evaluationOf(task),
  };
}

function fanOutSummary(task: Task, head: FanOutHead): NonNullable<d.TaskDocument['fan_out']> {
  return {
    record: head.id,
    namespace: head.namespace,
    round: head.round,
    subtasks: subtasksOf(head),
    follow_ups: head.followUps,
    completed: completedOf(head),
    predicate: head.join,
    complete: head.joined !== null,
    under_way: isUnderWay(head),
    outcome: head.joined?.outcome ?? null,
    losers: head.losers,
    serial: head.serialOf !== null,
    serial_of: head.serialOf,
    counts: { ...head.counts },
    progress: progressOf(task, head),
    echo: echoOf(head),
    budget: budgetDocument(head.budget),
    needs_you: isUnderWay(head) ? [...task.fanOut!.asking].slice(0, MAX_ASKING) : [],
    opened_unix: head.roundStartedAt / 1000,
    joined_unix: head.joined === null ? null : head.joined.at / 1000,
  };
}

/** The maximum number of subtasks waiting for a person in a task's document. */
const MAX_ASKING = 100;

/**
 * Returns true for a child whose present or last attempt has no known cost. An agent reports its cost at the end, or
 * never.
 */
export function isCostUnknown({ subtasks }: FanOut, { index, state, costUnknown }: Child): boolean {
  return costUnknown || (state === 'assigned' && isAgent(subtasks[index]!.executor));
}

export function echoOf(head: FanOutHead): string | null {
  return head.echoed && echoText(head.echoed, membersOf(head));
}

/** Describes the remaining needs of the join, or the reason for its outcome. Does not load a joined fan-out. */
function progressOf(task: Task, { joined }: FanOutHead): string {
  return joined === null ? explainJoin(task.fanOut!) : joined.reason;
}

/** Describes the progress of a join in words, or the reason for its outcome. */
export function explainJoin(fanOut: FanOut): string {
  const { joined, predicate, counts } = fanOut;
  return joined?.reason ?? explain(predicate, counts, membersOf(fanOut), mostMembersOf(fanOut));
}

/** @param summary leaves out the children */
export function joinDocument(
  coordinator: Coordinator,
  task: Task,
  summary: boolean,
  now: number,
): d.JoinStatus {
  const { fanOut } = task;
  if (fanOut === null) return noFanOut(task);
  const { joined, counts } = fanOut;
  return {
    thread: task.thread,
    alias: task.alias,
    run: fanOut.run && { ...fanOut.run },
    round: fanOut.round,
    subtasks: fanOut.children.length,
    follow_ups: fanOut.followUps,
    spawned: fanOut.spawned,
    completed: completedOf(fanOut),
    predicate: fanOut.join,
    complete: joined !== null,
    outcome: joined?.outcome ?? null,
    under_way: isUnderWay(fanOut),
    reason: explainJoin(fanOut),
    counts: { ...counts },
    census: joined === null ? null : { ...joined.census },
    losers: fanOut.losers,
    opened_unix: fanOut.roundStartedAt / 1000,
    joined_unix: joined === null ? null : joined.at / 1000,
    budget: budgetDocument(fanOut.budget),
    echo: echoOf(fanOut),
    children: summary ? [] : fanOut.children.map(child => childDocument(coordinator, fanOut, child, now)),
  };
}

function noFanOut(task: Task): d.JoinStatus {
  return {
    thread: task.thread,
    alias: task.alias,
    run: null,
    round: 0,
    subtasks: 0,
    follow_ups: 0,
    spawned: 0,
    completed: 0,
    predicate: null,
    complete: false,
    under_way: false,
    outcome: null,
    reason: 'the task has no fan-out',
    counts: { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 },
    census: null,
    losers: null,
    opened_unix: null,
    joined_unix: null,
    budget: null,
    echo: null,
    children: [],
  };
}

/** A page of children: at most `limit` starting at `offset`, or the children with these indices. */
interface PageOfChildren {
  readonly offset: number;
  readonly limit: number;
  readonly indices?: readonly number[];
}

/** @throws USAGE for an invalid page or list, or one that is too long; NOT_FOUND for an index without a child */
export function childrenDocument(
  coordinator: Coordinator,
  task: Task,
  asked: PageOfChildren,
  now: number,
): d.ChildrenDocument {
  const { fanOut } = task;
  const total = fanOut?.children.length ?? 0;
  const indices = asked.indices ?? pageOf(asked.offset, asked.limit, total);
  if (indices.length > MAX_CHILDREN) throw notThatMany('indices', indices.length);
  for (const index of indices)
    if (!Object.hasOwn(fanOut?.children ?? [], index)) throw noSuchChild(task, index);
  return {
    thread: task.thread,
    alias: task.alias,
    round: fanOut?.round ?? 0,
    total,
    children: indices.map(index => childDocument(coordinator, fanOut!, fanOut!.children[index]!, now)),
  };
}

function pageOf(offset: number, limit: number, total: number): number[] {
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_CHILDREN))
    throw notThatMany('limit', limit);
  if (!(Number.isSafeInteger(offset) && offset >= 0))
    throw new FleetError('USAGE', `'offset' must be a whole number that is not negative, not ${offset}`, {
      details: { offset },
    });
  return Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, i) => offset + i);
}

function notThatMany(what: string, given: number): FleetError {
  return new FleetError(
    'USAGE',
    `'${what}' asks for ${given} subtasks; ask for 1 to ${MAX_CHILDREN} at once`,
    {
      details: { [what]: given, most: MAX_CHILDREN },
    },
  );
}

function noSuchChild({ alias }: Task, subtask: number): FleetError {
  return new FleetError('NOT_FOUND', `task '${alias}' has no subtask ${subtask}`, {
    details: { task: alias, subtask },
  });
}

function childDocument(coordinator: Coordinator, fanOut: FanOut, child: Child, now: number): d.ChildDocument {
  const subtask = fanOut.subtasks[child.index]!;
  const { instances } = coordinator.state;
  const startedAt = child.state === 'assigned' ? coordinator.startedAt(child) : null;
  return {
    index: child.index,
    name: subtask.name,
    goal: subtask.goal,
    target: targetText(subtask.target),
    thread: threadOf(fanOut, child.index),
    worker: aliasOf(instances, child.worker),
    worker_did: child.worker,
    state: child.state === 'assigned' ? 'running' : child.state,
    verdict: child.state === 'done' ? child.verdict : null,
    reason: childReasonOf(coordinator, fanOut, child, startedAt, now),
    cost_usd: child.costUsd,
    cost_unknown: isCostUnknown(fanOut, child),
    lost: child.lost,
    needs_you: child.asks,
    tokens: child.tokens,
    wall_time_secs:
      child.state === 'done'
        ? secsOf(child.wallMs)
        : startedAt === null
          ? 0
          : secsOf(Math.max(0, now - startedAt)),
    stalled_secs: stalledSecs(child.state === 'assigned' ? coordinator.silentSince(child) : null, now),
    started_unix: child.state === 'done' ? startedUnix(child, child.verdict) : unixOf(startedAt),
    ended_unix: child.state === 'done' ? unixOf(child.endedAt) : null,
    exit_code: child.exitCode,
    signal: child.signal,
    summary: child.state === 'done' ? child.summary : null,
    attempt: child.attempt,
    depends_on: [...subtask.depends_on],
    when: subtask.when,
    executor: subtask.executor,
    earlier_attempts: (child.earlier ?? []).map(earlier => ({
      attempt: earlier.attempt,
      worker: aliasOf(instances, earlier.worker),
      verdict: earlier.verdict,
      reason: earlier.reason,
      cost_usd: earlier.costUsd,
      cost_unknown: earlier.costUnknown,
      lost: earlier.lost ?? false,
      tokens: earlier.tokens,
      wall_time_secs: secsOf(earlier.wallMs),
      started_unix: startedUnix(earlier, earlier.verdict),
      ended_unix: unixOf(earlier.endedAt),
      work: earlier.work && { ...earlier.work },
    })),
    after_join: child.afterJoin,
    left_group: [...(child.leftGroup ?? [])],
    work: child.work && { ...child.work },
    ...(child.results !== null && shownResults(child.results)),
    reused: child.reused && {
      task: child.reused.task,
      thread: child.reused.thread,
      subtask: child.reused.index,
      name: child.reused.name ?? null,
      attempt: child.reused.attempt,
    },
  };
}

/** The maximum length of the results in a document, as JSON. A document may list 100,000 subtasks. */
const MAX_SHOWN_RESULTS = 4_096;

/** Returns the first results that fit. */
function shownResults(results: JsonObject): Pick<d.ChildDocument, 'results' | 'results_cut'> {
  const entries = Object.entries(results);
  let room = MAX_SHOWN_RESULTS;
  const shown = entries.filter(([key, value]) => {
    const length = key.length + JSON.stringify(value).length;
    if (length > room) return false;
    room -= length;
    return true;
  });
  return { results: Object.fromEntries(shown), ...(shown.length < entries.length && { results_cut: true }) };
}

function stalledSecs(silentSince: number | null, now: number): number | null {
  return silentSince === null ? null : secsOf(Math.max(0, now - silentSince));
}

/**
 * Returns the time at which an ended attempt began, in seconds since 1970. An attempt that took no time and did not
 * accept never ran, or was lost unseen.
 */
function startedUnix(
  { endedAt, wallMs }: Pick<Child, 'endedAt' | 'wallMs'>,
  verdict: d.ChildVerdict | null,
): number | null {
  return wallMs === 0 && verdict !== 'accept' ? null : unixOf(endedAt - wallMs);
}

function unixOf(ms: number | null): number | null {
  return ms === null ? null : secsOf(ms);
}

/**
 * Returns seconds with microsecond precision, as workers report them. The plain quotient would show rounding errors.
 */
function secsOf(ms: number): number {
  return Math.round(ms * 1000) / 1_000_000;
}

/** Returns why a child ended with its verdict, or what it waits for; null for neither. */
function childReasonOf(
  coordinator: Coordinator,
  fanOut: FanOut,
  child: Child,
  startedAt: number | null,
  now: number,
): string | null {
  if (child.state === 'done') return child.reason;
  if (child.state === 'assigned') return startedAt === null ? whyNotStarted(coordinator, child) : null;
  return whyPending(coordinator.state, fanOut, child, now);
}

function whyNotStarted(coordinator: Coordinator, child: Child): string {
  const instance = coordinator.state.instances.get(child.worker!);
  const name = instance?.alias ?? child.worker!;
  return instance?.status === 'live'
    ? `handed to ${name}`
    : `${name} is ${instance?.status ?? 'unknown'}; waiting for it to come back`;
}

function aliasOf(instances: FleetState['instances'], did: Did | null): string | null {
  return did === null ? null : (instances.get(did)?.alias ?? did);
}

/** The coordinator's facts about itself, which no heartbeat on a link contains. */
export interface SelfFacts {
  readonly did: Did;
  readonly startedAt: number;
  readonly storeRecords: number;
  readonly activeDispatches: number;
}

/** @param heartbeatAt the time at which an instance was last heard from, in ms */
export function instanceDocument(
  coordinator: Coordinator,
  instance: Instance,
  self: SelfFacts,
  now: number,
): d.InstanceDocument {
  const link = coordinator.links.get(instance.did);
  const own = instance.did === self.did;
  const up = instance.status === 'live' || instance.status === 'stale';
  const lastContactAt = own ? now : (link?.lastContactAt ?? instance.lastHeartbeatAt);
  return {
    did: instance.did,
    alias: instance.alias,
    role: instance.role,
    endpoint: instance.endpoint,
    status: own ? 'live' : instance.status,
    version: instance.version,
    uptime_secs: own
      ? (now - self.startedAt) / 1000
      : up && link !== undefined
        ? Math.max(0, now - link.upSince) / 1000
        : 0,
    health: instance.health,
    active_dispatches: own ? self.activeDispatches : (link?.assigned.size ?? 0),
    dispatches: link === undefined ? [] : dispatchesOf(link),
    store_records: own ? self.storeRecords : (link?.storeRecords ?? 0),
    last_heartbeat_unix: lastContactAt === null ? null : lastContactAt / 1000,
    pid: own || up || instance.status === 'starting' ? instance.pid : null,
    home: instance.home,
    slots: instance.slots,
    note: instance.note,
  };
}

/** The maximum number of subtasks in a worker's document. */
const MAX_DISPATCHES = 10;

function dispatchesOf({ assigned }: WorkerLink): NonNullable<d.InstanceDocument['dispatches']> {
  const dispatches: NonNullable<d.InstanceDocument['dispatches']> = [];
  for (const [{ index }, { fanOut }] of assigned) {
    if (dispatches.length === MAX_DISPATCHES) break;
    dispatches.push({ task: fanOut.task.alias, thread: fanOut.task.thread, subtask: index });
  }
  return dispatches;
}

export interface FleetFacts extends SelfFacts {
  readonly heartbeatMs: number;
  readonly url: string;
  readonly executors: readonly string[];
  /** The programs that some executors need, by executor. */
  readonly programs?: Readonly<Record<string, string>>;
  /** The default executor of a fleet that was started without one. */
  readonly defaultExecutor: string;
}

/** Returns the coordinator first, then the workers by alias, without `stopped` ones. */
export function fleetDocument(coordinator: Coordinator, facts: FleetFacts, now: number): d.FleetDocument {
  const instances = [...coordinator.state.instances.values()]
    .filter(({ status, did }) => status !== 'stopped' || did === facts.did)
    .sort(byRoleAndAlias)
    .map(instance => instanceDocument(coordinator, instance, facts, now));
  const count = (status: string): number => instances.filter(instance => instance.status === status).length;
  return {
    instances,
    live: count('live'),
    stale: count('stale'),
    archived: count('archived'),
    heartbeat_interval_secs: facts.heartbeatMs / 1000,
    coordinator_url: facts.url,
    ...controlMembers(coordinator.state),
    stalled: stalledAttempts(coordinator, now),
    open_fan_outs: coordinator.state.open.size,
    breakers: Array.from(coordinator.state.breakers, ([executor, { until, isGuess }]) => ({
      executor,
      resets_at_unix: until / 1000,
      is_guess: isGuess,
    })),
    executors: [...facts.executors],
    programs: { ...facts.programs },
    shared: coordinator.state.shared.map(({ thread, name }) => ({ thread, name })),
    default_executor: coordinator.state.defaultExecutor ?? facts.defaultExecutor,
  };
}

function stalledAttempts(coordinator: Coordinator, now: number): d.FleetDocument['stalled'] {
  const stalled: d.FleetDocument['stalled'] = [];
  for (const { did, assigned } of coordinator.links.values())
    for (const [{ index }, assignment] of assigned) {
      const { fanOut } = assignment;
      const secs = stalledSecs(silentSinceOf(assignment), now);
      if (secs === null) continue;
      const worker = aliasOf(coordinator.state.instances, did)!;
      const { alias: task, thread } = fanOut.task;
      stalled.push({ task, thread, subtask: index, worker, stalled_secs: secs });
    }
  return stalled;
}

/** Compares instances in listing order: the coordinator, then the workers by letter. */
export function byRoleAndAlias(a: Instance, b: Instance): number {
  if (a.role !== b.role) return a.role === 'coordinator' ? -1 : 1;
  return a.alias.length - b.alias.length || (a.alias < b.alias ? -1 : 1);
}

/** Finds an instance by DID, alias, or an unambiguous prefix of a DID. @throws NOT_FOUND */
export function resolveInstance(state: FleetState, name: string): Instance {
  const all = [...state.instances.values()];
  // After a home was moved, an alias may also belong to a worker that was left behind.
  const exact = all.find(({ did }) => did === name) ?? all.findLast(({ alias }) => alias === name);
  const close =
    exact === undefined && name.length >= 4
      ? all.filter(({ did }) => did.startsWith(name) || did.endsWith(`:${name}`))
      : [];
  const found = exact ?? (close.length === 1 ? close[0] : undefined);
  if (found !== undefined) return found;
  throw new FleetError('NOT_FOUND', `no instance is named '${name}'`, {
    details: { instance: name },
    hint: 'List them with: spl fleet list',
  });
}

/** Returns the facts of a fan-out that the speedup report needs. */
export function runFacts(state: FleetState, task: Task): RunFacts {
  const { fanOut } = task;
  if (fanOut === null)
    throw new FleetError('CONFLICT', `task '${task.alias}' has no fan-out`, {
      details: { task: task.alias },
    });
  const { joined } = fanOut;
  const members = fanOut.children.filter(({ index }) => !isFollowUp(fanOut.subtasks[index]!));
  const subtasks = membersAmong(fanOut.subtasks);
  const workers = new Set(members.map(({ worker }) => worker).filter(worker => worker !== null));
  const slots = [...workers].reduce((sum, did) => sum + (state.instances.get(did)?.slots ?? 1), 0);
  return {
    thread: task.thread,
    alias: task.alias,
    echo: echoOf(fanOut),
    outcome: joined?.outcome ?? null,
    round: fanOut.round,
    serial: fanOut.serialOf !== null,
    measuredWallMs: joined === null ? null : Math.max(0, joined.at - fanOut.roundStartedAt),
    slotsUsed: fanOut.serialOf !== null ? 1 : Math.min(slots, members.length),
    children: members.map((child, index) => {
      const { goal, name, run, executor, dir, depends_on: dependsOn } = subtasks[index]!;
      const { verdict, attempt, wallMs, costUsd, costUnknown, state: childState } = child;
      return {
        index,
        goal,
        name,
        run,
        executor,
        dir,
        dependsOn,
        verdict: childState === 'done' && verdict !== 'skipped' ? verdict : null,
        afterJoin: child.afterJoin,
        attempt,
        wallMs,
        costUsd,
        costUnknown,
        reused: child.reused !== null,
      };
    }),
    extraAttempts: members.flatMap((child, index) =>
      (child.earlier ?? []).map(({ attempt, verdict, wallMs, costUsd, costUnknown }) => ({
        index,
        attempt,
        verdict,
        wallMs,
        costUsd,
        costUnknown,
      })),
    ),
  };
}
