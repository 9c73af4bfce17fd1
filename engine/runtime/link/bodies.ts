import * as v from 'valibot';
import { FleetError } from '../../errors.ts';
import { notAList } from '../../record/not-a-list.ts';
import { TOPIC } from '../../domain/model/record-bodies.ts';
import { MAX_CANDIDATES } from '../../domain/model/reuse.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { isInstanceDid, isThreadId, RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import type { Act, FleetRecord } from '../../record/record.ts';
import { resultsSchema } from '../../subtask/results.ts';
import { DELIVERED } from '../../subtask/subtask.ts';
import type { Kind, Member as SubtaskMember } from '../../subtask/table.ts';

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

/**
 * A member of a body: its schema, and a quick test that only takes what the schema takes. Tens of thousands of bodies come in a
 * second, and most have plain members alone.
 */
interface Member {
  readonly schema: v.GenericSchema;
  readonly isPlain?: (value: unknown) => boolean;
  readonly isOptional?: true;
}

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
const yes = v.literal(true, 'is not true');

const isInstance: Member = {
  schema: instance,
  isPlain: value => typeof value === 'string' && isInstanceDid(value),
};
const isThread: Member = {
  schema: thread,
  isPlain: value => typeof value === 'string' && isThreadId(value),
};
const isText = (max = Infinity): Member => ({
  schema: max === Infinity ? v.string('is not text') : text(max),
  isPlain: value => typeof value === 'string' && value.length <= max,
});
const isWhole = (min: number): Member => ({
  schema: whole(min),
  isPlain: value => Number.isSafeInteger(value) && (value as number) >= min,
});
const isAmount: Member = {
  schema: amount,
  isPlain: value => Number.isFinite(value) && (value as number) >= 0,
};
const isTopic = (topic: string): Member => ({
  schema: v.literal(topic),
  isPlain: value => value === topic,
});
/** A member that may be absent. */
const maybe = ({ schema, ...member }: Member): Member => ({
  ...member,
  schema: v.optional(schema),
  isOptional: true,
});
/** A member that may be absent, or null from older versions. */
const nullish = (member: Member): Member => maybe({ ...member, schema: v.nullable(member.schema) });
/** A member that few bodies have: only the schema looks at it. */
const rare = (schema: v.GenericSchema): Member => maybe({ schema });

/** The check of each kind of value that a subtask may have. The coordinator has made sure of limits. */
const BY_KIND: Readonly<Record<Kind, (member: SubtaskMember) => Member>> = {
  text: () => isText(),
  choice: ({ choices = [], usual }) => {
    const words = choices.filter(each => each !== usual);
    return { schema: v.picklist(words, `is not ${words.join(' or ')}`) };
  },
  amount: () => ({ schema: amount }),
  seconds: () => ({
    schema: v.pipe(v.number('is not a number'), v.finite('is not finite'), v.gtValue(0, 'is not above 0')),
    isPlain: value => Number.isFinite(value) && (value as number) > 0,
  }),
  count: () => isWhole(0),
  flag: () => ({ schema: yes }),
  names: () => ({ schema: v.array(v.union([whole(0), v.string()], 'is not a list of subtasks')) }),
  globs: () => ({ schema: v.array(v.string('is not text'), 'is not a list of globs') }),
  variables: () => ({
    schema: notAList(
      v.record(v.string(), v.string('is not text'), 'is not an object of texts'),
      'is not an object of texts',
    ),
  }),
  values: () => ({ schema: v.never('is never delivered') }),
};

/** The members of a subtask in its delivery, a check for each: a row of the table is all that it takes. */
const subtaskMembers = Object.fromEntries(
  DELIVERED.map(row => {
    const member = BY_KIND[row.kind](row);
    return [row.field, row.usual === undefined ? member : nullish(member)];
  }),
);

/** A body by its members. Members that are not listed pass. */
function bodyOf(members: Readonly<Record<string, Member>>) {
  const entries = Object.entries(members);
  const tests = new Map(entries.map(([name, { isPlain = () => false }]) => [name, isPlain]));
  const required = entries.filter(([, { isOptional }]) => isOptional !== true).map(([name]) => name);
  return {
    schema: v.object(Object.fromEntries(entries.map(([name, { schema }]) => [name, schema]))),
    /** True only where the schema would take the body. A member without a quick test is left to the schema. */
    isPlain: (body: JsonObject): boolean => {
      for (const name in body) if (tests.get(name)?.(body[name]) !== true) return false;
      return required.every(name => body[name] !== undefined);
    },
  };
}

const digest = v.pipe(v.string('is not text'), v.regex(/^[0-9a-f]{64}$/, 'is not a SHA-256'));
/** The members that name an attempt of another fan-out. */
const usedAttempt = {
  thread,
  task: text(MAX_REPORT_NAME),
  index: whole(0),
  name: v.optional(text(MAX_REPORT_NAME)),
  attempt: whole(1),
  results: v.optional(yes),
};
const reusable = v.object({ ...usedAttempt, inputs_digest: digest, outputs_digest: digest });

const verdicts: ReadonlySet<unknown> = new Set(VERDICTS);

const report = bodyOf({
  topic: isTopic(TOPIC.childDone),
  index: isWhole(0),
  attempt: isWhole(1),
  delivery: isWhole(0),
  verdict: {
    schema: v.picklist(VERDICTS, `is not one of ${VERDICTS.join(', ')}`),
    isPlain: value => verdicts.has(value),
  },
  reason: nullish(isText(MAX_REPORT_TEXT)),
  exit_code: nullish({
    schema: v.pipe(v.number('is not a number'), v.safeInteger('is not a whole number')),
    isPlain: value => Number.isSafeInteger(value),
  }),
  signal: nullish(isText(MAX_REPORT_NAME)),
  summary: maybe(isText(MAX_REPORT_TEXT)),
  cost_usd: isAmount,
  wall_time_secs: isAmount,
  left_group: rare(
    v.pipe(
      v.array(text(MAX_REPORT_NAME), 'is not a list'),
      v.maxLength(MAX_LEFT_GROUP, `lists more than ${MAX_LEFT_GROUP}`),
    ),
  ),
  output: rare(v.object({ path: text(MAX_REPORT_NAME), size: whole(0), digest: text(MAX_REPORT_NAME) })),
  tokens: rare(amount),
  results: rare(resultsSchema),
  session: rare(text(MAX_REPORT_NAME)),
  quota: rare(v.object({ resets_at_unix: v.optional(amount) })),
  work: rare(
    v.object({ branch: text(MAX_REPORT_NAME), base: text(MAX_REPORT_NAME), dir: text(MAX_REPORT_NAME) }),
  ),
  asks: rare(text(MAX_REPORT_TEXT)),
  cost_unknown: rare(yes),
  inputs_digest: rare(digest),
  outputs_digest: rare(digest),
  reused: rare(v.object(usedAttempt)),
  lost: rare(v.boolean('is not true or false')),
  cause: rare(v.undefined('can be set only by the coordinator')),
});

const delivery = bodyOf({
  ...subtaskMembers,
  topic: isTopic(TOPIC.child),
  parent_thread: isThread,
  task: isText(),
  index: isWhole(0),
  attempt: isWhole(1),
  worker: isInstance,
  hint: nullish(isText()),
  may_have_run: rare(v.boolean('is not true or false')),
  namespace: maybe(isText(MAX_REPORT_NAME)),
  depends: rare(
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
  results: rare(v.record(v.string(), v.string('is not text'))),
  session: rare(text(MAX_REPORT_NAME)),
  earlier_branch: rare(text(MAX_REPORT_NAME)),
  environment: maybe(isText(MAX_REPORT_NAME)),
  independent: rare(yes),
  reuse: rare(
    v.pipe(
      v.array(reusable, 'is not a list'),
      v.maxLength(MAX_CANDIDATES, `lists more than ${MAX_CANDIDATES}`),
    ),
  ),
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

/** A worker's report: its own word, on a task's thread, of a delivery that ended. @throws LINK_BROKEN */
export function checkReport(record: FleetRecord, worker: Did): void {
  checkRecord(record, worker, 'DO');
  if (!isReportBody(record.body)) checkBody(report.schema, record.body, 'report');
}

/** A worker's heartbeat: about itself, on the registry. @throws LINK_BROKEN */
export function checkHeartbeat(record: FleetRecord, worker: Did): void {
  checkRecord(record, worker, 'DO');
  if (record.thread !== RESERVED.instanceRegistry)
    throw broken(`a heartbeat is on the thread ${record.thread}`);
  const { did } = checkBody(heartbeatSchema, record.body, 'heartbeat');
  if (did !== worker) throw broken(`${worker} sent a heartbeat of ${did}`);
}

/** A coordinator's INTEND for this worker. @throws LINK_BROKEN */
export function checkDelivery(record: FleetRecord, coordinator: Did, worker: Did): void {
  checkRecord(record, coordinator, 'INTEND');
  if (!isDeliveryBody(record.body)) checkBody(delivery.schema, record.body, 'delivery');
  if (record.body['worker'] !== worker) throw broken('a delivery is for another worker');
}

function checkRecord({ actor, act }: FleetRecord, author: Did, expected: Act): void {
  if (actor !== author) throw broken(`${author} sent a record of ${actor}`);
  if (act !== expected) throw broken(`${author} sent a ${act} instead of a ${expected}`);
}

function checkBody<S extends v.GenericSchema>(schema: S, body: JsonObject, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw broken(`invalid ${what}: ${v.getDotPath(issue) ?? 'it'} ${issue.message}`);
}

/** Tells whether the schema would accept the body as a report. The schema decides all other cases, and says what is wrong. */
export const isReportBody = report.isPlain;

/** As `isReportBody`, of a delivery. */
export const isDeliveryBody = delivery.isPlain;

const broken = (message: string): FleetError => new FleetError('LINK_BROKEN', message);
