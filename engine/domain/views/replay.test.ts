import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { replaySchema, type Outcome, type Verdict } from '../../contract/documents.ts';
import type { JsonObject } from '../../record/canonical.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import { seal, type Act } from '../../record/record.ts';
import { replayThread } from './replay.ts';

const USER = 'did:sync:user:someone' as Did;
const COORDINATOR = 'did:sync:instance:0123456789abcdef' as Did;
const WORKER = 'did:sync:instance:aaaaaaaaaaaaaaaa' as Did;
const START = Date.UTC(2026, 0, 2);

type Line = readonly [actor: Did, act: Act, body: JsonObject];

/** Replays a thread of these records, one second apart. */
function replay(...lines: readonly Line[]) {
  const records = lines.map(([actor, act, body], i) => {
    const content = { act, actor, body, clock: i, data_type: 'SCALAR' as const, parents: [] };
    return { record: seal({ ...content, thread: 'th_t' as ThreadId }).record, at: START + i * 1000 };
  });
  return replayThread(records);
}

/** Returns the status after each record, with an arrow before each change. */
const statuses = (...lines: readonly Line[]): string[] =>
  replay(...lines).steps.map(step => (step.changed ? '→ ' : '') + step.status);

const task: Line = [USER, 'INTEND', { topic: 'task', goal: 'try it', alias: 'FIRST-001' }];
const fanOut: Line = [USER, 'INTEND', { topic: 'fanout', subtasks: [], join: 'all' }];
const spawned: Line = [COORDINATOR, 'DO', { topic: 'fanout_spawned', worker: WORKER, children: [[0, 1, 0]] }];
const done: Line = [WORKER, 'DO', { topic: 'fanout_child_done', index: 0, verdict: 'accept' }];
const join = (outcome: Outcome, actor = COORDINATOR): Line => [
  actor,
  'KNOW',
  { topic: 'fanout_join_complete', round: 1, outcome },
];
const retry: Line = [COORDINATOR, 'LEARN', { topic: 'fanout_retry_subtask', index: 0, round: 2 }];
const cancel = (subtask: number | null): Line => [COORDINATOR, 'LEARN', { topic: 'task_cancel', subtask }];
const delivered: Line = [COORDINATOR, 'INTEND', { topic: 'fanout_child', goal: 'x', index: 0, attempt: 1 }];
const result = (verdict: Verdict): Line => [
  WORKER,
  'KNOW',
  { topic: 'fanout_child_result', verdict, attempt: 1 },
];

describe('replayThread', () => {
  it('follows a task from its goal over its fan-out to its join', () => {
    assert.deepEqual(statuses(task, fanOut, spawned, done, join('satisfied')), [
      '→ inbox',
      '→ active',
      'active',
      'active',
      '→ approved',
    ]);
  });

  for (const [outcome, status] of [
    ['satisfied', 'approved'],
    ['unsatisfiable', 'failed'],
    ['timed_out', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const) {
    it(`shows ${status} after a join that is ${outcome}`, () => {
      assert.equal(replay(task, fanOut, join(outcome)).final_status, status);
    });
  }

  it('reopens a task at a retry', () => {
    assert.deepEqual(statuses(task, fanOut, join('unsatisfiable'), retry, done, join('satisfied')).slice(2), [
      '→ failed',
      '→ active',
      'active',
      '→ approved',
    ]);
  });

  it('counts the first of two joins', () => {
    assert.equal(replay(task, fanOut, join('satisfied'), join('cancelled')).final_status, 'approved');
  });

  it('ignores a join, retry, cancel or result that is not from an instance', () => {
    const forged = ([, act, body]: Line): Line => [USER, act, body];
    assert.equal(replay(task, fanOut, forged(join('satisfied'))).final_status, 'active');
    assert.equal(replay(task, fanOut, join('satisfied'), forged(retry)).final_status, 'approved');
    assert.equal(replay(task, forged(cancel(null))).final_status, 'inbox');
    assert.equal(replay(delivered, forged(result('accept'))).final_status, 'active');
  });

  it('ends a task at once when it is cancelled before any fan-out, else at its join', () => {
    assert.equal(replay(task, cancel(null)).final_status, 'cancelled');
    assert.deepEqual(statuses(task, fanOut, cancel(null), join('cancelled')).slice(2), [
      'active',
      '→ cancelled',
    ]);
    assert.equal(replay(task, fanOut, cancel(0)).final_status, 'active');
  });

  for (const [verdict, status] of [
    ['accept', 'approved'],
    ['reject', 'rejected'],
    ['failed', 'failed'],
    ['timeout', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const) {
    it(`shows ${status} after a child's verdict ${verdict}`, () => {
      assert.deepEqual(statuses(delivered, result(verdict)), ['→ active', `→ ${status}`]);
    });
  }

  it("reopens a child's thread at its next attempt", () => {
    assert.deepEqual(statuses(delivered, result('failed'), delivered, result('accept')), [
      '→ active',
      '→ failed',
      '→ active',
      '→ approved',
    ]);
  });

  it("gives a thread of people's own records the status of its goal, or none", () => {
    const said: Line = [USER, 'KNOW', { text: 'it rained' }];
    assert.deepEqual(statuses([USER, 'INTEND', { text: 'look out' }], said), ['→ inbox', 'inbox']);
    assert.deepEqual(statuses(said), ['none']);
  });

  it('is a document of the contract, with clock, actor and time of each record', () => {
    const document = replay(task, fanOut);
    assert.deepEqual(v.parse(replaySchema, document), document);
    assert.equal(document.thread, 'th_t');
    assert.equal(document.count, 2);
    const { clock, act, actor, at_unix } = document.steps[1]!;
    assert.deepEqual(
      { clock, act, actor, at_unix },
      { clock: 1, act: 'INTEND', actor: USER, at_unix: START / 1000 + 1 },
    );
  });

  it('is empty for no records', () => {
    assert.deepEqual(replayThread([]), { thread: '', steps: [], final_status: 'none', count: 0 });
  });
});

describe('the verbs in a replay', () => {
  const said = (verb: string, more: JsonObject = {}, actor = COORDINATOR): Line => [
    actor,
    'LEARN',
    { topic: `task_${verb}`, issued_by: USER, issued_at_unix: START / 1000, ...more },
  ];

  it('change the status, each in its row', () => {
    const lines = ['start', 'done', 'start', 'done', 'reject', 'reopen', 'fail', 'reopen', 'done', 'approve'];
    assert.deepEqual(statuses(task, ...lines.map(verb => said(verb))).slice(1), [
      '→ active',
      '→ review',
      '→ active',
      '→ review',
      '→ rejected',
      '→ active',
      '→ failed',
      '→ active',
      '→ review',
      '→ approved',
    ]);
  });

  it('count only from an instance, and only before the fan-out', () => {
    assert.equal(replay(task, said('start', {}, USER)).final_status, 'inbox');
    assert.equal(replay(task, fanOut, said('fail')).final_status, 'active');
  });

  it('reopen a cancelled task', () => {
    assert.deepEqual(statuses(task, cancel(null), said('reopen')), ['→ inbox', '→ cancelled', '→ inbox']);
  });

  it('defer until a time, after which the task has its earlier status', () => {
    const note: Line = [USER, 'KNOW', { text: 'looked at it' }];
    const deferred = said('defer', { until_unix: START / 1000 + 3 });
    assert.deepEqual(statuses(task, deferred, note, note, note), [
      '→ inbox',
      '→ deferred',
      'deferred',
      '→ inbox',
      'inbox',
    ]);
  });
});

describe('the body in a replay', () => {
  const shown = (body: JsonObject): string => replay([USER, 'KNOW', body]).steps[0]!.body;

  it('begins with the topic', () => {
    assert.equal(shown({ index: 0, topic: 'fanout_child_done' }), 'fanout_child_done {"index":0}');
  });

  it('is compact JSON otherwise', () => {
    assert.equal(shown({ a: [1, null, true, { b: 'x' }], c: {} }), '{"a":[1,null,true,{"b":"x"}],"c":{}}');
  });

  it('is JSON when the topic is not a text', () => assert.equal(shown({ topic: 5 }), '{"topic":5}'));

  it('is cut at 100 characters', () => {
    const body = shown({ text: 'x'.repeat(500) });
    assert.equal(body, `{"text":"${'x'.repeat(90)}…`);
    assert.equal(body.length, 100);
  });

  it('splits no surrogate pair at the cut', () => {
    assert.equal(shown({ t: '𝄞'.repeat(200) }), `{"t":"${'𝄞'.repeat(93)}…`);
  });

  it('stays on one line and moves no cursor, for any content', () => {
    const body = shown({ t: 'a\nb\u001b[31m\u009b\u2028\u202e' });
    assert.equal(body, '{"t":"a\\nb\\u001b[31m\\u{9b}\\u{2028}\\u{202e}"}');
  });

  it('is formatted without encoding all of a large one', () => {
    const subtasks = Array.from({ length: 200_000 }, (_, i) => ({ goal: 'x'.repeat(100), i }));
    const records = [
      { act: 'INTEND', actor: USER, clock: 0, thread: 'th_t', body: { topic: 'fanout', subtasks } },
    ];
    const many = Array.from({ length: 1000 }, () => ({ record: records[0] as never, at: 0 }));
    const before = process.cpuUsage();
    assert.match(replayThread(many).steps[999]!.body, /^fanout \{"subtasks":\[\{"goal":"x+…$/);
    // Written out, these would be 20 gigabytes.
    assert.ok(process.cpuUsage(before).user < 5_000_000);
  });
});
