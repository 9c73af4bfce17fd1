import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { RuleEffect } from '../../contract/commands.ts';
import { FleetError, type ErrorCode } from '../../errors.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { ACTS } from '../../record/record.ts';
import { admitRecord } from './admission.ts';
import { celCompiler } from '../join/cel.ts';
import * as commands from '../commands/fan-out.ts';
import { kill, unkill } from '../commands/kill.ts';
import { createNamespace } from '../commands/namespaces.ts';
import { addRule, MAX_RULES, removeRule } from '../commands/rules.ts';
import { requirePermitted, rulesDocument, testRules, type Asked } from './permission-rules.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { emptyState } from '../model/state.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';

const AGENT = 'did:sync:agent:helper' as Did;
const THREAD = 'th_x' as ThreadId;

const add = (
  fleet: TestFleet,
  name: string,
  rule: string,
  effect: RuleEffect = 'deny',
  actor = USER,
): unknown => fleet.do(now => addRule(fleet.core, { name, rule, effect }, celCompiler, { actor, now }));
const remove = (fleet: TestFleet, name: string, actor = USER): unknown =>
  fleet.do(now => removeRule(fleet.core, name, { actor, now }));
const refuses = (code: ErrorCode, message: RegExp, run: () => unknown): void =>
  assert.throws(run, (error: unknown) => FleetError.is(error, code) && message.test(error.message));

/** Appends a client's record. */
function hand(fleet: TestFleet, actor: Did, body: object = {}): void {
  const { record } = fleet.sealAs(actor, THREAD, 'KNOW', body as never);
  admitRecord(fleet.core.state, record, celCompiler, fleet.now);
}

// --- an independent reference ------------------------------------------------------------------------------------

interface Written {
  readonly cel: string;
  /** Evaluates the expression; null without a value. */
  readonly means: (asked: Asked) => boolean | null;
}

const leaf: fc.Arbitrary<Written> = fc.oneof(
  fc.constantFrom(...ACTS).map(act => ({ cel: `act == '${act}'`, means: (a: Asked) => a.act === act })),
  fc
    .constantFrom<Did>(USER, AGENT)
    .map(actor => ({ cel: `actor == '${actor}'`, means: (a: Asked) => a.actor === actor })),
  fc.constantFrom('acme', 'acme/web', 'lab').map(namespace => ({
    cel: `ns.startsWith('${namespace}')`,
    means: (a: Asked) => a.namespace.startsWith(namespace),
  })),
  fc.constantFrom('a', 'b').map(word => ({
    cel: `record.body.word == '${word}'`,
    means: (a: Asked) => (Object.hasOwn(a.body, 'word') ? a.body['word'] === word : null),
  })),
  fc.constant({ cel: 'has(record.body.word)', means: (a: Asked) => Object.hasOwn(a.body, 'word') }),
);

const expression: fc.Arbitrary<Written> = fc.oneof(
  leaf,
  leaf.map(({ cel, means }) => ({
    cel: `!(${cel})`,
    means: (a: Asked) => {
      const value = means(a);
      return value === null ? null : !value;
    },
  })),
);

const rules = fc.dictionary(
  fc.constantFrom('r1', 'r2', 'r3', 'r4'),
  fc.record({ written: expression, effect: fc.constantFrom<RuleEffect>('deny', 'allow') }),
);

const asked: fc.Arbitrary<Asked> = fc.record({
  actor: fc.constantFrom<Did>(USER, AGENT),
  act: fc.constantFrom(...ACTS),
  namespace: fc.constantFrom('default', 'acme', 'acme/web', 'lab'),
  thread: fc.constant(THREAD),
  body: fc.constantFrom({}, { word: 'a' }, { word: 'b' }),
});

describe('the rules', () => {
  it('agree with an independent implementation', () => {
    fc.assert(
      fc.property(rules, asked, (written, what) => {
        const state = emptyState();
        for (const [name, { written: rule, effect }] of Object.entries(written))
          state.rules.set(name, { source: rule.cel, effect, issuedBy: USER });
        const told = Object.values(written).map(({ written: rule, effect }) => ({
          effect,
          value: rule.means(what),
        }));
        const isDenied = told.some(({ effect, value }) => effect === 'deny' && value !== false);
        const allows = told.filter(({ effect }) => effect === 'allow');
        const expected = !isDenied && (allows.length === 0 || allows.some(({ value }) => value === true));
        let isLetIn = true;
        try {
          requirePermitted(state, celCompiler, what);
        } catch (error) {
          assert.ok(FleetError.is(error, 'SCOPE_FORBIDDEN'));
          isLetIn = false;
        }
        assert.equal(isLetIn, expected);
        assert.equal(testRules(state.rules, celCompiler, what).allowed, expected);
      }),
      { numRuns: runs(300) },
    );
  });

  it('are empty at first, and allow everything then', () => {
    const fleet = new TestFleet(1);
    assert.deepEqual(rulesDocument(fleet.core.state.rules).rules, []);
    hand(fleet, AGENT);
    fleet.fanOut(1);
  });

  it('apply to records and commands, and refuse before anything is written', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    add(fleet, 'no-agents', `actor.startsWith('did:sync:agent:')`);
    const before = fleet.log.length;
    const issuer = { actor: AGENT, key: undefined, now: fleet.now };
    refuses('SCOPE_FORBIDDEN', /rule 'no-agents' denies it/, () => hand(fleet, AGENT));
    refuses('SCOPE_FORBIDDEN', /no-agents/, () =>
      fleet.do(() =>
        commands.runSerial(fleet.core, fanOut.task.alias, { worker: null }, 'th_serial' as ThreadId, issuer),
      ),
    );
    refuses('SCOPE_FORBIDDEN', /no-agents/, () =>
      fleet.do(() => createNamespace(fleet.core, { id: 'acme', description: null }, issuer)),
    );
    assert.equal(fleet.log.length, before);
    hand(fleet, USER);
  });

  it('refuse a serial run as a whole, even when only its fan-out is denied', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    add(fleet, 'no-fan-outs', `has(record.body.topic) && record.body.topic == 'fanout'`);
    const tasks = fleet.core.state.tasks.size;
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    refuses('SCOPE_FORBIDDEN', /no-fan-outs/, () =>
      fleet.do(() =>
        commands.runSerial(fleet.core, fanOut.task.alias, { worker: null }, 'th_serial' as ThreadId, issuer),
      ),
    );
    assert.equal(fleet.core.state.tasks.size, tasks);
  });

  it('never prevent removing a rule, ending a freeze, or cancelling', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    const by = { actor: AGENT, now: fleet.now };
    fleet.do(() =>
      kill(
        fleet.core,
        { namespace: 'default', emergency: false, level: null, grace_secs: null, reason: null },
        by,
      ),
    );
    add(fleet, 'mine-alone', `actor == '${USER}'`, 'allow');
    refuses('SCOPE_FORBIDDEN', /no rule allows it/, () => hand(fleet, AGENT));
    fleet.do(() => unkill(fleet.core, { namespace: 'default', emergency: false }, by));
    fleet.do(() =>
      commands.cancel(
        fleet.core,
        fanOut.task.alias,
        { subtask: null, reason: null },
        { ...by, key: undefined },
      ),
    );
    remove(fleet, 'mine-alone', AGENT);
    hand(fleet, AGENT);
  });

  it('are refused when they would lock their author out', () => {
    const fleet = new TestFleet(0);
    for (const [rule, effect] of [
      ['true', 'deny'],
      [`act == 'LEARN'`, 'deny'],
      ['false', 'allow'],
      [`record.body.x == 1`, 'deny'],
    ] as const)
      refuses('CONFLICT', /could not take it away again/, () => add(fleet, 'lock', rule, effect));
    assert.equal(fleet.core.state.rules.size, 0);
    add(fleet, 'others', `actor != '${USER}'`);
  });

  it('must be CEL, of type bool, and cheap', () => {
    const fleet = new TestFleet(0);
    for (const [rule, message] of [
      ['actor ==', /rule: it ends too early/],
      ['actro == "x"', /rule: unknown name 'actro'.*actor/],
      ['actor', /must be bool/],
      ['act == 1', /rule: /],
      ['record.id == "x"', /rule: no such field|rule: .*id/],
      ['record.body.all(k, record.body.all(l, k == l))', /could take too long/],
      ['actor.matches("a+")', /not available/],
    ] as const)
      refuses('INVALID_RECORD', message, () => add(fleet, 'bad', rule));
    refuses('INVALID_RECORD', /not a valid rule name/, () => add(fleet, 'Not A Name', 'false'));
    for (let i = 0; i < MAX_RULES; i++) add(fleet, `r${i}`, 'false');
    refuses('TOO_LARGE', /rules already/, () => add(fleet, 'more', 'false'));
    add(fleet, 'r0', `act == 'PUT'`);
  });

  it('see bodies as JSON', () => {
    const fleet = new TestFleet(0);
    add(fleet, 'big', 'has(record.body.n) && record.body.n > 5');
    hand(fleet, USER, { n: 5 });
    hand(fleet, USER, {});
    refuses('SCOPE_FORBIDDEN', /'big' denies/, () => hand(fleet, USER, { n: 5.5 }));
    refuses('SCOPE_FORBIDDEN', /'big' can't be decided/, () => hand(fleet, USER, { n: 'many' }));
  });

  it('are the same from the log and from a checkpoint', () => {
    const fleet = new TestFleet(0);
    add(fleet, 'a', `act == 'PUT'`);
    add(fleet, 'b', `act == 'MAP'`);
    add(fleet, 'a', `act == 'CALL'`, 'deny');
    remove(fleet, 'b');
    const live = rulesDocument(fleet.core.state.rules);
    assert.deepEqual(
      live.rules.map(({ name, rule }) => [name, rule]),
      [['a', `act == 'CALL'`]],
    );
    const saved = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    assert.deepEqual(rulesDocument(saved.rules), live);
    fleet.restart();
    assert.deepEqual(rulesDocument(fleet.core.state.rules), live);
    assert.ok(fleet.log.every(({ record }) => record.thread !== RESERVED.consent));
  });
});
