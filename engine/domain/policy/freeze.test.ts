import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Kill } from '../../contract/commands.ts';
import type { FleetError } from '../../errors.ts';
import { RESERVED } from '../../record/ids.ts';
import { ACTS } from '../../record/record.ts';
import { TOPIC } from '../model/record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import { controlMembers, requireNotFrozen } from './freeze.ts';
import { kill, unkill } from '../commands/kill.ts';
import { PERMIT_MS } from '../model/messages.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { refOf, SELF, states, TestFleet, USER, workerDid } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

const KILL: Kill = { namespace: null, emergency: false, level: null, grace_secs: null, reason: null };

function freeze(fleet: TestFleet, namespace: string, changed: Partial<Kill> = {}) {
  return fleet.do(now => kill(fleet.core, { ...KILL, namespace, ...changed }, { actor: USER, now }));
}
function unfreeze(fleet: TestFleet, namespace: string) {
  return fleet.do(now => unkill(fleet.core, { namespace, emergency: false }, { actor: USER, now }));
}
const stop = (fleet: TestFleet) =>
  fleet.do(now => kill(fleet.core, { ...KILL, emergency: true, reason: 'cost' }, { actor: USER, now }));
const clear = (fleet: TestFleet) =>
  fleet.do(now => unkill(fleet.core, { namespace: null, emergency: true }, { actor: USER, now }));

/** A fleet with the namespaces a, a/b and c. */
function fleetOf(workers = 1): TestFleet {
  const fleet = new TestFleet(workers);
  for (const id of ['a', 'a/b', 'c']) fleet.createNamespace(id);
  fleet.sent = [];
  return fleet;
}

const fanOutIn = (fleet: TestFleet, namespace: string | null, subtasks: number | readonly object[] = 2) =>
  fleet.fanOut(subtasks, {}, undefined, fleet.addTask({ namespace }));

function refuses(run: () => unknown, code: FleetError['code'], message: RegExp, hint?: RegExp): void {
  assert.throws(run, (error: FleetError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
}

const reasons = (fleet: TestFleet, task: string) =>
  joinDocument(
    fleet.core,
    fleet.core.state.tasks.get(fleet.core.state.aliases.get(task)!)!,
    false,
    fleet.now,
  ).children.map(({ state, reason }) => (state === 'pending' ? reason : null));

const permits = (fleet: TestFleet) =>
  fleet.sent.flatMap(({ message }) => (message.type === 'permit' ? [message] : []));

describe('a freeze', () => {
  it('is one record of the coordinator on the control thread, which names the issuer', () => {
    const fleet = fleetOf();
    const answer = freeze(fleet, 'a', { level: 'hard', grace_secs: 5, reason: 'bad release' });
    const [{ record }] = fleet.log.slice(-1) as [(typeof fleet.log)[0]];
    assert.deepEqual(
      [record.act, record.actor, record.thread, record.id],
      ['LEARN', SELF, RESERVED.fleetControl, answer.record],
    );
    assert.deepEqual(record.body, {
      ...{ topic: 'freeze', namespace: 'a', level: 'hard', reason: 'bad release', grace_secs: 5 },
      ...{ issued_by: USER, issued_at_unix: fleet.now / 1000 },
    });
    assert.deepEqual(
      answer.freezes.map(({ namespace, level, reason }) => [namespace, level, reason]),
      [['a', 'hard', 'bad release']],
    );
  });

  it('refuses new work there and below, and nowhere else', () => {
    const fleet = fleetOf();
    const task = fleet.addTask({ namespace: 'a/b' });
    freeze(fleet, 'a', { reason: 'r' });
    const before = fleet.log.length;
    const why = /^namespace 'a\/b' is frozen: soft freeze of 'a' — r$/;
    refuses(() => fleet.addTask({ namespace: 'a/b' }), 'NAMESPACE_FROZEN', why, /spl unkill --namespace a$/);
    refuses(() => fleet.fanOut(1, {}, undefined, task), 'NAMESPACE_FROZEN', why);
    assert.equal(fleet.log.length, before);
    fleet.addTask({ namespace: 'c' });
    fleet.addTask();
    fleet.cancel(task);
    unfreeze(fleet, 'a');
    fleet.addTask({ namespace: 'a/b' });
  });

  it('admits the acts that the contract lists for its level, and none after a hard grace', () => {
    const fleet = fleetOf();
    const letIn = (namespace: string) =>
      ACTS.filter(act => {
        try {
          requireNotFrozen(fleet.core.state, namespace, act, fleet.now);
          return true;
        } catch {
          return false;
        }
      });
    const reading = ACTS.filter(act => act === 'KNOW' || act === 'LEARN' || act === 'GET');
    freeze(fleet, 'a');
    assert.deepEqual([letIn('a/b'), letIn('c')], [reading, ACTS]);
    freeze(fleet, 'a', { level: 'hard', grace_secs: 5 });
    assert.deepEqual(letIn('a/b'), reading);
    fleet.now += 5000;
    assert.deepEqual([letIn('a/b'), letIn('c')], [[], ACTS]);
    unfreeze(fleet, 'a');
    stop(fleet);
    assert.deepEqual([letIn('a/b'), letIn('default')], [reading, reading]);
  });

  it('holds waiting work, which gives the reason, and ends with the unfreeze (I27, I29)', () => {
    const fleet = fleetOf();
    const held = fanOutIn(fleet, 'a/b', 3);
    const free = fanOutIn(fleet, null, 1);
    freeze(fleet, 'a');
    fleet.sent = [];
    fleet.report(held, 0);
    assert.deepEqual(fleet.delivered(), [0], 'the one in default has its turn');
    fleet.report(free, 0);
    assert.deepEqual(states(held), ['done', 'pending', 'pending']);
    const why = "soft freeze of 'a'; undo it with: spl unkill --namespace a";
    assert.deepEqual(reasons(fleet, held.task.alias), [null, why, why]);
    fleet.pass(1500);
    assert.equal(states(held)[1], 'pending', 'a freeze does not end by itself');
    unfreeze(fleet, 'a');
    fleet.report(held, 1);
    fleet.report(held, 2);
    assert.equal(held.joined?.outcome, 'satisfied');
  });

  it('is sent to every worker before any later message, and on connection', () => {
    const fleet = fleetOf(2);
    freeze(fleet, 'a', { level: 'hard', grace_secs: 5 });
    const frozen = [{ namespace: 'a', words: "hard freeze of 'a'", endsInMs: 5000 }];
    assert.deepEqual(permits(fleet), Array(2).fill({ type: 'permit', asOf: fleet.now, frozen }));
    fleet.now += 2000;
    fleet.sent = [];
    fleet.hello(0);
    assert.deepEqual(permits(fleet), [
      { type: 'permit', asOf: fleet.now, frozen: [{ ...frozen[0]!, endsInMs: 3000 }] },
    ]);
    fleet.sent = [];
    fleet.do(now => fleet.core.asked(workerDid(1), 7, now));
    assert.equal(permits(fleet)[0]?.asOf, 7);
    fleet.sent = [];
    unfreeze(fleet, 'a');
    stop(fleet);
    const everything = [{ namespace: 'default', words: 'emergency stop — cost', endsInMs: null }];
    assert.deepEqual(permits(fleet).at(-1)?.frozen, everything);
  });

  it('needs no request by a worker that gets work: a permit comes first, at most twice a second (I27)', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.report(fanOut, 0);
    fleet.sent = [];
    fleet.now += 60_000;
    const later = fleet.fanOut(3);
    const { now } = fleet;
    assert.deepEqual(
      fleet.sent.map(({ message }) => message.type),
      ['permit', 'deliver'],
    );
    assert.deepEqual(permits(fleet), [{ type: 'permit', asOf: now, frozen: [] }]);
    fleet.sent = [];
    fleet.now = now + PERMIT_MS / 2;
    fleet.report(later, 0);
    assert.deepEqual([permits(fleet), fleet.delivered()], [[], [1]], 'the last one is young');
    fleet.now = now + PERMIT_MS / 2 + 1;
    fleet.report(later, 1);
    assert.equal(permits(fleet).length, 1);
  });

  it('has the age of the worker’s last reported time (I27)', () => {
    const fleet = new TestFleet(1);
    const asOf = (): number => {
      fleet.sent = [];
      fleet.now += 10_000;
      fleet.report(fleet.fanOut(1), 0);
      return permits(fleet)[0]!.asOf;
    };
    fleet.do(now => fleet.core.hello(workerDid(0), [], 5, now));
    assert.equal(asOf(), 10_005);
    fleet.do(now => fleet.core.asked(workerDid(0), 10_105, now));
    assert.equal(asOf(), 20_105);
    fleet.beat(0, {}, 20_005);
    assert.equal(asOf(), 30_005, 'the way of the last word is not known to be shorter');
  });

  it('survives a restart of the coordinator, from the log and from a checkpoint', () => {
    const fleet = fleetOf();
    const held = fanOutIn(fleet, 'a', 2);
    freeze(fleet, 'a', { level: 'hard', reason: 'r' });
    stop(fleet);
    const before = controlMembers(fleet.core.state);
    fleet.restart();
    assert.deepEqual(controlMembers(fleet.core.state), before);
    const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    assert.deepEqual(controlMembers(restored), before);
    // The worker reconnects without the delivery, which is not repeated.
    fleet.sent = [];
    fleet.hello(0);
    assert.deepEqual(fleet.delivered(), []);
    const again = fleet.core.state.tasks.get(held.task.thread)!.fanOut!;
    assert.deepEqual(states(again), ['pending', 'pending']);
    clear(fleet);
    unfreeze(fleet, 'a');
    assert.deepEqual(fleet.delivered(), [0]);
  });

  it('hands back deliveries that have not started', () => {
    const fleet = fleetOf();
    const held = fanOutIn(fleet, 'a', 1);
    freeze(fleet, 'a');
    fleet.do(now =>
      fleet.core.returned(
        workerDid(0),
        { deliveries: [refOf(held, 0)], reason: 'frozen', begun: false },
        now,
      ),
    );
    assert.deepEqual(states(held), ['pending']);
    assert.equal(held.children[0]!.earlier, null, 'it was no attempt');
  });

  it('refuses a retry, and lets a cancel through', () => {
    const fleet = fleetOf();
    const held = fanOutIn(fleet, 'a', 2);
    fleet.report(held, 0, { verdict: 'failed' });
    freeze(fleet, 'a');
    refuses(() => fleet.retry(held.task, 0), 'NAMESPACE_FROZEN', /'a' is frozen/);
    fleet.cancel(held.task);
    assert.equal(states(held)[1], 'assigned');
    fleet.report(held, 1, { verdict: 'cancelled' });
    unfreeze(fleet, 'a');
    fleet.retry(held.task, 0);
  });

  it('of a child does not end with its parent’s, and names the one to undo', () => {
    const fleet = fleetOf();
    freeze(fleet, 'a');
    freeze(fleet, 'a/b', { level: 'hard' });
    unfreeze(fleet, 'a');
    refuses(() => fleet.addTask({ namespace: 'a/b' }), 'NAMESPACE_FROZEN', /hard freeze of 'a\/b'/);
    fleet.addTask({ namespace: 'a' });
    freeze(fleet, 'a');
    unfreeze(fleet, 'a/b');
    refuses(() => unfreeze(fleet, 'a/b'), 'CONFLICT', /no freeze of its own/, /spl unkill --namespace a$/);
  });

  it('applies to a registered namespace or to everything, not to both', () => {
    const fleet = fleetOf();
    const before = fleet.log.length;
    const asked = (input: Partial<Kill>) => () =>
      fleet.do(now => kill(fleet.core, { ...KILL, ...input }, { actor: USER, now }));
    refuses(asked({ namespace: 'b' }), 'NOT_FOUND', /'b' is not registered/, /namespace list/);
    refuses(asked({}), 'USAGE', /either/);
    refuses(asked({ namespace: 'a', emergency: true }), 'USAGE', /either/);
    refuses(asked({ emergency: true, level: 'hard' }), 'USAGE', /no level/);
    refuses(() => unfreeze(fleet, 'a'), 'CONFLICT', /'a' has no freeze/);
    refuses(() => clear(fleet), 'CONFLICT', /no emergency stop/);
    assert.equal(fleet.log.length, before);
    asked({ namespace: 'default' })();
    refuses(() => fleet.addTask({ namespace: 'c' }), 'NAMESPACE_FROZEN', /freeze of 'default'/);
  });

  it('counts only from the coordinator (I37)', () => {
    const fleet = fleetOf();
    const body = {
      ...{ topic: TOPIC.freeze, namespace: 'a', level: 'soft', grace_secs: 0 },
      ...{ issued_by: USER, issued_at_unix: 0 },
    };
    for (const actor of [USER, workerDid(0)]) {
      const forged = fleet.sealAs(actor, RESERVED.fleetControl, 'LEARN', body);
      fleet.do(now => fleet.core.writeForeign(forged, now));
    }
    assert.equal(fleet.core.state.freezes.size, 0);
  });
});
