import { TASK_ACTIONS, type TaskAction } from '../../contract/commands.ts';
import type { TaskStatus } from '../../contract/documents.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { TaskWordBody } from './record-bodies.ts';

/** The progress of a task as people reported it. It does not depend on time or on other tasks. */
type Stage = 'inbox' | 'active' | 'review' | 'approved' | 'rejected' | 'failed';

/** One use of a task action; `at` in ms. `reason` is also the summary of `done`. */
export interface Transition {
  readonly verb: TaskAction;
  readonly by: Did;
  readonly at: number;
  readonly reason: string | null;
}

/**
 * The state that task actions have led to. A task with a fan-out ignores it and derives its status from the fan-out.
 */
export interface TaskHistory {
  readonly stage: Stage;
  /** True once its work has started; it is then reopened as active. */
  readonly begun: boolean;
  readonly last: Transition | null;
  /** The report that it is done, since it was last open. The author of the report must not judge the task. */
  readonly done: Transition | null;
  /** `on` is the task whose approval ends the block; null when only `start` does. */
  readonly block: (Transition & { readonly on: ThreadId | null }) | null;
  /** Ends at `until`, in ms; null when only `start` ends it. */
  readonly deferral: (Transition & { readonly until: number | null }) | null;
}

/** The state of a task before its first action. */
export const UNTOUCHED: TaskHistory = {
  stage: 'inbox',
  begun: false,
  last: null,
  done: null,
  block: null,
  deferral: null,
};

/** The entry of an action that is not allowed in a status. The refusal names the allowed ones. */
export const REFUSED = 'refused';
/** The entry of an action that reopens a task: `active` if its work had started, else `inbox`. */
export const REOPENED = 'reopened';

type ActionRow = Readonly<Record<TaskAction, TaskStatus | typeof REFUSED | typeof REOPENED>>;

const FINISHED: ActionRow = {
  start: REFUSED,
  done: REFUSED,
  fail: REFUSED,
  approve: REFUSED,
  reject: REFUSED,
  block: REFUSED,
  defer: REFUSED,
  reopen: REOPENED,
};

/**
 * The states of a task without a fan-out. `tasks.ts` adds the effect of a fan-out, a dependency or the time: the end of
 * a block or deferral is not a action.
 */
export const TASK: Readonly<Record<TaskStatus, ActionRow>> = {
  inbox: {
    start: 'active',
    done: 'review',
    fail: 'failed',
    approve: REFUSED,
    reject: REFUSED,
    block: 'blocked',
    defer: 'deferred',
    reopen: REFUSED,
  },
  active: {
    start: REFUSED,
    done: 'review',
    fail: 'failed',
    approve: REFUSED,
    reject: REFUSED,
    block: 'blocked',
    defer: 'deferred',
    reopen: REFUSED,
  },
  blocked: {
    start: 'active',
    done: REFUSED,
    fail: 'failed',
    approve: REFUSED,
    reject: REFUSED,
    block: 'blocked',
    defer: 'deferred',
    reopen: REFUSED,
  },
  deferred: {
    start: 'active',
    done: REFUSED,
    fail: 'failed',
    approve: REFUSED,
    reject: REFUSED,
    block: 'blocked',
    defer: 'deferred',
    reopen: REFUSED,
  },
  review: {
    start: 'active',
    done: REFUSED,
    fail: 'failed',
    approve: 'approved',
    reject: 'rejected',
    block: REFUSED,
    defer: REFUSED,
    reopen: REFUSED,
  },
  approved: FINISHED,
  rejected: FINISHED,
  failed: FINISHED,
  cancelled: FINISHED,
};

/** Returns the actions that a task without a fan-out accepts in a status. */
export function allowedIn(status: TaskStatus): readonly TaskAction[] {
  return TASK_ACTIONS.filter(action => TASK[status][action] !== REFUSED);
}

const ACTIONS = new Map(TASK_ACTIONS.map(action => [`task_${action}`, action]));

/** Returns the action of a topic, or undefined for another kind of topic. */
export function taskActionOf(topic: string | undefined): TaskAction | undefined {
  return topic === undefined ? undefined : ACTIONS.get(topic);
}

/** Returns the state of a task after one more action. Total: the verb was checked before it was written. */
export function afterTransition(standing: TaskHistory, action: TaskAction, body: TaskWordBody): TaskHistory {
  const at = body.issued_at_unix * 1000;
  const last: Transition = {
    verb: action,
    by: body.issued_by,
    at,
    reason: body.reason ?? body.summary ?? null,
  };
  switch (action) {
    case 'start':
      return { ...UNTOUCHED, stage: 'active', begun: true, last };
    case 'done':
      return { ...UNTOUCHED, stage: 'review', begun: true, last, done: last };
    case 'fail':
      return { ...ended(standing, last), stage: 'failed' };
    case 'approve':
      return { ...ended(standing, last), stage: 'approved' };
    case 'reject':
      return { ...ended(standing, last), stage: 'rejected' };
    case 'block':
      return { ...standing, last, block: { ...last, on: body.on ?? null }, deferral: null };
    case 'defer': {
      const until = body.until_unix == null ? null : body.until_unix * 1000;
      return { ...standing, last, deferral: { ...last, until } };
    }
    case 'reopen':
      return { ...UNTOUCHED, stage: standing.begun ? 'active' : 'inbox', begun: standing.begun, last };
  }
}

function ended(standing: TaskHistory, last: Transition): TaskHistory {
  return { ...standing, last, block: null, deferral: null };
}

/** Returns true while the task is deferred. */
export function isDeferred({ deferral }: TaskHistory, now: number): boolean {
  return deferral !== null && (deferral.until === null || now < deferral.until);
}

/** Returns the status by task actions alone, at this time. */
export function statusByHistory(
  standing: TaskHistory,
  now: number,
  isReleased: (on: ThreadId) => boolean,
): TaskStatus {
  const { stage, block } = standing;
  if (stage !== 'inbox' && stage !== 'active') return stage;
  if (isDeferred(standing, now)) return 'deferred';
  if (block !== null && (block.on === null || !isReleased(block.on))) return 'blocked';
  return stage;
}
