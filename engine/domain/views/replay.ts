import type { ReplayDocument, TaskStatus } from '../../contract/documents.ts';
import type { Json, JsonObject } from '../../record/canonical.ts';
import type { FleetRecord } from '../../record/record.ts';
import { isFromInstance, TOPIC, topicOf, type TaskWordBody } from '../model/record-bodies.ts';
import {
  afterTransition,
  statusByHistory,
  UNTOUCHED,
  taskActionOf,
  type TaskHistory,
} from '../model/task-status.ts';

/** The status of a thread without a goal so far. */
const NO_STATUS = 'none';
type Status = TaskStatus | typeof NO_STATUS;

/** The maximum length of a body shown, in characters. */
const BODY_CHARS = 100;

/**
 * Folds the records of one thread, in log order, into rows with the status after each. A row uses only this thread: it
 * does not show that a task waits for others.
 * @param records with `at` in milliseconds since 1970, as the log stores it
 * @param present the present status, where it depends on more than these records
 */
export function replayThread(
  records: readonly { readonly record: FleetRecord; readonly at: number }[],
  present?: TaskStatus,
): ReplayDocument {
  let state: State = { status: NO_STATUS, fannedOut: false, standing: UNTOUCHED };
  const steps = records.map(({ record, at }) => {
    const before = state.status;
    state = advance(state, record, at);
    return {
      clock: record.clock,
      act: record.act,
      actor: record.actor,
      status: state.status,
      changed: state.status !== before,
      body: bodyText(record.body),
      at_unix: at / 1000,
    };
  });
  return {
    thread: records[0]?.record.thread ?? '',
    steps,
    final_status: present ?? state.status,
    count: steps.length,
  };
}

interface State {
  readonly status: Status;
  /** True from the fan-out on. Only the join then ends the task. */
  readonly fannedOut: boolean;
  /** The state that task actions have led to so far. */
  readonly standing: TaskHistory;
}

function advance(before: State, record: FleetRecord, at: number): State {
  const topic = topicOf(record);
  const fannedOut = before.fannedOut || topic === TOPIC.fanOut;
  const action = isFromInstance(record) ? taskActionOf(topic) : undefined;
  if (action === undefined) return { ...before, status: statusAfter(before, record, at), fannedOut };
  const standing = afterTransition(before.standing, action, record.body as unknown as TaskWordBody);
  return { status: fannedOut ? before.status : byWords(standing, at), fannedOut, standing };
}

/**
 * Returns the status by task actions alone. A task blocked on another one stays blocked until a person starts it,
 * because the end of the block is on the other task's thread.
 */
const byWords = (standing: TaskHistory, at: number): TaskStatus => statusByHistory(standing, at, () => false);

/** Counts only an instance's records about a run. Others may write the same topics to the thread, without effect. */
function statusAfter({ status, fannedOut, standing }: State, record: FleetRecord, at: number): Status {
  const topic = topicOf(record);
  switch (topic) {
    case TOPIC.fanOut:
      return 'active';
    case TOPIC.join:
      // A round ends with its first join; another join for the round changes nothing.
      return status === 'active' && isFromInstance(record)
        ? afterOutcome(record.body['outcome'], status)
        : status;
    case TOPIC.retry:
      return fannedOut && isFromInstance(record) ? 'active' : status;
    case TOPIC.cancel: {
      const whole = (record.body['subtask'] ?? null) === null;
      return whole && !fannedOut && isFromInstance(record) ? 'cancelled' : status;
    }
    case TOPIC.child:
      return isFromInstance(record) ? 'active' : status;
    case TOPIC.childResult:
      return isFromInstance(record) ? afterVerdict(record.body['verdict'], status) : status;
    default:
      if (status === NO_STATUS) return record.act === 'INTEND' ? 'inbox' : status;
      // A deferral may have ended since the last record.
      return status === 'deferred' ? byWords(standing, at) : status;
  }
}

function afterOutcome(outcome: Json | undefined, status: Status): Status {
  switch (outcome) {
    case 'satisfied':
      return 'approved';
    case 'unsatisfiable':
    case 'timed_out':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    default:
      return status;
  }
}

function afterVerdict(verdict: Json | undefined, status: Status): Status {
  switch (verdict) {
    case 'accept':
      return 'approved';
    case 'reject':
      return 'rejected';
    case 'failed':
    case 'timeout':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    default:
      return status;
  }
}

/** Returns the topic and the rest as JSON: one line, safe on a terminal, truncated if long. */
function bodyText(body: JsonObject): string {
  const { topic, ...rest } = body;
  const named = typeof topic === 'string';
  const room = BODY_CHARS * 2;
  const json = beginningOf(named ? rest : body, room);
  return cut(visible(named ? `${topic.slice(0, room)} ${json}` : json));
}

/** Returns the JSON of a value, broken off soon after `room` characters. A body may be many megabytes. */
function beginningOf(value: Json | undefined, room: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, Math.max(0, room)));
  if (typeof value !== 'object' || value === null) return String(value);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  let text = open!;
  for (const [key, item] of members(value)) {
    if (text.length > 1) text += ',';
    if (key !== null) text += `${JSON.stringify(key.slice(0, Math.max(0, room)))}:`;
    text += beginningOf(item, room - text.length);
    if (text.length > room) return text;
  }
  return text + close!;
}

/** Yields members one at a time, because only the first few are needed. */
function* members(value: readonly Json[] | JsonObject): Generator<[key: string | null, item: Json]> {
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) yield [null, item];
    return;
  }
  for (const [key, item] of Object.entries(value as JsonObject)) if (item !== undefined) yield [key, item];
}

/** Escapes characters that move the cursor, change the writing direction, or are invisible. */
function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, found => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}

function cut(text: string): string {
  if (text.length <= BODY_CHARS) return text;
  // Counts code points, so that no surrogate pair is split.
  const points = [...text.slice(0, BODY_CHARS * 2)];
  return points.length <= BODY_CHARS ? text : `${points.slice(0, BODY_CHARS - 1).join('')}…`;
}
