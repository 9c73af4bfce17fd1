import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import {
  asJson,
  TOPIC,
  type ChildBody,
  type ChildDoneBody,
  type HeartbeatBody,
} from '../../domain/model/record-bodies.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { RESERVED, type Did, type RecordId, type ThreadId } from '../../record/ids.ts';
import type { FleetRecord, RecordContent } from '../../record/record.ts';
import { checkDelivery, checkHeartbeat, checkReport, isDeliveryBody, isReportBody } from './bodies.ts';

const worker = 'did:sync:instance:00000000000000aa' as Did;
const other = 'did:sync:instance:00000000000000bb' as Did;
const coordinator = 'did:sync:instance:00000000000000cc' as Did;

const report: ChildDoneBody = {
  topic: TOPIC.childDone,
  index: 3,
  attempt: 1,
  delivery: 0,
  verdict: 'failed',
  reason: 'exit 2',
  exit_code: 2,
  summary: 'last line',
  cost_usd: 0,
  wall_time_secs: 0.25,
};
const heartbeat: HeartbeatBody = {
  topic: TOPIC.heartbeat,
  did: worker,
  alias: 'worker-a',
  role: 'worker',
  endpoint: 'http://127.0.0.1:9201',
  version: '0.1.0',
  health: 'healthy',
  pid: 4711,
  pid_start: 'boot:12',
  slots: 2,
  uptime_secs: 1.5,
  active_dispatches: 1,
  store_records: 12,
};
const delivery: ChildBody = {
  topic: TOPIC.child,
  goal: 'do it',
  parent_thread: 'th_parent' as ThreadId,
  task: 'T-1',
  index: 0,
  attempt: 1,
  worker,
  executor: 'shell',
  run: 'true',
  dir: '/tmp',
  timeout_secs: 600,
};

/** Not sealed: it is the body that is in question, and some of those here no record can have. */
function record(body: JsonObject, changes: Partial<RecordContent> = {}): FleetRecord {
  return {
    act: 'DO',
    actor: worker,
    body,
    clock: 0,
    data_type: 'SCALAR',
    parents: [],
    thread: 'th_parent' as ThreadId,
    id: 'a'.repeat(64) as RecordId,
    judged_by: null,
    ...changes,
  };
}

/** Values that stand where something else should. */
const WRONG = [null, true, -1, 1.5, 2 ** 51 + 0.5, '', 'x', '1', [], {}, [1], { length: 1 }];

/** For each member the values that it may not have, as far as they are among the wrong ones. */
function refusedValues(body: object, check: (body: JsonObject) => void): Record<string, unknown[]> {
  const refused: Record<string, unknown[]> = {};
  for (const key of Object.keys(body))
    refused[key] = WRONG.filter(value => {
      try {
        check({ ...body, [key]: value });
        return false;
      } catch (error) {
        assert.ok(FleetError.is(error, 'LINK_BROKEN'), `${key} ${JSON.stringify(value)}: ${String(error)}`);
        return true;
      }
    });
  return refused;
}

const allBut = (...taken: unknown[]): unknown[] => WRONG.filter(value => !taken.includes(value));

describe('checkReport', () => {
  const check = (body: JsonObject): void => checkReport(record(body), worker);

  it('takes what workers write', () => {
    check(asJson(report));
    check(asJson({ ...report, lost: true, left_group: ['12 sleep 9'], signal: 'SIGKILL' }));
    check(asJson({ ...report, output: { path: '/h/1.log', size: 3, digest: 'ab', kept: 3, note: null } }));
    const work = { branch: 'spl/TUT-001/0.1', base: 'c0ffee', dir: '/w' };
    check(asJson({ ...report, tokens: 12, session: 's1', quota: {}, work }));
    check(asJson({ ...report, quota: { resets_at_unix: 1_700_000_000 } }));
    check({ ...asJson(report), something_new: [1] });
  });

  it('refuses what the rules could not count', () => {
    assert.deepEqual(refusedValues({ ...report, left_group: [], lost: false, signal: 'SIGTERM' }, check), {
      topic: WRONG,
      index: WRONG,
      attempt: WRONG,
      delivery: WRONG,
      verdict: WRONG,
      reason: allBut(null, '', 'x', '1'),
      exit_code: allBut(null, -1),
      summary: allBut('', 'x', '1'),
      cost_usd: allBut(1.5, 2 ** 51 + 0.5),
      wall_time_secs: allBut(1.5, 2 ** 51 + 0.5),
      left_group: WRONG.filter(value => !(Array.isArray(value) && value.length === 0)),
      lost: allBut(true),
      signal: allBut(null, '', 'x', '1'),
    });
    for (const key of ['index', 'attempt', 'delivery', 'verdict', 'cost_usd', 'wall_time_secs'] as const) {
      const { [key]: _, ...rest } = report;
      assert.throws(() => check(asJson(rest as ChildDoneBody)), isBroken);
    }
    for (const broken of [
      { attempt: 0 },
      { verdict: 'accepted' },
      { verdict: '__proto__' },
      { cause: 0 },
      { summary: 'x'.repeat(65_537) },
      { reason: 'x'.repeat(65_537) },
      { left_group: Array.from({ length: 1001 }, () => 'x') },
      { output: { path: 1, size: 0, digest: '' } },
      { output: [] },
      { tokens: -1 },
      { session: 7 },
      { quota: { resets_at_unix: 'soon' } },
      { quota: 'none' },
      { work: { branch: 'b', base: 'c' } },
    ])
      assert.throws(
        () => check({ ...asJson(report), ...broken }),
        isBroken,
        JSON.stringify(broken).slice(0, 60),
      );
  });

  it('refuses records that are not the peer’s own report', () => {
    const body = asJson(report);
    assert.throws(() => checkReport(record(body, { actor: other }), worker), /sent a record of/);
    assert.throws(
      () => checkReport(record(body, { act: 'INTEND' }), worker),
      /sent a INTEND instead of a DO/,
    );
    for (const topic of [TOPIC.task, TOPIC.fanOut, TOPIC.join, TOPIC.heartbeat, TOPIC.spawned])
      assert.throws(() => check({ ...body, topic }), isBroken);
  });

  it('decides by the quick way as the schema does', () => {
    holdTogether(asJson({ ...report, signal: 'SIGTERM' }), isReportBody, check);
  });
});

describe('checkHeartbeat', () => {
  const registry = { thread: RESERVED.instanceRegistry };
  const check = (body: JsonObject): void => checkHeartbeat(record(body, registry), worker);

  it('takes what workers write', () => {
    check(asJson(heartbeat));
    check(asJson({ ...heartbeat, endpoint: null, pid_start: null, health: 'draining' }));
  });

  it('refuses what the registry could not hold', () => {
    for (const broken of [
      { did: other },
      { did: 'x' },
      { role: 'coordinator' },
      { alias: 7 },
      { endpoint: 'file:///etc/passwd' },
      { endpoint: 'http://' },
      { endpoint: 'http://a/b' },
      { endpoint: 'nonsense' },
      { health: 'ill' },
      { pid: 0 },
      { pid: '1' },
      { slots: 0 },
      { slots: 1e6 },
      { uptime_secs: -1 },
      { active_dispatches: 1.5 },
      { store_records: null },
    ])
      assert.throws(() => check({ ...asJson(heartbeat), ...broken }), isBroken, JSON.stringify(broken));
  });

  it('refuses it from another, or on another thread', () => {
    const body = asJson(heartbeat);
    assert.throws(() => checkHeartbeat(record(body, { ...registry, actor: other }), worker), isBroken);
    assert.throws(() => checkHeartbeat(record(body), worker), isBroken);
    assert.throws(() => checkHeartbeat(record(body, { ...registry, act: 'LEARN' }), worker), isBroken);
  });
});

describe('checkDelivery', () => {
  const from = { act: 'INTEND', actor: coordinator } as const;
  const check = (body: JsonObject): void => checkDelivery(record(body, from), coordinator, worker);

  it('takes what coordinators write', () => {
    check(asJson(delivery));
    check(asJson({ ...delivery, budget_usd: 0.5, may_have_run: true, hint: 'again', name: 'n' }));
  });

  it('refuses what a worker could not run, and what is for another', () => {
    for (const broken of [
      { worker: other },
      { worker: 'worker-a' },
      { attempt: 0 },
      { index: -1 },
      { timeout_secs: 0 },
      { timeout_secs: '600' },
      { parent_thread: 'x' },
      { goal: null },
      { run: ['rm'] },
      { dir: 1 },
      { executor: 3 },
      { topic: 'fanout' },
      { budget_usd: -1 },
    ])
      assert.throws(() => check({ ...asJson(delivery), ...broken }), isBroken, JSON.stringify(broken));
    const body = asJson(delivery);
    assert.throws(
      () => checkDelivery(record(body, { ...from, actor: other }), coordinator, worker),
      isBroken,
    );
    assert.throws(() => checkDelivery(record(body, { ...from, act: 'DO' }), coordinator, worker), isBroken);
  });

  it('decides by the quick way as the schema does', () => {
    holdTogether(asJson({ ...delivery, hint: 'h', name: 'n' }), isDeliveryBody, check);
  });
});

/**
 * Checks that the schema accepts what the fast path accepts. A member that the fast path leaves to the schema makes it decide.
 */
function holdTogether(
  body: JsonObject,
  isPlain: (body: JsonObject) => boolean,
  check: (body: JsonObject) => void,
): void {
  const leftToSchema = isPlain === isReportBody ? { lost: true } : { may_have_run: true };
  assert.ok(isPlain(body));
  assert.ok(!isPlain({ ...body, ...leftToSchema }));
  let taken = 0;
  const numRuns = runs(1_000);
  const anyValue = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      ...WRONG,
      ...Object.values(body),
      0,
      2 ** 53,
      1e308,
      'did:sync:instance:00000000000000aa',
      'th_x',
    ),
  );
  const anyChange = fc.tuple(
    fc.constantFrom(...Object.keys(body), 'extra'),
    fc.option(anyValue, { nil: undefined }),
  );
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 3 }), changes => {
      const changed = { ...body, ...Object.fromEntries(changes) };
      if (!isPlain(changed)) return;
      taken++;
      // Who it is for is not the schema's to say.
      if (body['worker'] !== undefined && changed['worker'] !== body['worker']) return;
      check({ ...changed, ...leftToSchema });
    }),
    { numRuns },
  );
  assert.ok(taken > numRuns / 10, `only ${taken} were taken`);
}

const isBroken = (error: unknown): boolean => FleetError.is(error, 'LINK_BROKEN');
