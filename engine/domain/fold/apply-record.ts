import type { TaskAction } from '../../contract/commands.ts';
import type { ChildVerdict } from '../../contract/documents.ts';
import { looksLikeCommand } from '../../contract/echo.ts';
import { isReservedThread, RESERVED, type Did, type RecordId } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import {
  TOPIC,
  topicOf,
  type AdmittedBody,
  type ArchiveBody,
  type CancelBody,
  type ChildDoneBody,
  type CommandDoneBody,
  type ExpandedBody,
  type FanOutBody,
  type FleetConfigBody,
  type HeartbeatBody,
  type JoinBody,
  type RetryBody,
  type ReturnedBody,
  type SpawnedBody,
  type StatusBody,
  type TaskBody,
  type TaskWordBody,
  type ThreadRestoredBody,
} from '../model/record-bodies.ts';
import { isOutOfQuota, noteEnd, noteStart, releaseProbe } from '../model/circuit-breakers.ts';
import { budgetOf, reserve, settle } from '../model/budgets.ts';
import { link, unlink } from '../model/dependencies.ts';
import { applyControl } from '../policy/freeze.ts';
import { IndexQueue } from '../model/index-queue.ts';
import { expandedSubtasks, mostMembers } from '../model/matrices.ts';
import { applyCommandDone, rememberKey } from '../model/idempotency-keys.ts';
import { next } from '../model/machine.ts';
import { keyOf } from '../model/messages.ts';
import { applyNamespace } from '../policy/namespaces.ts';
import { recordedPredicate, type CelCompiler } from '../model/predicate.ts';
import { noteReusable, reusableFor, reusedResults } from '../model/reuse.ts';
import { applyRule } from '../policy/permission-rules.ts';
import { rememberRun } from '../model/runs.ts';
import { afterTransition, taskActionOf } from '../model/task-status.ts';
import {
  changeRare,
  isUnderWay,
  newChild,
  subtaskStateOf,
  Task,
  type Child,
  type FanOut,
  type FleetState,
  type Instance,
  type Mutable,
  type TaskFacts,
} from '../model/state.ts';
import { dependants as dependantsOf } from '../model/subtask-graph.ts';
import { isAgent, isFollowUp, membersAmong } from '../model/subtask.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { SUBTASK, type SubtaskEvent } from '../model/subtask-machine.ts';
import { countEnd, countStart } from '../model/namespace-usage.ts';
import { readSubtasks } from '../../subtask/encoding.ts';

/** The context of a fold besides the records: the owner of the log, and the CEL compiler. */
export interface FoldContext {
  /** The coordinator's own DID. Only its records and those of its admitted workers count. */
  readonly self: Did;
  readonly cel: CelCompiler;
}

/** The back-off before the second attempt, and the maximum one, of a subtask that names none. */
const USUAL_BACKOFF_MS = 1_000;
const MAX_USUAL_BACKOFF_MS = 60_000;
const MAX_BACKOFF_MS = 3_600_000;

/**
 * Applies one record to the state. Ignores a record that does not fit: the report of a fenced attempt, a topic whose
 * author may not write it. Total: it never throws on a record in the log.
 *
 * @param at the time at which the record was written, in ms since 1970
 */
export function applyRecord(state: FleetState, record: FleetRecord, at: number, context: FoldContext): void {
  if (record.thread === RESERVED.instanceRegistry) return applyRegistry(state, record, at, context);
  if (isReservedThread(record.thread)) return applyReserved(state, record, context);
  const topic = topicOf(record);
  if (topic === TOPIC.child) return;
  const task = state.tasks.get(record.thread);
  if (task === undefined) {
    if (topic === TOPIC.task && record.act === 'INTEND' && !state.restored.has(record.thread))
      addTask(state, record, record.body as unknown as TaskBody, at);
    return;
  }
  raiseClock(task.clocks, record);
  if (topic === undefined) return;
  if (topic === TOPIC.fanOut) return openFanOut(state, task, record, at, context);
  if (topic === TOPIC.archive) return applyArchive(task, record, context);
  if (topic === TOPIC.cancel) return requestCancel(state, task, record, context);
  const verb = taskActionOf(topic);
  if (verb !== undefined) return applyTransition(state, task, verb, record, context);
  if (task.fanOut !== null) applyToFanOut(state, task.fanOut, record, topic, at, context);
}

function applyToFanOut(
  state: FleetState,
  fanOut: FanOut,
  record: FleetRecord,
  topic: string,
  at: number,
  context: FoldContext,
): void {
  const own = record.actor === context.self;
  switch (topic) {
    case TOPIC.childDone:
      return endDelivery(state, fanOut, record, record.body as unknown as ChildDoneBody, at, own);
    case TOPIC.spawned:
      if (own) assign(state, fanOut, record.body as unknown as SpawnedBody);
      return;
    case TOPIC.returned:
      if (own) takeBack(state, fanOut, record.body as unknown as ReturnedBody);
      return;
    case TOPIC.expanded:
      if (own) expand(state, fanOut, record.body as unknown as ExpandedBody);
      return;
    case TOPIC.join:
      if (own) closeRound(state, fanOut, record.id, record.body as unknown as JoinBody, at);
      return;
    case TOPIC.retry:
      if (own) reopen(state, fanOut, record.id, record.body as unknown as RetryBody, at);
      return;
  }
}

function raiseClock(clocks: Map<Did, number>, record: FleetRecord): void {
  const next = clocks.get(record.actor) ?? 0;
  if (record.clock >= next) clocks.set(record.actor, record.clock + 1);
}

function addTask(state: FleetState, record: FleetRecord, body: TaskBody, at: number): void {
  const facts: TaskFacts = {
    thread: record.thread,
    intent: record.id,
    actor: record.actor,
    alias: body.alias,
    goal: body.goal,
    priority: body.priority,
    labels: body.labels,
    domain: body.domain ?? null,
    hypothesis: body.hypothesis ?? null,
    criteria: body.criteria,
    dir: body.dir ?? null,
    namespace: body.namespace ?? 'default',
    createdAt: at,
    dependsOn: body.depends_on ?? [],
  };
  const task = new Task(facts, new Map([[record.actor, record.clock + 1]]));
  state.tasks.set(task.thread, task);
  state.aliases.set(task.alias, task.thread);
  link(state, task);
  rememberKey(state, record.actor, body, record.thread);
}

function openFanOut(
  state: FleetState,
  task: Task,
  record: FleetRecord,
  at: number,
  context: FoldContext,
): void {
  if (task.hasFanOut || record.act !== 'INTEND') return;
  const body = record.body as unknown as FanOutBody;
  task.fanOut = buildFanOut(task, record.id, body, at, context.cel);
  for (const child of task.fanOut.children) if (child.unmet === 0) markReady(state, task.fanOut, child);
  state.open.add(task.thread);
  const { run, namespace } = task.fanOut;
  if (run !== null) rememberRun(state, { ...run, namespace, thread: task.thread, at });
  rememberKey(state, record.actor, body, record.thread);
}

/** Builds the fan-out that an INTEND describes, with all its children pending. */
export function buildFanOut(
  task: Task,
  id: RecordId,
  body: FanOutBody,
  at: number,
  cel: CelCompiler,
): FanOut {
  const subtasks = readSubtasks(body);
  const members = membersAmong(subtasks).length;
  return {
    id,
    task,
    opened: subtasks,
    subtasks,
    expansions: [],
    matrices: matricesAmong(subtasks),
    predicate: recordedPredicate(body.join, mostMembers(subtasks), cel),
    join: body.join,
    losers: body.losers,
    timeoutMs: body.timeout_secs == null ? null : body.timeout_secs * 1000,
    serialOf: body.serial_of ?? null,
    budget: budgetOf(body, subtasks),
    namespace: body.namespace ?? task.facts.namespace,
    run: body.run ?? null,
    noInput: body.no_input ?? false,
    maxParallel: body.max_parallel ?? null,
    env: body.env ?? null,
    environment: body.environment ?? null,
    ...(body.priority !== undefined && { priority: body.priority }),
    ...(body.force === true && { force: true }),
    children: subtasks.map((subtask, index) => newChild(index, subtask.depends_on.length)),
    threads: new Array<undefined>(subtasks.length),
    dependants: subtasks.some(subtask => subtask.depends_on.length > 0) ? dependantsOf(subtasks) : null,
    counts: {
      accepted: 0,
      rejected: 0,
      failed: 0,
      timed_out: 0,
      cancelled: 0,
      running: 0,
      pending: members,
    },
    followUps: subtasks.length - members,
    openFollowUps: subtasks.length - members,
    retrying: 0,
    round: 1,
    roundStartedAt: at,
    roundOpenedBy: id,
    spawned: 0,
    joined: null,
    echoed: null,
    asking: new Set(),
    ready: new Map(),
  };
}

function assign(state: FleetState, fanOut: FanOut, body: SpawnedBody): void {
  for (const [index, attempt, delivery] of body.children) {
    const child = fanOut.children[index];
    if (child === undefined || delivery !== child.deliveries) continue;
    if (!move(state, fanOut, child, 'delivered')) continue;
    if (child.deliveries === 0 && !isFollowUp(fanOut.subtasks[index]!)) fanOut.spawned++;
    child.worker = body.worker;
    child.attempt = attempt;
    child.deliveries++;
    if (child.reason !== null) child.reason = null;
    changeRare(child, { reuse: reusableFor(state, fanOut, index) });
    if (fanOut.budget !== null) reserve(fanOut.budget, fanOut.subtasks[index]!);
    countStart(state.usages, fanOut.namespace, fanOut.subtasks[index]!);
    if (state.breakers.size > 0) noteStart(state.breakers, ...executorAndKey(fanOut, child));
  }
}

function takeBack(state: FleetState, fanOut: FanOut, body: ReturnedBody): void {
  for (const [index, delivery] of body.children) {
    const child = fanOut.children[index];
    if (child === undefined || !isPresent(child, body.worker, delivery)) continue;
    child.mayHaveRun ||= body.begun === true;
    const subtask = fanOut.subtasks[index]!;
    const isSeen = body.begun !== true;
    if (fanOut.budget !== null) settle(fanOut.budget, subtask, null, isSeen);
    countEnd(state.usages, fanOut.namespace, subtask, null, isSeen);
    if (state.breakers.size > 0) releaseProbe(state.breakers, ...executorAndKey(fanOut, child));
    move(state, fanOut, child, 'returned');
  }
}

/** Returns true when a worker's report of this delivery is about the child's present attempt. All others are fenced. */
export function isPresent(child: Child, worker: Did, delivery: number): boolean {
  return child.state === 'assigned' && child.worker === worker && child.deliveries - 1 === delivery;
}

/**
 * Moves a subtask on by the table, and counts a member in its new state; follow-ups are not counted. A subtask that
 * becomes pending without unmet dependencies is ready.
 * @returns false when the event has no meaning in its state
 */
function move(state: FleetState, fanOut: FanOut, child: Child, event: SubtaskEvent): boolean {
  const from = subtaskStateOf(child);
  const to = next(SUBTASK, from, event);
  if (to === null) return false;
  const subtask = fanOut.subtasks[child.index]!;
  const isMember = !isFollowUp(subtask);
  if (isMember) fanOut.counts[counterOf(child)]--;
  child.state = to === 'asking' ? 'pending' : to;
  if (isMember) fanOut.counts[counterOf(child)]++;
  if (to === 'asking') fanOut.asking.add(child.index);
  if (from === 'asking') {
    child.asks = null;
    fanOut.asking.delete(child.index);
  }
  if (subtask.matrix !== null) {
    if (to === 'pending') fanOut.matrices.add(child.index);
    else fanOut.matrices.delete(child.index);
  }
  if (to === 'pending' && child.unmet === 0) markReady(state, fanOut, child);
  return true;
}

/** Returns the indices of the subtasks whose matrix has results as values. */
export function matricesAmong(subtasks: readonly CompleteSubtask[]): Set<number> {
  return new Set(subtasks.flatMap(({ matrix }, index) => (matrix === null ? [] : index)));
}

/** Replaces a pending subtask by the subtasks of its matrix. They are in the round, the wait and the retry that it was in. */
function expand(state: FleetState, fanOut: FanOut, { index, values }: ExpandedBody): void {
  if (!fanOut.matrices.delete(index)) return;
  const first = fanOut.children[index]!;
  const from = fanOut.subtasks.length;
  fanOut.subtasks = expandedSubtasks(fanOut.subtasks, index, values);
  fanOut.dependants = dependantsOf(fanOut.subtasks);
  fanOut.expansions.push({ index, values });
  fanOut.threads[index] = undefined;
  const { unmet, hint, environment, retried } = first;
  const others = fanOut.subtasks.slice(from).map((_, i) => newChild(from + i, unmet));
  for (const child of others) changeRare(child, { hint, environment, retried });
  fanOut.children = [...fanOut.children, ...others];
  fanOut.counts.pending += others.length;
  if (retried) fanOut.retrying += others.length;
  for (const dependant of fanOut.dependants[index]!) fanOut.children[dependant]!.unmet += others.length;
  if (unmet === 0) for (const child of [first, ...others]) markReady(state, fanOut, child);
}

function endDelivery(
  state: FleetState,
  fanOut: FanOut,
  record: FleetRecord,
  body: ChildDoneBody,
  at: number,
  own: boolean,
): void {
  const child = fanOut.children[body.index];
  if (child === undefined || !counts(child, record, body, own)) return;
  const wasAssigned = child.state === 'assigned';
  recordEnd(state, fanOut, child, record, body, at);
  if (wasAssigned) book(state, fanOut, child, body, !own && body.lost !== true);
  const isQuota = wasAssigned && !own && isOutOfQuota(body);
  if (wasAssigned && (isQuota || state.breakers.size > 0)) {
    if (own) releaseProbe(state.breakers, ...executorAndKey(fanOut, child));
    else noteEnd(state.breakers, ...executorAndKey(fanOut, child), body, at);
  }
  if (wasAssigned && (isQuota ? isWanted(fanOut, child) : mayTryAgain(fanOut, child, body))) {
    keepAttempt(child, body.verdict);
    // A lack of quota does not count as an attempt, and the next one waits for the breaker.
    if (isQuota) child.spentBefore++;
    child.mayHaveRun ||= body.lost === true;
    child.notBefore = body.lost || isQuota ? 0 : at + backoffMs(fanOut, child);
    child.verdict = null;
    child.report = null;
    move(state, fanOut, child, 'failed');
    return;
  }
  if (wasAssigned && !own && body.asks !== undefined && !fanOut.noInput && isWanted(fanOut, child))
    return waitForPerson(state, fanOut, child, body.verdict, body.asks);
  if (wasAssigned && !own && body.verdict === 'accept') noteReusable(state, fanOut, child, body);
  finish(state, fanOut, child, body.verdict);
}

/** Makes a child wait for a person's answer. An attempt that ended with a question does not count as failed. */
function waitForPerson(
  state: FleetState,
  fanOut: FanOut,
  child: Child,
  verdict: ChildVerdict,
  asks: string,
): void {
  keepAttempt(child, verdict);
  child.spentBefore++;
  child.verdict = null;
  child.report = null;
  move(state, fanOut, child, 'asked');
  child.asks = asks;
}

/** Books the cost of an attempt in its fan-out and its namespaces. */
function book(
  state: FleetState,
  fanOut: FanOut,
  { index }: Child,
  body: ChildDoneBody,
  isSeen: boolean,
): void {
  const subtask = fanOut.subtasks[index]!;
  if (fanOut.budget !== null) settle(fanOut.budget, subtask, body, isSeen);
  countEnd(state.usages, fanOut.namespace, subtask, body, isSeen);
}

/**
 * Returns true for an author that may end the child: its worker for the present delivery; the coordinator for that, and
 * for a pending child.
 */
function counts(child: Child, record: FleetRecord, body: ChildDoneBody, own: boolean): boolean {
  if (child.state === 'assigned')
    return body.delivery === child.deliveries - 1 && (own || record.actor === child.worker);
  return own && child.state === 'pending' && body.delivery === -1;
}

function recordEnd(
  state: FleetState,
  fanOut: FanOut,
  child: Child,
  record: FleetRecord,
  body: ChildDoneBody,
  at: number,
): void {
  const subtask = fanOut.subtasks[child.index]!;
  const lost = body.lost === true;
  child.verdict = body.verdict;
  child.summary = body.summary ?? '';
  child.wallMs = body.wall_time_secs * 1000;
  child.report = record.id;
  child.endedAt = at;
  changeRare(child, {
    reason: body.reason ?? null,
    exitCode: body.exit_code ?? null,
    signal: body.signal ?? null,
    costUsd: body.cost_usd,
    lost,
    // The cost of an agent whose worker was lost is in no report.
    costUnknown: body.cost_unknown ?? (lost && isAgent(subtask.executor)),
    tokens: body.tokens ?? 0,
    causedBy: body.cause ?? null,
    afterJoin: fanOut.joined !== null && !isFollowUp(subtask),
    leftGroup: body.left_group ?? null,
    output: body.output ?? null,
    results: body.results ?? reusedResults(state, body.reused),
    session: body.session ?? child.session,
    work: body.work ?? null,
    reuse: null,
    reused: body.reused ?? null,
    outputsDigest: body.outputs_digest ?? null,
  });
}

/** Returns true when an attempt is left: `attempts`, else 2 after worker loss and 1 after the attempt's own failure. */
function mayTryAgain(fanOut: FanOut, child: Child, body: ChildDoneBody): boolean {
  if (body.verdict !== 'failed' && body.verdict !== 'timeout') return false;
  if (!isWanted(fanOut, child)) return false;
  const allowed = fanOut.subtasks[child.index]!.attempts ?? (body.lost ? 2 : 1);
  return child.attempt - child.spentBefore < allowed;
}

/** Returns false for a child that was asked to end, or that its join no longer needs. */
export function isWanted(fanOut: FanOut, child: Child): boolean {
  if (child.cancelRequested !== null) return false;
  return fanOut.joined === null || fanOut.losers === 'keep' || isFollowUp(fanOut.subtasks[child.index]!);
}

/** Returns the executor and the key of a child's present delivery, for its breaker. */
function executorAndKey(fanOut: FanOut, child: Child): [executor: string, key: string] {
  const ref = { thread: fanOut.task.thread, index: child.index, delivery: child.deliveries - 1 };
  return [fanOut.subtasks[child.index]!.executor, keyOf(ref)];
}

/** Returns the pause after a failed attempt: it doubles, and depends on nothing but records. */
function backoffMs(fanOut: FanOut, { index, attempt, spentBefore }: Child): number {
  const named = fanOut.subtasks[index]!.backoff_secs;
  const [first, most] =
    named === null ? [USUAL_BACKOFF_MS, MAX_USUAL_BACKOFF_MS] : [named * 1000, MAX_BACKOFF_MS];
  return Math.min(most, first * 2 ** (attempt - spentBefore - 1));
}

function keepAttempt(child: Child, verdict: ChildVerdict): void {
  child.earlier ??= [];
  child.earlier.push({
    attempt: child.attempt,
    worker: child.worker,
    verdict,
    reason: child.reason,
    costUsd: child.costUsd,
    costUnknown: child.costUnknown,
    lost: child.lost,
    tokens: child.tokens,
    wallMs: child.wallMs,
    work: child.work,
    endedAt: child.endedAt,
  });
}

/** The count of each verdict. Only a follow-up can be skipped, and follow-ups are in no count. */
const COUNTER = {
  accept: 'accepted',
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timed_out',
  cancelled: 'cancelled',
  skipped: 'cancelled',
} as const satisfies Readonly<Record<ChildVerdict, string>>;
type Counter = (typeof COUNTER)[ChildVerdict] | 'running' | 'pending';

/** Returns the count of a member. */
function counterOf({ state, verdict }: Child): Counter {
  if (state === 'done') return COUNTER[verdict!];
  return state === 'assigned' ? 'running' : 'pending';
}

function finish(state: FleetState, fanOut: FanOut, child: Child, verdict: ChildVerdict): void {
  move(state, fanOut, child, 'ended');
  if (isFollowUp(fanOut.subtasks[child.index]!)) fanOut.openFollowUps--;
  else if (child.retried) fanOut.retrying--;
  if (verdict === 'accept') noteEcho(fanOut, child, 1);
  releaseDependants(state, fanOut, child);
  closeIfOver(state, fanOut);
}

/** Counts accepted children of the echo executor. Of these, only a follow-up can run again. */
function noteEcho(fanOut: FanOut, { index }: Child, change: 1 | -1): void {
  const { executor, goal } = fanOut.subtasks[index]!;
  if (executor !== 'echo') return;
  const { count = 0, command = null } = fanOut.echoed ?? {};
  const echoed = { count: count + change, command: command ?? (looksLikeCommand(goal) ? goal : null) };
  fanOut.echoed = echoed.count === 0 ? null : echoed;
}

/** Releases the dependants of an ended child: members only after its acceptance, follow-ups after any end. */
function releaseDependants(state: FleetState, fanOut: FanOut, child: Child): void {
  for (const index of fanOut.dependants?.[child.index] ?? []) {
    if (child.verdict !== 'accept' && !isFollowUp(fanOut.subtasks[index]!)) continue;
    const dependant = fanOut.children[index]!;
    dependant.unmet--;
    if (dependant.unmet === 0 && dependant.state === 'pending') markReady(state, fanOut, dependant);
  }
}

function closeIfOver(state: FleetState, fanOut: FanOut): void {
  if (fanOut.joined === null || isUnderWay(fanOut)) return;
  state.open.delete(fanOut.task.thread);
  state.startable.delete(fanOut);
  fanOut.ready.clear();
}

/**
 * Returns true for a pending follow-up with `when: failed` whose dependencies all accepted or were skipped. It is to be
 * skipped.
 */
export function isNotNeeded(fanOut: FanOut, child: Child): boolean {
  const { when, depends_on: on } = fanOut.subtasks[child.index]!;
  if (when !== 'failed' || child.state !== 'pending' || child.unmet > 0) return false;
  return on.every(index => ['accept', 'skipped'].includes(fanOut.children[index]!.verdict ?? ''));
}

function closeRound(state: FleetState, fanOut: FanOut, record: RecordId, body: JoinBody, at: number): void {
  if (fanOut.joined !== null || body.round !== fanOut.round) return;
  fanOut.joined = { outcome: body.outcome, reason: body.reason, census: body.counts, record, at };
  fanOut.task.outcome = body.outcome;
  closeIfOver(state, fanOut);
}

function reopen(state: FleetState, fanOut: FanOut, record: RecordId, body: RetryBody, at: number): void {
  rememberKey(state, body.issued_by, body, fanOut.task.thread);
  const named = [body.index, ...(body.also ?? [])].flatMap(index => fanOut.children[index] ?? []);
  for (const child of named) if (child.asks !== null) goOnAsAnswered(state, fanOut, child, body);
  // An accepted child is never retried, because its dependants may already run.
  const asked = named.filter(child => child.state === 'done' && child.verdict !== 'accept');
  if (asked.length === 0) return;
  for (const child of asked) child.hint = body.hint ?? null;
  if (body.round > fanOut.round) {
    fanOut.round = body.round;
    fanOut.roundStartedAt = at;
    fanOut.roundOpenedBy = record;
    fanOut.joined = null;
    fanOut.retrying = 0;
    for (const each of fanOut.children) each.afterJoin = each.retried = false;
  }
  const indices = asked.map(({ index }) => index);
  const again = [...asked, ...runningAgainWith(fanOut, indices, body.losers)];
  for (const each of again) restart(state, fanOut, each);
  const followUps = followingUp(fanOut, again);
  for (const each of followUps) restart(state, fanOut, each);
  for (const each of [...again, ...followUps]) each.environment = body.environment ?? null;
  if (fanOut.joined === null) fanOut.task.outcome = null;
  fanOut.task.cancelled = null;
  fanOut.task.archived = false;
  state.open.add(fanOut.task.thread);
}

/** Gives a child that waited for a person its next attempt, in the present round. */
function goOnAsAnswered(
  state: FleetState,
  fanOut: FanOut,
  child: Child,
  { hint, environment }: RetryBody,
): void {
  child.hint = hint ?? null;
  child.environment = environment ?? null;
  move(state, fanOut, child, 'answered');
}

/**
 * Returns the children that run again with the retried ones: direct and indirect dependants that ended because of them,
 * and these losers with their dependants. A child that another failed dependency blocks stays as it is.
 */
export function runningAgainWith(
  fanOut: FanOut,
  retried: readonly number[],
  losers: readonly number[] = [],
): Child[] {
  const again = new Set<number>(retried);
  const isLoser = new Set(losers);
  const toLook = [...retried.flatMap(index => fanOut.dependants?.[index] ?? []), ...losers];
  // The loop appends to the list: the dependants of each child that runs again are checked too.
  for (const next of toLook) {
    if (again.has(next) || !mayRunAgain(fanOut, next, again, isLoser.has(next))) continue;
    again.add(next);
    for (const dependant of fanOut.dependants?.[next] ?? []) toLook.push(dependant);
  }
  for (const index of retried) again.delete(index);
  return Array.from(again, each => fanOut.children[each]!);
}

/** Returns the ended direct and indirect follow-ups of these children. */
function followingUp(fanOut: FanOut, children: readonly Child[]): readonly Child[] {
  if (fanOut.followUps === 0) return [];
  const again = new Set<Child>();
  const toLook = children.map(({ index }) => index);
  for (const index of toLook)
    for (const next of fanOut.dependants?.[index] ?? []) {
      const child = fanOut.children[next]!;
      if (!isFollowUp(fanOut.subtasks[next]!) || child.state !== 'done' || again.has(child)) continue;
      again.add(child);
      toLook.push(next);
    }
  return [...again];
}

function mayRunAgain(fanOut: FanOut, index: number, again: ReadonlySet<number>, isLoser: boolean): boolean {
  const child = fanOut.children[index];
  if (child === undefined || child.state !== 'done' || child.verdict === 'accept') return false;
  if (isFollowUp(fanOut.subtasks[index]!)) return false;
  if (child.causedBy === null && !isLoser) return false;
  return fanOut.subtasks[index]!.depends_on.every(dependency => {
    const { state, verdict } = fanOut.children[dependency]!;
    return again.has(dependency) || state !== 'done' || verdict === 'accept';
  });
}

function restart(state: FleetState, fanOut: FanOut, child: Child): void {
  move(state, fanOut, child, 'retried');
  if (child.verdict === 'accept') noteEcho(fanOut, child, -1);
  if (isFollowUp(fanOut.subtasks[child.index]!)) {
    fanOut.openFollowUps++;
  } else {
    child.retried = true;
    fanOut.retrying++;
  }
  for (const index of fanOut.dependants?.[child.index] ?? [])
    if (isFollowUp(fanOut.subtasks[index]!)) fanOut.children[index]!.unmet++;
  // A child that was cancelled between two attempts already has its last attempt among the earlier ones.
  if (child.attempt > (child.earlier?.at(-1)?.attempt ?? 0)) keepAttempt(child, child.verdict!);
  child.verdict = null;
  child.reason = null;
  child.report = null;
  child.causedBy = null;
  child.cancelRequested = null;
  child.afterJoin = false;
  child.spentBefore = child.attempt;
  child.notBefore = 0;
  child.costUsd = 0;
  child.costUnknown = false;
  child.lost = false;
  child.tokens = 0;
  child.wallMs = 0;
  child.work = null;
  changeRare(child, { reused: null, outputsDigest: null });
}

function requestCancel(state: FleetState, task: Task, record: FleetRecord, context: FoldContext): void {
  if (record.actor !== context.self) return;
  const body = record.body as unknown as CancelBody;
  const { fanOut } = task;
  const at = body.issued_at_unix === undefined ? null : body.issued_at_unix * 1000;
  const cancelled = { reason: body.reason ?? null, by: body.issued_by, at };
  const cancelReason = body.reason ?? 'cancelled by request';
  rememberKey(state, body.issued_by, body, task.thread);
  if (fanOut === null) {
    task.cancelled = cancelled;
    return;
  }
  if (body.subtask != null) {
    const child = fanOut.children[body.subtask];
    if (child !== undefined && child.state !== 'done') child.cancelRequested = cancelReason;
    return;
  }
  if (fanOut.joined === null) task.cancelled = cancelled;
  for (const child of fanOut.children) if (child.state !== 'done') child.cancelRequested = cancelReason;
  state.open.add(task.thread);
}

function applyTransition(
  state: FleetState,
  task: Task,
  verb: TaskAction,
  record: FleetRecord,
  context: FoldContext,
): void {
  if (record.actor !== context.self) return;
  const body = record.body as unknown as TaskWordBody;
  rememberKey(state, body.issued_by, body, task.thread);
  unlink(state, task);
  task.standing = afterTransition(task.standing, verb, body);
  link(state, task);
  if (verb === 'reopen') {
    task.cancelled = null;
    task.archived = false;
  }
}

function applyArchive(task: Task, record: FleetRecord, { self }: FoldContext): void {
  if (record.actor === self) task.archived = (record.body as unknown as ArchiveBody).archived;
}

/** Returns the name of a child's queue: one queue per named worker, and one per kind of free choice. */
export function queueName(subtask: CompleteSubtask): string {
  const { target } = subtask;
  if (target.kind === 'specific') return target.did;
  return target.kind === 'alias' ? target.alias : target.kind;
}

/** Queues a child for a worker: under its target's name or, where a worker was chosen, under that worker's. */
export function markReady(
  state: FleetState,
  fanOut: FanOut,
  child: Child,
  name = queueName(fanOut.subtasks[child.index]!),
): void {
  let queue = fanOut.ready.get(name);
  if (queue === undefined) fanOut.ready.set(name, (queue = new IndexQueue()));
  queue.push(child.index);
  state.startable.add(fanOut);
}

/** Applies a record on a thread that only the coordinator writes. */
function applyReserved(state: FleetState, record: FleetRecord, { self }: FoldContext): void {
  if (record.actor !== self) return;
  state.ownClocks.set(record.thread, Math.max(state.ownClocks.get(record.thread) ?? 0, record.clock + 1));
  if (record.thread === RESERVED.namespaceRegistry) applyNamespace(state, record);
  else if (record.thread === RESERVED.fleetControl) applyControl(state, record);
  else if (topicOf(record) === TOPIC.commandDone)
    applyCommandDone(state, record.body as unknown as CommandDoneBody);
  else if (topicOf(record) === TOPIC.threadRestored)
    state.restored.add((record.body as unknown as ThreadRestoredBody).thread);
  else applyRule(state, record);
}

function configure(state: FleetState, { executor, shared }: FleetConfigBody): void {
  if (executor !== undefined) state.defaultExecutor = executor;
  if (shared !== undefined) state.shared = shared;
}

function applyRegistry(state: FleetState, record: FleetRecord, at: number, context: FoldContext): void {
  raiseClock(state.registryClocks, record);
  switch (topicOf(record)) {
    case TOPIC.admitted:
      if (record.actor === context.self) admit(state, record.body as unknown as AdmittedBody);
      return;
    case TOPIC.fleetConfig:
      if (record.actor === context.self) configure(state, record.body as unknown as FleetConfigBody);
      return;
    case TOPIC.status: {
      const body = record.body as unknown as StatusBody;
      const instance = state.instances.get(body.did);
      if (instance === undefined || record.actor !== context.self) return;
      instance.status = body.status;
      instance.note = body.reason ?? null;
      return;
    }
    case TOPIC.heartbeat: {
      const body = record.body as unknown as HeartbeatBody;
      const instance = state.instances.get(body.did);
      if (instance !== undefined && record.actor === body.did) applyHeartbeat(instance, body, at);
      return;
    }
    default:
      return;
  }
}

function admit(state: FleetState, body: AdmittedBody): void {
  const known = state.instances.get(body.did);
  const instance: Instance = {
    did: body.did,
    alias: body.alias,
    role: body.role,
    home: body.home,
    publicKey: body.public_key,
    endpoint: known?.endpoint ?? null,
    version: known?.version ?? '',
    health: known?.health ?? 'healthy',
    pid: known?.pid ?? null,
    pidStart: known?.pidStart ?? null,
    slots: known?.slots ?? 1,
    status: known?.status ?? 'starting',
    note: known?.note ?? null,
    lastHeartbeatAt: known?.lastHeartbeatAt ?? null,
  };
  state.instances.set(body.did, instance);
}

/** Applies a heartbeat to an instance, including one that is held in memory and not written. */
export function applyHeartbeat(instance: Mutable<Instance>, body: HeartbeatBody, at: number): void {
  instance.endpoint = body.endpoint ?? null;
  instance.version = body.version;
  instance.health = body.health;
  instance.pid = body.pid;
  instance.pidStart = body.pid_start ?? null;
  instance.slots = body.slots;
  instance.lastHeartbeatAt = at;
}
