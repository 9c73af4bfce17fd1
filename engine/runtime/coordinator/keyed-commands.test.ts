import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { CallContext } from '../../contract/engine.ts';
import type { CommandName, Commands } from '../../operations/index.ts';
import { TOPIC } from '../../domain/model/record-bodies.ts';
import { TestFleet, USER } from '../../domain/testing/test-fleet.ts';
import * as commands from '../../domain/commands/fan-out.ts';
import { noteCommand } from '../../domain/commands/note-command.ts';
import type { FleetError } from '../../errors.ts';
import type { Did } from '../../record/ids.ts';
import { CALLER, CoordinatorRig } from '../testing/coordinator-rig.ts';
import { commandDigest } from './command-digest.ts';

const rigs: CoordinatorRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function started(): Promise<CoordinatorRig> {
  const rig = await CoordinatorRig.open();
  rigs.push(rig);
  await rig.engine.start(null);
  return rig;
}

async function reopened(rig: CoordinatorRig): Promise<CoordinatorRig> {
  const next = await rig.reopened();
  rigs.splice(rigs.indexOf(rig), 1, next);
  await next.engine.start(null);
  return next;
}

const keyed = (key: string): CallContext => ({ ...CALLER, idempotencyKey: key });
const TOKEN: Commands['token.create']['input'] = {
  scopes: ['read'],
  namespace: null,
  label: 'ci',
  expires_secs: null,
};
const KILL = { namespace: null, emergency: true, level: null, grace_secs: null, reason: 'stop' } as const;
const TASK: Commands['task.add']['input'] = {
  ...{
    goal: 'a',
    alias: 'A',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: null,
    dir: null,
  },
  priority: 'medium',
};

describe('a command with an idempotency key', () => {
  const once: { readonly [N in CommandName]?: Commands[N]['input'] } = {
    kill: KILL,
    'namespace.create': { id: 'acme', description: null },
    'rule.add': { name: 'r', rule: 'act == "GET"', effect: 'deny' },
    'task.add': TASK,
  };
  for (const [name, input] of Object.entries(once) as [CommandName, Commands[CommandName]['input']][])
    it(`${name}: runs once and gets the first answer, also from the next coordinator`, async () => {
      let rig = await started();
      const first = await rig.engine.submit(name, input, keyed('k'));
      const records = rig.storage.records.length;
      assert.deepEqual(await rig.engine.submit(name, input, keyed('k')), first);
      assert.equal(rig.storage.records.length, records, 'nothing more is written');
      rig = await reopened(rig);
      assert.deepEqual(await rig.engine.submit(name, input, keyed('k')), first);
    });

  it('is refused for another input or another operation, also by the next coordinator', async () => {
    let rig = await started();
    await rig.engine.submit('kill', KILL, keyed('k'));
    for (let i = 0; i < 2; i++) {
      const refused = { code: 'CONFLICT', message: "the idempotency key 'k' was given with another command" };
      await assert.rejects(rig.engine.submit('kill', { ...KILL, reason: 'other' }, keyed('k')), refused);
      const undo = { namespace: null, emergency: true };
      await assert.rejects(rig.engine.submit('unkill', undo, keyed('k')), refused);
      await assert.rejects(rig.engine.submit('task.add', TASK, keyed('k')), refused);
      await assert.rejects(rig.engine.submit('token.create', TOKEN, keyed('k')), refused);
      rig = await reopened(rig);
    }
    assert.equal(rig.recordsOf(TOPIC.emergencyStop).length, 1);
  });

  it('is independent of the same key of another actor', async () => {
    const rig = await started();
    await rig.engine.submit('kill', KILL, keyed('k'));
    const other = { ...keyed('k'), actor: 'did:sync:user:other' as Did };
    await rig.engine.submit('unkill', { namespace: null, emergency: true }, other);
    assert.equal(rig.recordsOf(TOPIC.emergencyClear).length, 1);
  });

  it('is not stored when it was refused', async () => {
    const rig = await started();
    const undo = { namespace: null, emergency: true };
    await assert.rejects(rig.engine.submit('unkill', undo, keyed('k')), { code: 'CONFLICT' });
    await rig.engine.submit('kill', KILL, CALLER);
    await rig.engine.submit('unkill', undo, keyed('k'));
    assert.equal(rig.recordsOf(TOPIC.emergencyClear).length, 1);
  });

  it('makes one token even when its answer was not stored', async () => {
    let rig = await started();
    const { id } = await rig.engine.submit('token.create', TOKEN, keyed('t'));
    // The log of a coordinator that died between the two writes.
    const at = rig.storage.records.findIndex(({ record }) => record.body['topic'] === TOPIC.commandDone);
    rig.storage.records.splice(at, 1);
    rig = await reopened(rig);
    const isTold = { code: 'CONFLICT', details: { token: id, key: 't' } };
    await assert.rejects(rig.engine.submit('token.create', TOKEN, keyed('t')), isTold);
    assert.deepEqual(
      (await rig.engine.report('tokens', {})).tokens.map(each => each.id),
      [id],
    );
    assert.notEqual((await rig.engine.submit('token.create', TOKEN, keyed('other'))).id, id);
  });

  it('makes one token, whose secret is returned once', async () => {
    let rig = await started();
    const [made, repeated] = await Promise.allSettled([
      rig.engine.submit('token.create', TOKEN, keyed('t')),
      rig.engine.submit('token.create', TOKEN, keyed('t')),
    ]);
    assert.ok(made.status === 'fulfilled');
    const { id, token } = made.value;
    const isTold = { code: 'CONFLICT', details: { token: id, key: 't' } };
    assert.ok(repeated.status === 'rejected');
    assert.deepEqual((repeated.reason as FleetError).details, isTold.details);
    rig = await reopened(rig);
    await assert.rejects(rig.engine.submit('token.create', TOKEN, keyed('t')), isTold);
    assert.equal((await rig.engine.report('tokens', {})).tokens.length, 1);
    assert.ok(!JSON.stringify(rig.storage.records).includes(token), 'no record has the secret');
    const revoked = await rig.engine.submit('token.revoke', { token: id }, keyed('r'));
    assert.deepEqual(await rig.engine.submit('token.revoke', { token: id }, keyed('r')), revoked);
  });
});

describe('the stored keys', () => {
  it('are the newest ten thousand', () => {
    const fleet = new TestFleet();
    for (let i = 0; i <= 10_000; i++) {
      const issuer = { actor: USER, key: `k${i}`, digest: `d${i}`, now: fleet.now };
      noteCommand(fleet.core, 'kill', {}, issuer);
    }
    const { idempotency } = fleet.core.state;
    assert.equal(idempotency.size, 10_000);
    assert.deepEqual([idempotency.has(`${USER} k0`), idempotency.has(`${USER} k10000`)], [false, true]);
  });

  it('identify an earlier version’s command by its task', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    const { task: other } = fleet.fanOut(1);
    const cancel = (alias: string, digest?: string): unknown =>
      fleet.do(now =>
        commands.cancel(
          fleet.core,
          alias,
          { subtask: null, reason: null },
          { actor: USER, key: 'k', digest, now },
        ),
      );
    cancel(task.alias);
    assert.equal(cancel(task.alias, 'd'), task);
    assert.throws(() => cancel(other.alias, 'd'), { code: 'CONFLICT' });
  });
});

describe('the digest of a command', () => {
  it('depends on its name and input, and not on the order of members', async () => {
    const digest = await commandDigest('task.fan-out', { task: 'A', subtasks: [{ goal: 'a', run: 'b' }] });
    assert.equal(
      await commandDigest('task.fan-out', { subtasks: [{ run: 'b', goal: 'a' }], task: 'A', dir: undefined }),
      digest,
    );
    const others = [
      await commandDigest('task.retry', { task: 'A', subtasks: [{ goal: 'a', run: 'b' }] }),
      await commandDigest('task.fan-out', { task: 'A', subtasks: [{ goal: 'a', run: 'c' }] }),
      await commandDigest('task.fan-out', { task: 'A', subtasks: [{ goal: 'a', run: 'b' }, {}] }),
      await commandDigest('task.fan-out', { task: 'A', subtasks: [], dir: [{ goal: 'a', run: 'b' }] }),
    ];
    assert.equal(new Set([digest, ...others]).size, 5);
  });
});
