import type {
  Cancel,
  FanOutOpen,
  FanOutRequest,
  Priority,
  Rerun,
  Retry,
  RunSerial,
  TaskAdd,
} from '../../contract/commands.ts';
import type { FannedOut, FanOutOpened, RunDocument, TaskAdded } from '../../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import { admitWork } from '../policy/admission.ts';
import { TOPIC, type FanOutBody, type TaskBody } from '../model/record-bodies.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { runningAgainWith } from '../fold/apply-record.ts';
import {
  denierOf,
  levelsOf,
  limitOf,
  requireFanOut,
  requireSubtaskAgain,
  type Levels,
} from '../policy/namespace-policy.ts';
import { mostMembers } from '../model/matrices.ts';
import { parsePredicate, type CelCompiler } from '../model/predicate.ts';
import { budgetDocument } from '../model/budgets.ts';
import { aliasOfRun, nextNumber } from '../model/runs.ts';
import { keptFor, keyOf, keyTaken, type Issuer } from '../model/idempotency-keys.ts';
import {
  isUnderWay,
  labelOf,
  wordOf,
  type Child,
  type FanOut,
  type FleetState,
  type Task,
} from '../model/state.ts';
import { resolveSubtasks } from './subtask-refs.ts';
import { completeSubtasks, type SubtaskContext } from './subtask-validation.ts';
import { isFollowUp, membersAmong } from '../model/subtask.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { refuseHeldBack } from './preconditions.ts';
import { isFinished, resolveTask } from '../model/tasks.ts';
import { writeSubtasks } from '../../subtask/encoding.ts';

export type { Issuer } from '../model/idempotency-keys.ts';

/** The context that a fan-out is checked against, besides the state. */
export interface FanOutContext {
  readonly cel: CelCompiler;
  readonly defaultExecutor: string;
  /** The time-out in seconds of subtasks that name none; null for no time-out. */
  readonly defaultTimeoutSecs: number | null;
  readonly executors: readonly string[];
  readonly refusal: NonNullable<SubtaskContext['refusal']>;
}

/**
 * Adds a task on its own thread.
 * @throws CONFLICT when an unfinished task holds the alias
 */
export function addTask(
  coordinator: Coordinator,
  input: TaskAdd,
  thread: ThreadId,
  issuer: Issuer,
): TaskAdded {
  const { state } = coordinator;
  const before = repeatedTask(state, issuer, task => task.goal === input.goal);
  if (before !== undefined) return taskAdded(before);
  const namespace = input.namespace ?? ROOT_NAMESPACE;
  admitWork(state, namespace, issuer.now);
  const alias = input.alias ?? freeAlias(state);
  refuseHeldAlias(state, alias);
  const body: TaskBody = {
    topic: TOPIC.task,
    goal: input.goal,
    alias,
    priority: input.priority,
    labels: input.labels,
    domain: input.domain,
    hypothesis: input.hypothesis,
    criteria: input.criteria,
    dir: input.dir,
    ...namespaceMember(namespace),
    ...dependsOnMember(state, input.depends_on ?? []),
    ...keyOf(issuer),
  };
  coordinator.write({ act: 'INTEND', thread, actor: issuer.actor, body }, issuer.now);
  const task = state.tasks.get(thread)!;
  coordinator.touch(task);
  return taskAdded(task);
}

/**
 * Opens a task's fan-out. All checks come before the first write.
 * @throws NOT_FOUND; CONFLICT for a second fan-out; INVALID_RECORD naming subtask, key and position
 */
export function fanOut(
  coordinator: Coordinator,
  name: string,
  request: FanOutRequest,
  context: FanOutContext,
  issuer: Issuer,
): FannedOut {
  const { state } = coordinator;
  const task = resolveTask(state, name);
  const before = repeated(state, issuer, task);
  if (before?.fanOut != null) return fannedOut(before.fanOut);
  const { namespace, dir } = task.facts;
  admitWork(state, namespaceOf(task.alias, namespace, request.namespace), issuer.now);
  refuseSecondFanOut(task);
  refuseHeldBack(state, task, issuer.now);
  const complete = completeRequest(state, { alias: task.alias, namespace, dir }, request, context);
  return open(coordinator, task, complete, issuer);
}

/**
 * Adds a task and opens its fan-out. Writes both or, when one is refused, neither.
 * @throws as `addTask` and `fanOut`
 */
export function openFanOut(
  coordinator: Coordinator,
  { fan_out: request, ...input }: FanOutOpen,
  thread: ThreadId,
  context: FanOutContext,
  issuer: Issuer,
): FanOutOpened {
  const { state } = coordinator;
  const before = repeatedTask(state, issuer, ({ goal, fanOut }) => goal === input.goal && fanOut !== null);
  if (before?.fanOut != null) return { ...taskAdded(before), fan_out: fannedOut(before.fanOut) };
  const place = {
    alias: input.alias ?? freeAlias(state),
    namespace: input.namespace ?? ROOT_NAMESPACE,
    dir: input.dir,
  };
  admitWork(state, namespaceOf(place.alias, place.namespace, request.namespace), issuer.now);
  const complete = completeRequest(state, place, request, context);
  const alias = input.alias ?? freeAlias(state, complete.run);
  return openWithTask(coordinator, { ...input, alias }, complete, thread, issuer);
}

/** Adds a task and opens its fan-out, both or neither. */
function openWithTask(
  coordinator: Coordinator,
  input: TaskAdd,
  request: CompleteRequest,
  thread: ThreadId,
  issuer: Issuer,
): FanOutOpened {
  // Both are checked before the first is written.
  const body = fanOutBody(input.goal, request, issuer);
  coordinator.permit({ act: 'INTEND', thread, actor: issuer.actor, body });
  addTask(coordinator, input, thread, { ...issuer, key: undefined });
  const task = coordinator.state.tasks.get(thread)!;
  return { ...taskAdded(task), fan_out: open(coordinator, task, request, issuer) };
}

/** The facts of the task that its subtasks depend on. */
interface Place {
  readonly alias: string;
  readonly namespace: string;
  readonly dir: string | null;
}

/** Completes and checks a fan-out. */
function completeRequest(
  state: FleetState,
  place: Place,
  request: FanOutRequest,
  context: FanOutContext,
): CompleteRequest {
  const namespace = namespaceOf(place.alias, place.namespace, request.namespace);
  const longest = limitOf(levelsOf(state.namespaces, namespace), 'timeout_secs')?.value;
  const subtasks = completeSubtasks(request.subtasks, {
    dir: request.dir ?? place.dir,
    defaultExecutor: context.defaultExecutor,
    defaultTimeoutSecs: shorterOf(context.defaultTimeoutSecs, longest),
    instances: [...state.instances.values()],
    executors: context.executors,
    refusal: context.refusal,
    limits: request,
  });
  requireFanOut(state, namespace, subtasks, { ...request, instances: state.instances });
  parsePredicate(request.join, mostMembers(subtasks), context.cel);
  const { run: name, ...rest } = request;
  const run = name === undefined ? null : { name, number: nextNumber(state, name, namespace) };
  return { ...rest, namespace, subtasks, run, serial_of: null };
}

/**
 * Opens the serial baseline of a fan-out: the same subtasks, in dependency order, one at a time on one worker, as a
 * separate task. Every subtask runs, so that a baseline with a failed member still shows where the time went.
 * @throws CONFLICT when there is nothing to repeat; NOT_FOUND for no such worker
 */
export function runSerial(
  coordinator: Coordinator,
  name: string,
  input: RunSerial,
  thread: ThreadId,
  issuer: Issuer,
): FannedOut {
  const { state } = coordinator;
  const original = resolveTask(state, name);
  const before = repeatedTask(state, issuer, task => task.fanOut?.serialOf === original.thread);
  if (before?.fanOut != null) return fannedOut(before.fanOut);
  if (original.fanOut === null)
    throw new FleetError('CONFLICT', `task '${original.alias}' has no fan-out to run serially`, {
      details: { task: original.alias },
    });
  const { namespace } = original.fanOut;
  admitWork(state, namespace, issuer.now);
  const levels = levelsOf(state.namespaces, namespace);
  const worker = pickWorker(coordinator, input.worker, levels);
  const subtasks = forOneWorker(membersAmong(original.fanOut.subtasks), worker);
  // Policies check the target as a free choice if the caller names no worker.
  const asked = input.worker === null ? subtasks.map(each => ({ ...each, target: FREE_CHOICE })) : subtasks;
  const { env } = original.fanOut;
  requireFanOut(state, namespace, asked, { budget_usd: null, env, instances: state.instances });
  const alias = serialAlias(state, original.alias);
  const request = {
    losers: 'keep',
    timeout_secs: null,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    namespace,
    join: 'accepted == total',
    subtasks,
    env,
    no_input: original.fanOut.noInput,
    serial_of: original.thread,
    run: null,
  } as const;
  const task: TaskAdd = {
    goal: original.goal,
    alias,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace,
    dir: original.facts.dir,
  };
  return openWithTask(coordinator, task, request, thread, issuer).fan_out;
}

/**
 * Runs a fan-out again as a new task, with the same subtasks, limits and join: the next run of the same name. A fan-out
 * without a name starts the runs of its task's alias.
 * @throws NOT_FOUND; CONFLICT for a task without a fan-out, and for a serial baseline
 */
export function rerun(
  coordinator: Coordinator,
  name: string,
  { force = false }: Rerun,
  thread: ThreadId,
  issuer: Issuer,
): FanOutOpened {
  const { state } = coordinator;
  const original = resolveTask(state, name);
  const before = repeatedTask(state, issuer, ({ goal, fanOut }) => goal === original.goal && fanOut !== null);
  if (before?.fanOut != null) return { ...taskAdded(before), fan_out: fannedOut(before.fanOut) };
  const request = { ...requestAgain(state, original), force };
  const { namespace, subtasks } = request;
  admitWork(state, namespace, issuer.now);
  requireFanOut(state, namespace, subtasks, { ...request, instances: state.instances });
  const { goal, labels, domain, hypothesis, criteria, dir, priority } = original.facts;
  const task = {
    goal,
    alias: freeAlias(state, request.run),
    priority: priority as Priority,
    labels: [...labels],
    domain,
    hypothesis,
    criteria: [...criteria],
    namespace: original.facts.namespace,
    dir,
  };
  return openWithTask(coordinator, task, request, thread, issuer);
}

/** Returns the request of the next run of a task's fan-out, with every member of it. @throws CONFLICT */
function requestAgain(state: FleetState, { alias, fanOut }: Task): Required<Omit<CompleteRequest, 'force'>> {
  if (fanOut === null)
    throw new FleetError('CONFLICT', `task '${alias}' has no fan-out to run again`, {
      details: { task: alias },
      hint: `spl task fan-out ${alias} --subtask "goal=…"`,
    });
  if (fanOut.serialOf !== null) {
    const measured = state.tasks.get(fanOut.serialOf)?.alias ?? fanOut.serialOf;
    throw new FleetError('CONFLICT', `task '${alias}' is the serial baseline of '${measured}'`, {
      details: { task: alias, serial_of: measured },
      hint: `spl task run-serial ${measured}`,
    });
  }
  const { namespace, timeoutMs } = fanOut;
  const name = fanOut.run?.name ?? alias;
  const budget = budgetDocument(fanOut.budget);
  return {
    // A matrix has the values of its own run.
    subtasks: fanOut.opened,
    join: fanOut.join,
    losers: fanOut.losers,
    timeout_secs: timeoutMs === null ? null : timeoutMs / 1000,
    budget_usd: budget?.usd?.limit ?? null,
    budget_tokens: budget?.tokens?.limit ?? null,
    budget_secs: budget?.secs?.limit ?? null,
    namespace,
    env: fanOut.env,
    no_input: fanOut.noInput,
    max_parallel: fanOut.maxParallel,
    priority: (fanOut.priority ?? null) as Priority | null,
    serial_of: null,
    run: { name, number: nextNumber(state, name, namespace) },
  };
}

/**
 * Runs subtasks again, together with the dependants that were cancelled because of them. After a join this opens one
 * new round, in which the children that the join ended run again too.
 *
 * @throws NOT_FOUND for a reference to no subtask
 * @throws CONFLICT for a subtask that runs or has accepted, and when nothing failed
 * @throws USAGE when no subtask is named, or when they are named in two ways
 */
export function retry(coordinator: Coordinator, name: string, input: Retry, issuer: Issuer): Task {
  const task = resolveTask(coordinator.state, name);
  const before = repeated(coordinator.state, issuer, task);
  if (before !== undefined) return before;
  const asked = retried(task, input);
  const fanOut = task.fanOut!;
  admitWork(coordinator.state, fanOut.namespace, issuer.now);
  for (const child of asked) requireRetriable(fanOut, child, asked);
  const goesOn = fanOut.joined === null || asked.every(({ asks }) => asks !== null);
  const round = goesOn ? fanOut.round : fanOut.round + 1;
  const losers = goesOn ? [] : losersOf(fanOut);
  const changed = [
    ...asked,
    ...runningAgainWith(
      fanOut,
      asked.map(({ index }) => index),
      losers,
    ),
  ];
  for (const { index } of changed)
    requireSubtaskAgain(coordinator.state, fanOut.namespace, fanOut.subtasks[index]!, index);
  // A new round changes what is shown for children that ended after the join.
  if (round > fanOut.round) changed.push(...fanOut.children.filter(({ afterJoin }) => afterJoin));
  const body = {
    topic: TOPIC.retry,
    index: asked[0]!.index,
    ...(asked.length > 1 && { also: asked.slice(1).map(({ index }) => index) }),
    hint: input.hint,
    round,
    ...(losers.length > 0 && { losers }),
    ...environmentMember(issuer),
    issued_by: issuer.actor,
    ...keyOf(issuer),
  } as const;
  coordinator.write({ act: 'LEARN', thread: task.thread, body, parents: [fanOut.id] }, issuer.now);
  coordinator.touch(task, changed);
  coordinator.settle(issuer.now);
  return task;
}

/** Returns the subtasks of a retry. @throws as `retry` when it names none */
export function subtasksOfRetry(task: Task, input: Retry): readonly CompleteSubtask[] {
  return retried(task, input).map(({ index }) => task.fanOut!.subtasks[index]!);
}

/** Returns the children that a retry names. */
function retried(task: Task, { subtask, subtasks, failed }: Retry): readonly Child[] {
  if ([subtask !== undefined, subtasks !== undefined, failed === true].filter(Boolean).length !== 1)
    throw new FleetError('USAGE', "a retry needs 'subtasks' or 'failed'", {
      hint: `spl task retry ${task.alias} --failed`,
    });
  if (failed !== true) return resolveSubtasks(task, subtasks ?? [subtask!]);
  const { fanOut } = task;
  const lost = (fanOut?.children ?? []).filter(
    ({ index, state, verdict }) =>
      state === 'done' && verdict !== 'accept' && !isFollowUp(fanOut!.subtasks[index]!),
  );
  // A child that ended because of another one runs again with that one.
  const causes = lost.filter(
    child => blockedBy(fanOut!, child, lost) === undefined && child.causedBy === null,
  );
  if (causes.length > 0) return causes;
  const isOpen = fanOut !== null && isUnderWay(fanOut);
  throw new FleetError(
    'CONFLICT',
    isOpen
      ? `'${task.alias}' still runs, and nothing of it has failed`
      : `no subtask of '${task.alias}' has failed`,
    {
      details: { task: task.alias },
      ...(isOpen && { hint: `To follow it: spl task join-status ${task.alias} --watch` }),
    },
  );
}

/** @throws CONFLICT for a child that can't be retried */
function requireRetriable(fanOut: FanOut, child: Child, asked: readonly Child[]): void {
  const { alias } = fanOut.task;
  const label = labelOf(fanOut, child.index);
  if (child.asks === null && (child.state !== 'done' || child.verdict === 'accept')) {
    const what =
      child.state === 'done' ? 'has accepted' : child.state === 'assigned' ? 'is running' : 'has not run yet';
    throw new FleetError('CONFLICT', `${label} of '${alias}' ${what} and can't be retried`, {
      details: { task: alias, subtask: child.index },
    });
  }
  const blocker = blockedBy(fanOut, child, asked);
  if (blocker === undefined) return;
  throw new FleetError(
    'CONFLICT',
    `${label} of '${alias}' depends on ${labelOf(fanOut, blocker)}, which did not accept`,
    {
      details: { task: alias, subtask: child.index, depends_on: blocker },
      hint: `Retry that one: spl task retry ${alias} --subtask ${wordOf(fanOut, blocker)}`,
    },
  );
}

/**
 * Ends a task, or some of its subtasks.
 * @throws NOT_FOUND for a reference to no subtask; CONFLICT when nothing is left to end
 */
export function cancel(coordinator: Coordinator, name: string, input: Cancel, issuer: Issuer): Task {
  const task = resolveTask(coordinator.state, name);
  const before = repeated(coordinator.state, issuer, task);
  if (before !== undefined) return before;
  for (const subtask of cancelled(task, input)) {
    const body = {
      topic: TOPIC.cancel,
      subtask,
      reason: input.reason,
      issued_by: issuer.actor,
      issued_at_unix: issuer.now / 1000,
      ...keyOf(issuer),
    } as const;
    coordinator.write(
      { act: 'LEARN', thread: task.thread, body, parents: [task.fanOut?.id ?? task.facts.intent] },
      issuer.now,
    );
  }
  coordinator.endAsAsked(task);
  coordinator.settle(issuer.now);
  return task;
}

/** Returns the unfinished subtasks that a cancellation names; null for the whole task. @throws CONFLICT */
function cancelled(task: Task, { subtask }: Cancel): readonly (number | null)[] {
  const over = (what: string): FleetError =>
    new FleetError('CONFLICT', `${what} has already ended`, { details: { task: task.alias, subtask } });
  const { fanOut } = task;
  if (subtask !== null) {
    const meant = resolveSubtasks(task, [subtask]);
    const open = meant.filter(({ state }) => state !== 'done').map(({ index }) => index);
    if (open.length === 0) throw over(`${labelOf(fanOut!, meant[0]!.index)} of '${task.alias}'`);
    return open;
  }
  const isOpen = fanOut === null ? !isFinished(task) : fanOut.joined === null || isUnderWay(fanOut);
  if (!isOpen) throw over(`task '${task.alias}'`);
  return [null];
}

type CompleteRequest = Omit<FanOutRequest, 'subtasks' | 'dir' | 'namespace' | 'run'> & {
  readonly namespace: string;
  readonly subtasks: readonly CompleteSubtask[];
  readonly serial_of: ThreadId | null;
  readonly run: RunDocument | null;
};

function open(coordinator: Coordinator, task: Task, request: CompleteRequest, issuer: Issuer): FannedOut {
  const body = fanOutBody(task.goal, request, issuer);
  coordinator.write(
    { act: 'INTEND', thread: task.thread, actor: issuer.actor, body, parents: [task.facts.intent] },
    issuer.now,
  );
  coordinator.touch(task);
  coordinator.settle(issuer.now);
  return fannedOut(task.fanOut!);
}

function fanOutBody(goal: string, request: CompleteRequest, issuer: Issuer): FanOutBody {
  return {
    topic: TOPIC.fanOut,
    goal,
    ...writeSubtasks(request.subtasks),
    join: request.join,
    losers: request.losers,
    timeout_secs: request.timeout_secs,
    budget_usd: request.budget_usd,
    budget_tokens: request.budget_tokens,
    budget_secs: request.budget_secs,
    serial_of: request.serial_of,
    env: request.env ?? null,
    ...(request.no_input === true && { no_input: true as const }),
    ...(request.max_parallel != null && { max_parallel: request.max_parallel }),
    ...(request.priority != null && { priority: request.priority }),
    ...(request.force === true && { force: true as const }),
    ...environmentMember(issuer),
    ...namespaceMember(request.namespace),
    ...(request.run !== null && { run: request.run }),
    ...keyOf(issuer),
  };
}

/** Returns the time-out of subtasks that name none: the fleet's, or the namespace's limit if that is shorter. */
function shorterOf(configured: number | null, longest: number | undefined): number | null {
  if (configured === null) return longest ?? null;
  return Math.min(configured, longest ?? Infinity);
}

/**
 * Returns the task of an earlier command with the same key; undefined for a new key. Another task may hold its alias by
 * now.
 * @throws CONFLICT when the key was used for another command, which would otherwise be silently dropped
 */
export function repeated(state: FleetState, issuer: Issuer, task: Task): Task | undefined {
  return repeatedTask(state, issuer, before => before === task);
}

/**
 * Returns the task of the first command with the same key; undefined for a new key.
 * @param isSame returns true for a task that this command may have been about; used where no digest is stored
 * @throws CONFLICT when the first command was another one
 */
function repeatedTask(state: FleetState, issuer: Issuer, isSame: (task: Task) => boolean): Task | undefined {
  const kept = keptFor(state, issuer);
  if (kept === undefined) return undefined;
  const task = kept.thread === null ? undefined : state.tasks.get(kept.thread);
  const isCertain = kept.digest !== null && kept.digest === issuer.digest;
  if (task === undefined || !(isCertain || isSame(task))) throw keyTaken(state, kept, issuer.key!);
  return task;
}

function taskAdded(task: Task): TaskAdded {
  return { thread: task.thread, alias: task.alias, record: task.facts.intent, goal: task.goal };
}

function fannedOut(fanOut: FanOut): FannedOut {
  const { task } = fanOut;
  return {
    thread: task.thread,
    record: fanOut.id,
    subtasks: fanOut.children.length,
    join: fanOut.join,
    alias: task.alias,
    run: fanOut.run && { ...fanOut.run },
  };
}

/** Returns an alias that no task has: that of the run, or a number. */
function freeAlias(state: FleetState, run: RunDocument | null = null): string {
  if (run !== null && !state.aliases.has(aliasOfRun(run))) return aliasOfRun(run);
  for (let n = state.tasks.size + 1; ; n++) {
    const alias = `TASK-${String(n).padStart(3, '0')}`;
    if (!state.aliases.has(alias)) return alias;
  }
}

function serialAlias(state: FleetState, alias: string): string {
  for (let n = 1; ; n++) {
    const name = `${alias.slice(0, 50)}-serial${n === 1 ? '' : `-${n}`}`;
    if (!state.aliases.has(name)) return name;
  }
}

/** @throws CONFLICT when an unfinished task holds the alias */
export function refuseHeldAlias(state: FleetState, alias: string): void {
  const thread = state.aliases.get(alias);
  const holder = thread === undefined ? undefined : state.tasks.get(thread);
  if (holder === undefined || isFinished(holder)) return;
  throw new FleetError(
    'CONFLICT',
    `alias '${alias}' is held by an unfinished task: ${holder.goal.slice(0, 80)}`,
    {
      details: { alias, thread: holder.thread },
      hint: `Choose another alias, or end that task: spl task cancel ${alias}`,
    },
  );
}

/** Returns the namespace of a fan-out: its task's or one below it, so that the limits of the task's namespace apply. */
function namespaceOf(alias: string, namespace: string, named: string | null): string {
  if (named === null || isWithin(named, namespace)) return named ?? namespace;
  throw new FleetError(
    'NAMESPACE_REJECTED',
    `namespace '${named}' is rejected: it is not within '${namespace}', the namespace of task '${alias}'`,
    { details: { namespace: named, failing: namespace, task: alias } },
  );
}

function environmentMember({ environment }: Issuer): { environment?: string } {
  return environment === undefined ? {} : { environment };
}

function namespaceMember(namespace: string): { namespace?: string } {
  return namespace === ROOT_NAMESPACE ? {} : { namespace };
}

function refuseSecondFanOut(task: Task): void {
  if (task.fanOut !== null) {
    throw new FleetError('CONFLICT', `task '${task.alias}' already has a fan-out`, {
      details: { task: task.alias, record: task.fanOut.id },
      hint: 'Add a new task for another fan-out, or retry a subtask of this one.',
    });
  }
}

function dependsOnMember(state: FleetState, names: readonly string[]): { depends_on?: readonly ThreadId[] } {
  const threads = new Set(names.map(name => resolveTask(state, name).thread));
  return threads.size === 0 ? {} : { depends_on: [...threads] };
}

/** Returns the children that only the join cancelled. Without them the next round would be lost from the beginning. */
function losersOf({ joined, losers, children }: FanOut): number[] {
  if (joined === null || joined.outcome === 'satisfied' || losers === 'keep') return [];
  return children.filter(isLoser).map(({ index }) => index);
}

const isLoser = ({ verdict, afterJoin, causedBy, cancelRequested }: Child): boolean =>
  verdict === 'cancelled' && afterJoin && causedBy === null && cancelRequested === null;

/** Returns a dependency that keeps a member from running even after a retry of these children. */
function blockedBy(fanOut: FanOut, { index }: Child, retried: readonly Child[]): number | undefined {
  if (isFollowUp(fanOut.subtasks[index]!)) return undefined;
  return fanOut.subtasks[index]!.depends_on.find(on => {
    const dependency = fanOut.children[on]!;
    return dependency.state === 'done' && dependency.verdict !== 'accept' && !retried.includes(dependency);
  });
}

function pickWorker(coordinator: Coordinator, name: string | null, levels: Levels): Did {
  const workers = [...coordinator.state.instances.values()].filter(({ role }) => role === 'worker');
  const live = workers.filter(({ status }) => status === 'live');
  const load = (did: Did): number => coordinator.links.get(did)?.assigned.size ?? 0;
  const found =
    name === null
      ? live.filter(each => denierOf(levels, each) === undefined).sort((a, b) => load(a.did) - load(b.did))[0]
      : workers.find(({ did, alias }) => did === name || alias === name);
  if (found !== undefined) return found.did;
  throw new FleetError('NOT_FOUND', name === null ? 'no worker is live' : `no worker is named '${name}'`, {
    details: { worker: name },
    hint: 'Start workers with: spl fleet start --workers 2',
  });
}

const FREE_CHOICE = { kind: 'least-loaded' } as const;

/**
 * Returns the same subtasks, all targeted at one worker. A serial fan-out has one subtask out at a time, and none
 * before its dependencies, so the subtasks keep their indices and still run in dependency order.
 */
function forOneWorker(subtasks: readonly CompleteSubtask[], worker: Did): CompleteSubtask[] {
  return subtasks.map(subtask => ({ ...subtask, target: { kind: 'specific', did: worker } }));
}
