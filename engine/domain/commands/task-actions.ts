import type { TaskAction, TaskActionInput } from '../../contract/commands.ts';
import { FleetError } from '../../errors.ts';
import type { ThreadId } from '../../record/ids.ts';
import type { Act } from '../../record/record.ts';
import { admitWork } from '../policy/admission.ts';
import { TOPIC, type TaskWordBody } from '../model/record-bodies.ts';
import { refuseHeldAlias, repeated, type Issuer } from './fan-out.ts';
import { keyOf } from '../model/idempotency-keys.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { reaches } from '../model/dependencies.ts';
import { refused, refuseUnmet, wayOut } from './preconditions.ts';
import { allowedIn } from '../model/task-status.ts';
import type { FleetState, Task } from '../model/state.ts';
import { endOf, resolveTask, statusOf, unmetOf } from '../model/tasks.ts';

/** The input of any task action. */
type Input = Partial<TaskActionInput<'block'> & TaskActionInput<'defer'> & TaskActionInput<'done'>>;

/** The act that records each action: DO for a start, KNOW for results and judgements, LEARN for decisions. */
const ACTS: Readonly<Record<TaskAction, Act>> = {
  start: 'DO',
  done: 'KNOW',
  fail: 'KNOW',
  approve: 'KNOW',
  reject: 'KNOW',
  block: 'LEARN',
  defer: 'LEARN',
  reopen: 'LEARN',
};

const PAST: Readonly<Record<TaskAction, string>> = {
  start: 'started',
  done: 'marked as done',
  fail: 'failed by hand',
  approve: 'approved',
  reject: 'rejected',
  block: 'blocked',
  defer: 'deferred',
  reopen: 'reopened',
};

/**
 * Writes a task action, which decides the task's status. All checks come before the first write.
 * @throws NOT_FOUND
 * @throws CONFLICT when the task's status does not allow the action, or its fan-out decides
 * @throws SCOPE_FORBIDDEN for a verdict on one's own work
 * @throws NAMESPACE_FROZEN, NAMESPACE_REJECTED for new work
 * @throws USAGE, INVALID_RECORD
 */
export function applyTaskAction(
  coordinator: Coordinator,
  name: string,
  action: TaskAction,
  input: Input,
  issuer: Issuer,
): Task {
  const { state } = coordinator;
  const task = resolveTask(state, name);
  const before = repeated(state, issuer, task);
  if (before !== undefined) return before;
  refuseFannedOut(task, action);
  refuseWrongStatus(state, task, action, issuer.now);
  if (action === 'approve' || action === 'reject') refuseOwnWork(task, action, issuer);
  if (action === 'start') refuseUnmet(state, task, 'started', issuer.now);
  if (action === 'reopen' && state.aliases.get(task.alias) !== task.thread)
    refuseHeldAlias(state, task.alias);
  if (action === 'start' || action === 'reopen') admitWork(state, task.facts.namespace, issuer.now);
  if (action === 'defer') refusePast(input.until_unix ?? null, issuer.now);
  const body: TaskWordBody = {
    topic: TOPIC[action],
    reason: input.reason ?? null,
    summary: input.summary ?? null,
    on: action === 'block' ? blockedOn(state, task, input) : null,
    until_unix: input.until_unix ?? null,
    issued_by: issuer.actor,
    issued_at_unix: issuer.now / 1000,
    ...keyOf(issuer),
  };
  const judged = action === 'approve' || action === 'reject' ? { judgedBy: issuer.actor } : {};
  const parents = [task.facts.intent];
  coordinator.write({ act: ACTS[action], thread: task.thread, body, parents, ...judged }, issuer.now);
  coordinator.onTaskChanged(task, issuer.now);
  return task;
}

/**
 * Returns the actions that a task accepts now. A verdict is accepted only from someone other than the author of its
 * `done`.
 */
export function allowedActions(state: FleetState, task: Task, now: number): readonly TaskAction[] {
  if (task.hasFanOut) return [];
  const allowed = allowedIn(statusOf(state, task, now));
  return unmetOf(state, task).length > 0 ? allowed.filter(action => action !== 'start') : allowed;
}

function refuseFannedOut(task: Task, action: TaskAction): void {
  if (!task.hasFanOut) return;
  const { alias } = task;
  const end = endOf(task);
  const isAgain = action === 'start' || action === 'reopen';
  const hint =
    end === null
      ? `Wait for its join: spl task join-status ${alias} --watch; or cancel it: spl task cancel ${alias}`
      : isAgain && end !== 'approved'
        ? `Retry a subtask: spl task retry ${alias} --subtask 0`
        : `Its join is the verdict: spl task show ${alias}`;
  throw refused(
    task,
    `task '${alias}' takes its status from its fan-out, which is ${end === null ? 'under way' : `over (${end})`}: ` +
      `it can't be ${PAST[action]}`,
    hint,
    { verb: action, status: end ?? 'active' },
  );
}

function refuseWrongStatus(state: FleetState, task: Task, action: TaskAction, now: number): void {
  const status = statusOf(state, task, now);
  const allowed = allowedIn(status);
  if (allowed.includes(action)) return;
  if (status === 'blocked') refuseUnmet(state, task, PAST[action], now);
  throw refused(
    task,
    `task '${task.alias}' is ${status} and can't be ${PAST[action]}`,
    wayOut(task, status),
    {
      verb: action,
      status,
      allowed,
    },
  );
}

function refuseOwnWork(task: Task, action: 'approve' | 'reject', { actor }: Issuer): void {
  if (task.standing.done?.by !== actor) return;
  throw new FleetError(
    'SCOPE_FORBIDDEN',
    `task '${task.alias}' was marked as done by ${actor}, who can't review it`,
    {
      details: { task: task.alias, actor },
      hint: `Review it as somebody else: spl task ${action} ${task.alias} --actor did:sync:user:‹name›`,
    },
  );
}

/**
 * Returns the task that a block waits for. @throws USAGE for a block without a reason and a task; CONFLICT for a cycle
 */
function blockedOn(state: FleetState, task: Task, { on, reason }: Input): ThreadId | null {
  if (on == null) {
    if (reason != null && reason.trim() !== '') return null;
    throw new FleetError('USAGE', 'a block needs a reason, or the task that it waits for', {
      details: { task: task.alias },
      hint: `spl task block ${task.alias} --reason "…", or --on TASK`,
    });
  }
  const other = resolveTask(state, on);
  const details = { task: task.alias, on: other.alias };
  if (endOf(other) === 'approved')
    throw new FleetError('CONFLICT', `task '${other.alias}' is approved: there is nothing to wait for`, {
      details,
    });
  if (reaches(state, other, task))
    throw new FleetError(
      'CONFLICT',
      other === task
        ? `task '${task.alias}' can't wait for itself`
        : `task '${other.alias}' waits for '${task.alias}' already: neither could ever start`,
      { details },
    );
  return other.thread;
}

function refusePast(untilUnix: number | null, now: number): void {
  if (untilUnix === null || untilUnix * 1000 > now) return;
  throw new FleetError('INVALID_RECORD', "'until_unix' must be in the future", {
    details: { path: 'until_unix', until_unix: untilUnix },
  });
}
