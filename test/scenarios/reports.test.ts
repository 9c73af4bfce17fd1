import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  asJson,
  type ChildBody,
  type ChildDoneBody,
  type HeartbeatBody,
} from '../../engine/domain/model/record-bodies.ts';
import type { DeliveryRef, ToCoordinator } from '../../engine/domain/model/messages.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { RESERVED, type ThreadId } from '../../engine/record/ids.ts';
import { encodeLine } from '../../engine/record/line.ts';
import { seal, type FleetRecord, type SealedRecord } from '../../engine/record/record.ts';
import { generateKey, signBatch, type InstanceKey } from '../../engine/record/signing.ts';
import { encodeMessage } from '../../engine/runtime/link/frames.ts';
import { admittedPeer, rawPeer, identify, type RawPeer } from '../../engine/runtime/testing/raw-peer.ts';
import { echoes, scenario, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';

/** Takes the place of `worker-a`: has its key, and sends what a test wants. */
class FakeWorker {
  readonly key: InstanceKey;
  readonly #peer: RawPeer;

  private constructor(key: InstanceKey, peer: RawPeer) {
    this.key = key;
    this.#peer = peer;
  }

  static async connect(fleet: Scenario, held: readonly DeliveryRef[] = []): Promise<FakeWorker> {
    const { key } = await fleet.openWorkerHome('a');
    const fake = new FakeWorker(key, await admittedPeer(homePaths(fleet.home).socket, key));
    fake.send({ type: 'heartbeat', record: heartbeat(key), at: Date.now() });
    fake.send({ type: 'hello', held, at: Date.now() });
    return fake;
  }

  send(message: ToCoordinator): void {
    this.#peer.socket.write(encodeMessage(message, this.key));
  }

  frame(frame: object): void {
    this.#peer.sendFrame(frame);
  }

  report(first: number, ...records: readonly SealedRecord[]): void {
    this.send({ type: 'report', first, records });
  }

  /** Returns the next message of a kind. Skips others. */
  async hears(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.#peer.next();
      if (message['type'] === type) return message;
    }
  }

  /** Waits for the next delivery and returns its record. */
  async isGiven(): Promise<FleetRecord> {
    const { records } = await this.hears('deliver');
    return (records as { r: FleetRecord }[])[0]!.r;
  }

  isCutOff(): Promise<void> {
    return this.#peer.ended();
  }

  leave(): void {
    this.#peer.socket.destroy();
  }
}

describe('a worker that reports', function () {
  this.timeout(120_000);

  it(
    'twice: each is acknowledged, one is kept, and one counts; of what it was not given, the log keeps it and counts nothing',
    scenario({ heartbeatSecs: 30 }, async fleet => {
      const fake = await takePlace(fleet);
      await fleet.fanOut('TWICE', [{ goal: 'once', target: 'worker-a' }]);
      const given = await fake.isGiven();
      const report = done(given, fake.key, { clock: 0 });
      fake.report(0, report, report);
      assert.equal((await fake.hears('ack'))['upTo'], 2);
      fake.report(0, report);
      await fake.hears('ack');
      assert.equal((await fleet.joined('TWICE')).outcome, 'satisfied');
      assert.equal((await reportsOn(fleet, 'TWICE')).length, 1);

      await fleet.fanOut('NEVER', [{ goal: 'never given so', target: 'worker-a' }]);
      const next = await fake.isGiven();
      fake.report(
        1,
        done(next, fake.key, { clock: 0, delivery: 5 }),
        done(next, fake.key, { clock: 1, index: 7 }),
        done(next, fake.key, { clock: 2, verdict: 'failed', delivery: 1 }),
      );
      await fake.hears('ack');
      const open = await fleet.join('NEVER');
      assert.deepEqual([open.complete, open.completed, open.counts.running], [false, 0, 1]);
      assert.equal((await reportsOn(fleet, 'NEVER')).length, 3, 'the log keeps them');
      fake.report(4, done(next, fake.key, { clock: 3 }));
      assert.equal((await fleet.joined('NEVER')).counts.accepted, 1);
      fake.leave();
    }),
  );

  it(
    'late, for an attempt that was given to another: it is told so, its word is kept, and does not count',
    scenario({ heartbeatSecs: 0.5, echoMs: 50 }, async fleet => {
      const fake = await takePlace(fleet);
      await fleet.fanOut('LATE', echoes(2));
      const given = await fake.isGiven();
      const { index } = given.body as unknown as ChildBody;
      // It sends nothing more. The other worker does its work, after it was regarded as lost.
      const joined = await fleet.joined('LATE');
      const child = joined.children[index]!;
      assert.deepEqual([joined.outcome, child.worker, child.attempt], ['satisfied', 'worker-b', 2]);
      assert.match(child.earlier_attempts[0]!.reason ?? '', /^worker lost: silent for \d/);
      await fake.isCutOff();

      const ref = { thread: joined.thread as ThreadId, index, delivery: 0 };
      const again = await FakeWorker.connect(fleet, [ref]);
      assert.deepEqual((await again.hears('fence'))['deliveries'], [[ref.thread, index, 0]]);
      const late = done(given, again.key, { clock: 0, summary: 'late' });
      again.report(0, late);
      await again.hears('ack');
      const records = await fleet.records('LATE');
      assert.ok(
        records.some(({ id }) => id === late.record.id),
        'the log keeps it',
      );
      assert.equal(joinsOf(records).length, 1);
      const after = await fleet.join('LATE');
      assert.deepEqual(after.children[index], child);
      again.leave();
    }),
  );

  it(
    'in another name, with another key, or under another id: the link is cut or refused, and the log keeps nothing of it',
    scenario({ heartbeatSecs: 30 }, async fleet => {
      let fake = await takePlace(fleet);
      await fleet.fanOut('FORGED', [{ goal: 'forge', target: 'worker-a' }]);
      const given = await fake.isGiven();
      const ref = { thread: (given.body as unknown as ChildBody).parent_thread, index: 0, delivery: 0 };
      const coordinator = (await fleet.state()).instances[0]!.did;
      const stranger = generateKey();
      const { key } = fake;
      const own = done(given, key, { clock: 0 });
      const entry = JSON.parse(encodeLine(own)) as { id: string; r: object };
      const signed = (records: readonly SealedRecord[], by: InstanceKey): object => ({
        type: 'report',
        first: 0,
        ...signBatch(
          by,
          records.map(({ record }) => record.id),
        ),
        records: records.map(record => JSON.parse(encodeLine(record)) as object),
      });
      const foreign = seal({ ...own.record, actor: stranger.did });
      const forged: Readonly<Record<string, object>> = {
        'signed by another': signed([own], stranger),
        'signed by another in its name': { ...signed([own], stranger), by: key.did },
        'signed for other records': { ...signed([own], key), ...signBatch(key, []) },
        'of another actor': signed([foreign], key),
        'in the name of the coordinator': signed([seal({ ...own.record, actor: coordinator as never })], key),
        'under an id that is not its own': {
          ...signed([own], key),
          records: [{ ...entry, id: 'f'.repeat(64) }],
        },
        'of a join': signed(
          [seal({ ...own.record, act: 'KNOW', body: { topic: 'fanout_join_complete', round: 1 } })],
          key,
        ),
        'on a slot that it has taken': signed([own, done(given, key, { clock: 0, summary: 'other' })], key),
        'that is no message': { type: 'report' },
      };
      for (const [what, frame] of Object.entries(forged)) {
        fake.frame(frame);
        await fake.isCutOff().catch((error: unknown) => assert.fail(`${what}: ${String(error)}`));
        const { complete } = await fleet.join('FORGED');
        assert.equal(complete, false, what);
        assert.deepEqual(await reportsOn(fleet, 'FORGED'), [], what);
        fake = await FakeWorker.connect(fleet, [ref]);
      }
      fake.report(0, own);
      assert.equal((await fleet.joined('FORGED')).outcome, 'satisfied');
      fake.leave();
      for (const [words, changes] of [
        ['does not belong to this fleet', identify.bind(null, stranger)],
        [
          'does not belong to this fleet',
          (challenge: never) => ({ ...identify(stranger, challenge), did: key.did }),
        ],
        ['did not prove', (challenge: never) => ({ ...identify(key, challenge), proof: 'AAAA' })],
      ] as const) {
        const peer = await rawPeer(homePaths(fleet.home).socket);
        peer.sendFrame(changes((await peer.next()) as never));
        const answer = await peer.next();
        assert.equal(answer['type'], 'refused');
        assert.match(String(answer['message']), new RegExp(words));
        await peer.ended();
      }
    }),
  );
});

/** Starts a fleet of two, and replaces `worker-a`. */
async function takePlace(fleet: Scenario): Promise<FakeWorker> {
  await fleet.startFleet(2);
  const { code } = await fleet.spl('fleet', 'stop', '--instance', 'worker-a');
  assert.equal(code, 0);
  const fake = await FakeWorker.connect(fleet);
  await fleet.instanceWhen('worker-a', 'it is taken for itself', ({ status }) => status === 'live');
  return fake;
}

/** Returns a heartbeat. Its pid cannot exist, so that no other process is ended for it. */
function heartbeat({ did }: InstanceKey): SealedRecord {
  const body: HeartbeatBody = {
    topic: 'heartbeat',
    did,
    alias: 'worker-a',
    role: 'worker',
    endpoint: null,
    version: 'test',
    health: 'healthy',
    pid: 2 ** 30,
    pid_start: 'none',
    slots: 1,
    uptime_secs: 0,
    active_dispatches: 0,
    store_records: 0,
  };
  const thread = RESERVED.instanceRegistry;
  return seal({
    act: 'DO',
    actor: did,
    body: asJson(body),
    clock: Date.now(),
    data_type: 'SCALAR',
    parents: [],
    thread,
  });
}

/** Returns the report that a worker would make of a delivery, with changes. */
function done(
  intent: FleetRecord,
  key: InstanceKey,
  { clock, ...changes }: Partial<ChildDoneBody> & { clock: number },
): SealedRecord {
  const { index, attempt, parent_thread: thread } = intent.body as unknown as ChildBody;
  const body: ChildDoneBody = {
    topic: 'fanout_child_done',
    index,
    attempt,
    delivery: intent.clock,
    verdict: 'accept',
    cost_usd: 0,
    wall_time_secs: 0.5,
    ...changes,
  };
  return seal({
    act: 'DO',
    actor: key.did,
    body: asJson(body),
    clock,
    data_type: 'SCALAR',
    parents: [],
    thread,
  });
}

async function reportsOn(fleet: Scenario, task: string): Promise<readonly FleetRecord[]> {
  return (await fleet.records(task)).filter(({ body }) => body['topic'] === 'fanout_child_done');
}
