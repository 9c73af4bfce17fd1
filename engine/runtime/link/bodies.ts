import * as v from 'valibot';
import { FleetError } from '../../errors.ts';
import { notAList } from '../../contract/not-a-list.ts';
import { TOPIC, type ChildBody, type ChildDoneBody } from '../../domain/model/record-bodies.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { isInstanceDid, isThreadId, RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import type { Act, FleetRecord } from '../../record/record.ts';

/**
 * The bodies that a peer may write over a link, checked before the rules see them. A signature says who wrote a record, but
 * nothing about its content: a peer may be of another version, or malicious. Unknown members pass, since fields may be added.
 */

/** The longest text of a report, in UTF-16 code units; what workers write is far shorter. */
export const MAX_REPORT_TEXT = 65_536;
/** The longest name in one: of a conversation, a branch, a process. */
export const MAX_REPORT_NAME = 4_096;
/** The most processes that one names. */
export const MAX_LEFT_GROUP = 1_000;
const MAX_SLOTS = 1_024;
const MAX_DEPENDS = 1_000;
const VERDICTS = ['accept', 'reject', 'failed', 'timeout', 'cancelled'] as const;

const text = (max: number) =>
  v.pipe(v.string('is not text'), v.maxLength(max, `is longer than ${max} characters`));
const whole = (min: number) =>
  v.pipe(
    v.number('is not a number'),
    v.safeInteger('is not a whole number'),
    v.minValue(min, `is below ${min}`),
  );
const amount = v.pipe(v.number('is not a number'), v.finite('is not finite'), v.minValue(0, 'is negative'));
const instance = v.custom<Did>(
  value => typeof value === 'string' && isInstanceDid(value),
  'is not the DID of an instance',
);
const thread = v.custom<ThreadId>(value => typeof value === 'string' && isThreadId(value), 'is not a thread');
const endpoint = v.custom<string>(
  value => typeof value === 'string' && /^https?:\/\/[^/\s]{1,300}$/.test(value) && URL.canParse(value),
  'is not the URL of an instance',
);

const reportSchema = v.object({
  topic: v.literal(TOPIC.childDone),
  index: whole(0),
  attempt: whole(1),
  delivery: whole(0),
  verdict: v.picklist(VERDICTS, `is not one of ${VERDICTS.join(', ')}`),
  reason: v.nullish(text(MAX_REPORT_TEXT)),
  exit_code: v.nullish(v.pipe(v.number('is not a number'), v.safeInteger('is not a whole number'))),
  signal: v.nullish(text(MAX_REPORT_NAME)),
  summary: v.optional(text(MAX_REPORT_TEXT)),
  cost_usd: amount,
  wall_time_secs: amount,
  left_group: v.optional(
    v.pipe(
      v.array(text(MAX_REPORT_NAME), 'is not a list'),
      v.maxLength(MAX_LEFT_GROUP, `lists more than ${MAX_LEFT_GROUP}`),
    ),
  ),
  output: v.optional(
    v.object({ path: text(MAX_REPORT_NAME), size: whole(0), digest: text(MAX_REPORT_NAME) }),
  ),
  tokens: v.optional(amount),
  session: v.optional(text(MAX_REPORT_NAME)),
  quota: v.optional(v.object({ resets_at_unix: v.optional(amount) })),
  work: v.optional(
    v.object({ branch: text(MAX_REPORT_NAME), base: text(MAX_REPORT_NAME), dir: text(MAX_REPORT_NAME) }),
  ),
  asks: v.optional(text(MAX_REPORT_TEXT)),
  cost_unknown: v.optional(v.literal(true, 'is not true')),
  lost: v.optional(v.boolean('is not true or false')),
  cause: v.optional(v.undefined('is for the coordinator to say')),
});

const heartbeatSchema = v.object({
  topic: v.literal(TOPIC.heartbeat),
  did: instance,
  alias: text(MAX_REPORT_NAME),
  role: v.literal('worker', 'is not worker'),
  endpoint: v.nullish(endpoint),
  version: text(256),
  health: v.picklist(['healthy', 'draining'], 'is not healthy or draining'),
  pid: whole(1),
  pid_start: v.nullish(text(256)),
  slots: v.pipe(whole(1), v.maxValue(MAX_SLOTS, `is above ${MAX_SLOTS}`)),
  uptime_secs: amount,
  active_dispatches: whole(0),
  store_records: whole(0),
});

const deliverySchema = v.object({
  topic: v.literal(TOPIC.child),
  goal: v.string('is not text'),
  parent_thread: thread,
  task: v.string('is not text'),
  index: whole(0),
  attempt: whole(1),
  worker: instance,
  executor: v.string('is not text'),
  run: v.nullish(v.string('is not text')),
  dir: v.nullish(v.string('is not text')),
  timeout_secs: v.nullish(
    v.pipe(v.number('is not a number'), v.finite('is not finite'), v.gtValue(0, 'is not above 0')),
  ),
  hint: v.nullish(v.string('is not text')),
  name: v.nullish(v.string('is not text')),
  budget_usd: v.nullish(amount),
  budget_tokens: v.nullish(amount),
  budget_secs: v.nullish(amount),
  may_have_run: v.optional(v.boolean('is not true or false')),
  namespace: v.optional(text(MAX_REPORT_NAME)),
  isolation: v.optional(v.literal('worktree', 'is not worktree')),
  depends: v.optional(
    v.pipe(
      v.array(
        v.object({
          index: whole(0),
          name: v.optional(v.string('is not text')),
          summary: text(MAX_REPORT_TEXT),
          branch: v.optional(text(MAX_REPORT_NAME)),
        }),
        'is not a list',
      ),
      v.maxLength(MAX_DEPENDS, `lists more than ${MAX_DEPENDS}`),
    ),
  ),
  session: v.optional(text(MAX_REPORT_NAME)),
  earlier_branch: v.optional(text(MAX_REPORT_NAME)),
  env: v.optional(
    notAList(
      v.record(v.string(), v.string('is not text'), 'is not an object of texts'),
      'is not an object of texts',
    ),
  ),
  environment: v.optional(text(MAX_REPORT_NAME)),
  errexit: v.optional(v.literal(true, 'is not true')),
});

/** A worker's report: its own word, on a task's thread, of a delivery that ended. @throws LINK_BROKEN */
export function checkReport(record: FleetRecord, worker: Did): void {
  checkRecord(record, worker, 'DO');
  if (!isReportBody(record.body)) checkBody(reportSchema, record.body, 'report');
}

/** A worker's heartbeat: about itself, on the registry. @throws LINK_BROKEN */
export function checkHeartbeat(record: FleetRecord, worker: Did): void {
  checkRecord(record, worker, 'DO');
  if (record.thread !== RESERVED.instanceRegistry)
    throw broken(`a heartbeat stands on the thread ${record.thread}`);
  const { did } = checkBody(heartbeatSchema, record.body, 'heartbeat');
  if (did !== worker) throw broken(`${worker} sent a heartbeat of ${did}`);
}

/** A coordinator's INTEND for this worker. @throws LINK_BROKEN */
export function checkDelivery(record: FleetRecord, coordinator: Did, worker: Did): void {
  checkRecord(record, coordinator, 'INTEND');
  if (!isDeliveryBody(record.body)) checkBody(deliverySchema, record.body, 'delivery');
  if (record.body['worker'] !== worker) throw broken('a delivery is for another worker');
}

function checkRecord({ actor, act }: FleetRecord, author: Did, expected: Act): void {
  if (actor !== author) throw broken(`${author} sent a record of ${actor}`);
  if (act !== expected) throw broken(`${author} sent a ${act} where a ${expected} belongs`);
}

function checkBody<S extends v.GenericSchema>(schema: S, body: JsonObject, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw broken(`a ${what} is not one: ${v.getDotPath(issue) ?? 'it'} ${issue.message}`);
}

const verdicts: ReadonlySet<unknown> = new Set(VERDICTS);

/**
 * Tells whether the schema would accept the body as a report. Tens of thousands of reports come in a second. The schema decides
 * all other cases, and says what is wrong. A test checks that the two agree.
 */
export function isReportBody(body: JsonObject): boolean {
  const { attempt, cost_usd, delivery, exit_code, index, reason, signal, summary, topic, verdict } =
    body as Partial<ChildDoneBody>;
  return (
    topic === TOPIC.childDone &&
    isWhole(index, 0) &&
    isWhole(attempt, 1) &&
    isWhole(delivery, 0) &&
    verdicts.has(verdict) &&
    isAmount(cost_usd) &&
    isAmount(body['wall_time_secs']) &&
    (exit_code === undefined || Number.isSafeInteger(exit_code)) &&
    isTextOrAbsent(reason, MAX_REPORT_TEXT) &&
    isTextOrAbsent(signal, MAX_REPORT_NAME) &&
    isTextOrAbsent(summary, MAX_REPORT_TEXT) &&
    RARE.every(name => body[name] === undefined)
  );
}

/** Members of a report that few have. */
const RARE = [
  'left_group',
  'output',
  'tokens',
  'session',
  'quota',
  'work',
  'asks',
  'cost_unknown',
  'lost',
  'cause',
] as const;

/** As `isReportBody`, of a delivery. */
export function isDeliveryBody(body: JsonObject): boolean {
  const { attempt, dir, executor, goal, hint, index, name, parent_thread, run, task, timeout_secs, worker } =
    body as Partial<ChildBody>;
  return (
    body['topic'] === TOPIC.child &&
    typeof goal === 'string' &&
    typeof parent_thread === 'string' &&
    isThreadId(parent_thread) &&
    typeof task === 'string' &&
    isWhole(index, 0) &&
    isWhole(attempt, 1) &&
    typeof worker === 'string' &&
    isInstanceDid(worker) &&
    typeof executor === 'string' &&
    isTextOrAbsent(run, Infinity) &&
    isTextOrAbsent(dir, Infinity) &&
    isTextOrAbsent(hint, Infinity) &&
    isTextOrAbsent(name, Infinity) &&
    (timeout_secs === undefined || (isAmount(timeout_secs) && timeout_secs! > 0)) &&
    isTextOrAbsent(body['namespace'], MAX_REPORT_NAME) &&
    body['budget_usd'] === undefined &&
    body['budget_tokens'] === undefined &&
    body['budget_secs'] === undefined &&
    body['may_have_run'] === undefined &&
    body['isolation'] === undefined &&
    body['depends'] === undefined &&
    body['session'] === undefined &&
    body['earlier_branch'] === undefined &&
    body['env'] === undefined &&
    body['errexit'] === undefined &&
    isTextOrAbsent(body['environment'], MAX_REPORT_NAME)
  );
}

const isWhole = (value: unknown, min: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= min;
const isAmount = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;
const isTextOrAbsent = (value: unknown, max: number): boolean =>
  value === undefined || (typeof value === 'string' && value.length <= max);

const broken = (message: string): FleetError => new FleetError('LINK_BROKEN', message);
