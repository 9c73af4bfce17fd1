import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, it } from 'mocha';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import { asJson, TOPIC } from '../../domain/model/record-bodies.ts';
import type { ToWorker } from '../../domain/model/messages.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { encodeLine } from '../../record/line.ts';
import { seal, type RecordContent, type SealedRecord } from '../../record/record.ts';
import { generateKey, signBatch, signChallenge, type InstanceKey } from '../../record/signing.ts';
import { Inbox, linkHost, type LinkHost, type LinkHostOptions } from '../testing/link-host.ts';
import { admittedPeer, identify, rawPeer } from '../testing/raw-peer.ts';
import { Connection } from './connection.ts';
import { dial, type CoordinatorPeer, type DialOptions } from './dial.ts';
import { encodeMessage, proofText, type Challenge, type Identify, type Signed } from './frames.ts';

const worker = generateKey();
const stranger = generateKey();
const thread = 'th_parent' as ThreadId;

const hosts: LinkHost[] = [];
const peers: CoordinatorPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.end();
  for (const host of hosts.splice(0)) await host.close();
});

async function host(options: Partial<LinkHostOptions> = {}): Promise<LinkHost> {
  const made = await linkHost({ admitted: new Map([[worker.did, worker.publicKey]]), ...options });
  hosts.push(made);
  return made;
}

interface Dialled {
  readonly peer: CoordinatorPeer;
  readonly messages: Inbox<Signed<ToWorker>>;
  readonly closed: Inbox<Error | undefined>;
}

async function dialTo(at: LinkHost, changes: Partial<DialOptions> = {}): Promise<Dialled> {
  const messages = new Inbox<Signed<ToWorker>>();
  const closed = new Inbox<Error | undefined>();
  const peer = await dial({
    address: { socketPath: at.socketPath },
    key: worker,
    coordinator: at.key.did,
    signal: new AbortController().signal,
    onMessage: message => messages.put(message),
    onClose: error => closed.put(error),
    ...changes,
  });
  peers.push(peer);
  return { peer, messages, closed };
}

function report(index: number, by: InstanceKey = worker, changes: Partial<RecordContent> = {}): SealedRecord {
  const body = {
    topic: TOPIC.childDone,
    index,
    attempt: 1,
    delivery: 0,
    verdict: 'accept',
    cost_usd: 0,
    wall_time_secs: 0,
  } as const;
  return seal({
    act: 'DO',
    actor: by.did,
    body: asJson(body),
    clock: index,
    data_type: 'SCALAR',
    parents: [],
    thread,
    ...changes,
  });
}

function intent(from: InstanceKey, index: number, goal = 'g', to: Did = worker.did): SealedRecord {
  const body = {
    topic: TOPIC.child,
    goal,
    parent_thread: thread,
    task: 'T',
    index,
    attempt: 1,
    worker: to,
    executor: 'echo',
    timeout_secs: 1,
  } as const;
  return seal({
    act: 'INTEND',
    actor: from.did,
    body: asJson(body),
    clock: 0,
    data_type: 'SCALAR',
    parents: [],
    thread: `th_${index}` as ThreadId,
  });
}

describe('the link', () => {
  it('carries records both ways, each with the signature that it was sent with', async () => {
    const at = await host({ heartbeatMs: 1234 });
    const { peer, messages } = await dialTo(at);
    assert.equal(peer.heartbeatMs, 1234);
    const opened = await at.opened.next();
    assert.equal(opened.did, worker.did);
    assert.equal(opened.version, VERSION);

    const records = [report(0), report(1)];
    peer.send({ type: 'hello', held: [{ thread, index: 3, delivery: 1 }], at: 1.5 });
    peer.send({ type: 'report', first: 7, records });
    assert.deepEqual(await at.messages.next(), {
      type: 'hello',
      held: [{ thread, index: 3, delivery: 1 }],
      at: 1.5,
    });
    const ids = records.map(({ record }) => record.id);
    assert.deepEqual(await at.messages.next(), {
      type: 'report',
      first: 7,
      records,
      signature: signBatch(worker, ids),
    });

    const intents = [intent(at.key, 0)];
    opened.send({ type: 'deliver', records: intents });
    opened.send({ type: 'cancel', deliveries: [{ thread, index: 0, delivery: 0 }], reason: 'why' });
    opened.send({ type: 'stop', graceMs: 10 });
    assert.deepEqual(await messages.next(), {
      type: 'deliver',
      records: intents,
      signature: signBatch(at.key, [intents[0]!.record.id]),
    });
    assert.deepEqual(await messages.next(), {
      type: 'cancel',
      deliveries: [{ thread, index: 0, delivery: 0 }],
      reason: 'why',
    });
    assert.deepEqual(await messages.next(), { type: 'stop', graceMs: 10 });
  });

  it('sends in parts what would be too long a line, in order and with the right numbers', async () => {
    const at = await host();
    const { peer, messages } = await dialTo(at);
    const opened = await at.opened.next();
    const intents = Array.from({ length: 5 }, (_, i) => intent(at.key, i, 'x'.repeat(5 * 1024 * 1024)));
    opened.send({ type: 'deliver', records: intents });
    const got: SealedRecord[] = [];
    let frames = 0;
    while (got.length < intents.length) {
      const message = await messages.next();
      assert.equal(message.type, 'deliver');
      got.push(...(message.type === 'deliver' ? message.records : []));
      frames++;
    }
    assert.deepEqual(
      got.map(({ record }) => record.id),
      intents.map(({ record }) => record.id),
    );
    assert.equal(frames, 3);

    const reports = Array.from({ length: 10_001 }, (_, i) => report(i));
    peer.send({ type: 'report', first: 5, records: reports });
    const first = await at.messages.next();
    const second = await at.messages.next();
    assert.ok(first.type === 'report' && second.type === 'report');
    assert.deepEqual([first.first, first.records.length], [5, 10_000]);
    assert.deepEqual([second.first, second.records], [10_005, [reports.at(-1)]]);
  });

  it('tells both sides once when it ends, and sends what was to be sent', async () => {
    const at = await host();
    const { peer, closed } = await dialTo(at);
    peer.send({ type: 'returned', deliveries: [], reason: 'last words', begun: false });
    await peer.end();
    assert.equal((await at.messages.next()).type, 'returned');
    assert.equal((await at.closed.next()).error, undefined);
    assert.equal(await closed.next(), undefined);
    peer.send({ type: 'hello', held: [], at: 0 });
    await peer.end();
    assert.deepEqual([closed.take(), at.closed.take(), at.messages.take()], [[], [], []]);
  });

  it('tells a worker when its coordinator closes', async () => {
    const at = await host();
    const { closed } = await dialTo(at);
    (await at.opened.next()).close();
    await closed.next();
    assert.deepEqual(closed.take(), []);
  });
});

describe('a coordinator', () => {
  async function refusal(at: LinkHost, answer: (challenge: Challenge) => object | string): Promise<string> {
    const peer = await rawPeer(at.socketPath);
    const said = answer((await peer.next()) as unknown as Challenge);
    if (typeof said === 'string') peer.write(said);
    else peer.sendFrame(said);
    const frame = await peer.next();
    assert.equal(frame['type'], 'refused');
    await peer.ended();
    assert.equal(await at.refused.next(), frame['message']);
    assert.deepEqual([at.opened.take(), at.messages.take(), at.closed.take()], [[], [], []]);
    return `${String(frame['code'])}: ${String(frame['message'])}`;
  }

  it('lets in nobody who is not of its fleet', async () => {
    const at = await host();
    assert.match(
      await refusal(at, challenge => identify(stranger, challenge)),
      /^SCOPE_FORBIDDEN: .* does not belong to this fleet/,
    );
    const posing = (challenge: Challenge): Identify =>
      identify(stranger, challenge, { did: worker.did, public_key: stranger.publicKey });
    assert.match(await refusal(at, posing), /^SCOPE_FORBIDDEN/);
  });

  it('lets in nobody without the proof for this very connection', async () => {
    const at = await host();
    const peer = await rawPeer(at.socketPath);
    const earlier = identify(worker, (await peer.next()) as unknown as Challenge);
    peer.sendFrame(earlier);
    assert.equal((await peer.next())['type'], 'welcome');
    await at.opened.next();
    peer.socket.destroy();
    await at.closed.next();

    const noProof = /^AUTH_REQUIRED: .* did not prove that it holds its key/;
    assert.match(await refusal(at, () => earlier), noProof);
    assert.match(await refusal(at, challenge => identify(worker, challenge, { proof: '' })), noProof);
    // Right key, right nonce; but the coordinator's words, or for another coordinator.
    for (const [from, to] of [
      [at.key.did, worker.did],
      [worker.did, stranger.did],
      [worker.did, worker.did],
    ] as const)
      assert.match(
        await refusal(at, challenge =>
          identify(worker, challenge, { proof: signChallenge(worker, proofText(from, to, challenge.nonce)) }),
        ),
        noProof,
      );
  });

  it('is not taken in by its own answer, shown to it as a worker’s', async () => {
    const key = generateKey();
    // Even where its own key is in the list.
    const at = await host({
      key,
      admitted: new Map([
        [worker.did, worker.publicKey],
        [key.did, key.publicKey],
      ]),
    });
    const victim = await rawPeer(at.socketPath);
    const challenge = (await victim.next()) as unknown as Challenge;
    const oracle = await rawPeer(at.socketPath);
    const mine = (await oracle.next()) as unknown as Challenge;
    oracle.sendFrame(identify(worker, mine, { nonce: challenge.nonce }));
    const { proof } = await oracle.next();
    victim.sendFrame({ ...identify(key, challenge), proof });
    assert.equal((await victim.next())['code'], 'SCOPE_FORBIDDEN');
    oracle.socket.destroy();
  });

  it('refuses another protocol by name', async () => {
    const at = await host();
    const said = await refusal(at, challenge => identify(worker, challenge, { protocol: PROTOCOL + 1 }));
    assert.equal(
      said,
      `PROTOCOL_MISMATCH: the peer uses protocol ${PROTOCOL + 1}, but this version uses protocol ${PROTOCOL}`,
    );
  });

  it('refuses what is no greeting', async () => {
    const at = await host();
    for (const words of [
      '',
      'GET / HTTP/1.1',
      '{}',
      'null',
      '[]',
      '{"type":"identify"}',
      '{"type":"hello","held":[],"at":0}',
    ])
      assert.match(
        await refusal(at, () => words),
        /^LINK_BROKEN: a peer sent an? (?:line that is not|invalid frame)/,
      );
  });

  it('gives one attempt to a connection', async () => {
    const at = await host();
    const peer = await rawPeer(at.socketPath);
    const challenge = (await peer.next()) as unknown as Challenge;
    peer.write(`{}\n${JSON.stringify(identify(worker, challenge))}`);
    assert.equal((await peer.next())['type'], 'refused');
    await peer.ended();
    assert.deepEqual(peer.lines.take(), [null]);
    assert.deepEqual(at.opened.take(), []);
  });

  it('takes no long line from somebody that it does not know', async () => {
    const at = await host();
    const peer = await rawPeer(at.socketPath);
    await peer.next();
    peer.socket.write('x'.repeat(70_000));
    assert.match(await at.refused.next(), /a line longer than 65536 bytes/);
    await peer.ended();
  });

  it('does not wait for ever for somebody to say who it is', async () => {
    const at = await host({ handshakeMs: 30 });
    const silent = await rawPeer(at.socketPath);
    const slow = await rawPeer(at.socketPath);
    // Byte by byte, which does not begin the time anew.
    const drip = setInterval(() => slow.socket.write(' '), 5);
    await Promise.all([silent.ended(), slow.ended()]);
    clearInterval(drip);
    for (let i = 0; i < 2; i++) assert.equal(await at.refused.next(), 'the peer did not identify itself');
  });

  describe('ends the link, and takes nothing, at', () => {
    const frame = (
      records: readonly SealedRecord[],
      by: InstanceKey,
      members: object = { type: 'report', first: 0 },
    ): string => {
      const { sig } = signBatch(
        by,
        records.map(({ record }) => record.id),
      );
      const head = JSON.stringify({ ...members, by: by.did, sig }).slice(0, -1);
      return `${head},"records":[${records.map(encodeLine).join(',')}]}`;
    };
    const cases: Record<string, () => string> = {
      'a line that is not JSON': () => '{"type":',
      'a frame of no known type': () => '{"type":"obey"}',
      'what only a coordinator says': () => '{"type":"ack","upTo":1}',
      'a list in the place of a frame': () => '[{"type":"hello","held":[],"at":0}]',
      'deliveries that are none': () => '{"type":"started","deliveries":[["th_x",-1,0]]}',
      'a reason without end': () =>
        JSON.stringify({ type: 'returned', deliveries: [], reason: 'x'.repeat(5000), begun: false }),
      'records signed by another': () => frame([report(0)], stranger),
      'records signed in another’s name': () =>
        frame([report(0)], stranger).replace(stranger.did, worker.did),
      'records that were changed on the way': () =>
        frame([report(0)], worker).replace('"index":0', '"index":1'),
      'records taken out of what was signed': () =>
        frame([report(0), report(1)], worker).replace(`${encodeLine(report(0))},`, ''),
      'records in another order': () => {
        const [a, b] = [encodeLine(report(0)), encodeLine(report(1))];
        return frame([report(0), report(1)], worker).replace(`${a},${b}`, `${b},${a}`);
      },
      'a report of another instance': () => frame([report(0, stranger)], worker),
      'a report in a person’s name': () =>
        frame([report(0, worker, { actor: 'did:sync:user:ada' as Did })], worker),
      'a task of its own': () =>
        frame([report(0, worker, { act: 'INTEND', body: { topic: 'task' } })], worker),
      'a report with a negative index': () => frame([report(-1, worker, { clock: 0 })], worker),
      'a report with words for a cost': () =>
        frame([report(0, worker, { body: { ...report(0).record.body, cost_usd: '1' } })], worker),
      'a heartbeat without a record': () => frame([], worker, { type: 'heartbeat', at: 0 }),
      'a heartbeat that is a report': () => frame([report(0)], worker, { type: 'heartbeat', at: 0 }),
      'a heartbeat of another': () =>
        frame(
          [
            report(0, worker, {
              thread: RESERVED.instanceRegistry,
              body: { topic: 'heartbeat', did: stranger.did },
            }),
          ],
          worker,
          { type: 'heartbeat', at: 0 },
        ),
    };
    for (const [what, line] of Object.entries(cases)) {
      it(what, async () => {
        const at = await host();
        const peer = await admittedPeer(at.socketPath, worker);
        peer.write('{"type":"hello","held":[],"at":0}');
        peer.write(line());
        peer.write('{"type":"started","deliveries":[]}');
        await peer.ended();
        const { error } = await at.closed.next();
        assert.ok(FleetError.is(error), String(error));
        assert.ok(['LINK_BROKEN', 'INVALID_RECORD'].includes(error.code), error.code);
        assert.deepEqual(at.messages.take(), [{ type: 'hello', held: [], at: 0 }]);
        assert.deepEqual(at.closed.take(), []);
      });
    }

    it('something that goes wrong in its own house', async () => {
      const at = await host({
        onMessage: () => {
          throw new Error('a fault of ours');
        },
      });
      const peer = await admittedPeer(at.socketPath, worker);
      peer.write('{"type":"hello","held":[],"at":0}');
      await peer.ended();
      assert.equal((await at.closed.next()).error?.message, 'a fault of ours');
    });
  });

  it('takes a report that was sent twice on one line as it stands: the engine knows what it has', async () => {
    const at = await host();
    const peer = await admittedPeer(at.socketPath, worker);
    peer.socket.write(encodeMessage({ type: 'report', first: 0, records: [report(0), report(0)] }, worker));
    const message = await at.messages.next();
    assert.ok(message.type === 'report' && message.records.length === 2);
    peer.socket.destroy();
  });
});

describe('a worker', () => {
  const fails = async (
    at: LinkHost,
    code: string,
    message: RegExp,
    changes: Partial<DialOptions> = {},
  ): Promise<void> => {
    const signal = changes.signal ?? new AbortController().signal;
    await assert.rejects(dialTo(at, { ...changes, signal }), error => {
      assert.ok(FleetError.is(error), String(error));
      assert.equal(`${error.code} ${message.test(error.message)}`, `${code} true`, error.message);
      return true;
    });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  };
  const answerWith = (answer: (socket: Duplex) => void) => ({
    upgrade: (socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: spl-link\r\n\r\n');
      answer(socket);
    },
  });
  const challengeOf = (key: InstanceKey, changes: Partial<Challenge> = {}): string =>
    `${JSON.stringify({
      type: 'challenge',
      protocol: PROTOCOL,
      did: key.did,
      public_key: key.publicKey,
      nonce: 'bm9uY2U',
      ...changes,
    })}\n`;

  it('obeys no other coordinator', async () => {
    const at = await host();
    await fails(at, 'AUTH_REQUIRED', /the coordinator is .*, but this worker belongs to/, {
      coordinator: stranger.did,
    });
    // One that only says that it is the right one.
    const posing = await host(answerWith(socket => socket.write(challengeOf(stranger, { did: at.key.did }))));
    await fails(posing, 'AUTH_REQUIRED', /the coordinator is .*, but this worker belongs to/, {
      coordinator: at.key.did,
    });
  });

  it('obeys nobody who does not prove that it is its coordinator', async () => {
    const key = generateKey();
    for (const proof of ['', 'AAAA', signChallenge(stranger, 'x'), signChallenge(key, 'an old one')]) {
      const welcome = `${JSON.stringify({ type: 'welcome', proof, heartbeat_interval_ms: 1000 })}\n`;
      const at = await host({
        key,
        ...answerWith(socket => {
          socket.write(challengeOf(key));
          socket.once('data', () => socket.write(welcome));
        }),
      });
      await fails(at, 'AUTH_REQUIRED', /did not prove that it holds its key/);
    }
  });

  it('passes on why it was refused', async () => {
    const at = await host({ admitted: new Map() });
    await fails(at, 'LINK_BROKEN', /refused the link: .* does not belong to this fleet/);
    const other = await host(
      answerWith(socket => socket.write(challengeOf(stranger, { protocol: PROTOCOL + 1 }))),
    );
    await fails(other, 'PROTOCOL_MISMATCH', /the peer uses protocol/);
  });

  it('gives up on what is no coordinator', async () => {
    for (const [said, code] of [
      ['nonsense\n', 'LINK_BROKEN'],
      ['{"type":"welcome","proof":"","heartbeat_interval_ms":1}\n', 'LINK_BROKEN'],
      [challengeOf(stranger, { public_key: 'short' }), 'INVALID_RECORD'],
      [`${'x'.repeat(70_000)}\n`, 'LINK_BROKEN'],
    ] as const) {
      const at = await host(answerWith(socket => socket.write(said)));
      await fails(at, code, /./);
    }
    const closing = await host(answerWith(socket => socket.end()));
    await fails(closing, 'LINK_BROKEN', /closed the link during the handshake/);
  });

  it('says that nobody can be reached where nobody answers', async () => {
    const at = await host();
    await fails(at, 'UNREACHABLE', /ENOENT/, { address: { socketPath: `${at.socketPath}-not` } });
    const mute = await host(answerWith(() => {}));
    await fails(mute, 'UNREACHABLE', /does not answer/, { handshakeMs: 20 });
    const deaf = net.createServer(() => {});
    await new Promise<void>(resolve => deaf.listen(`${at.socketPath}-deaf`, resolve));
    await fails(at, 'UNREACHABLE', /does not answer/, {
      handshakeMs: 20,
      address: { socketPath: `${at.socketPath}-deaf` },
    });
    deaf.close();
    const refusing = net.createServer(socket => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    await new Promise<void>(resolve => refusing.listen(`${at.socketPath}-refusing`, resolve));
    await fails(at, 'UNREACHABLE', /status 401/, { address: { socketPath: `${at.socketPath}-refusing` } });
    refusing.close();
  });

  it('can be told to stop dialling, at any time', async () => {
    const at = await host(answerWith(() => {}));
    await fails(at, 'UNREACHABLE', /was cancelled/, { signal: AbortSignal.abort() });
    const stop = new AbortController();
    const dialling = fails(at, 'UNREACHABLE', /was cancelled/, { signal: stop.signal });
    while (at.sockets.length < 1) await new Promise(resolve => setImmediate(resolve));
    stop.abort();
    await dialling;
  });

  it('lets go of the signal once it is connected', async () => {
    const at = await host();
    const { signal } = new AbortController();
    await dialTo(at, { signal });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('ends the link at what its coordinator would not say', async () => {
    for (const line of [
      (key: InstanceKey) =>
        encodeMessage({ type: 'deliver', records: [intent(key, 0, 'g', stranger.did)] }, key),
      (key: InstanceKey) => encodeMessage({ type: 'deliver', records: [intent(stranger, 0)] }, key),
      () => encodeMessage({ type: 'deliver', records: [intent(stranger, 0)] }, stranger),
      () => '{"type":"report"}\n',
      () => '{"type":"stop","graceMs":1e12}\n',
    ]) {
      const at = await host();
      const { messages, closed } = await dialTo(at);
      await at.opened.next();
      at.sockets[0]!.write(line(at.key));
      assert.ok(FleetError.is(await closed.next(), 'LINK_BROKEN'));
      assert.deepEqual(messages.take(), []);
    }
  });
});

describe('a connection', () => {
  /** Two ends of a socket, the second one paused: it reads nothing by itself. */
  async function ends(): Promise<{ near: Duplex; far: net.Socket; close: () => void }> {
    const server = net.createServer({ pauseOnConnect: true });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    const [far] = (await once(server, 'connection')) as [net.Socket];
    far.on('error', () => {});
    return {
      near,
      far,
      close: () => {
        near.destroy();
        far.destroy();
        server.close();
      },
    };
  }

  it('gives up a peer that does not read, once too much waits for it', async () => {
    const { near, close } = await ends();
    const connection = new Connection(near, worker, { unsentBytes: 1_000_000 });
    const closed = new Promise<Error | undefined>(resolve => (connection.onClose = resolve));
    for (let sent = 0; !connection.closed; sent++) {
      assert.ok(sent < 1000, 'nothing bounds what is sent');
      connection.sendFrame({ filler: 'x'.repeat(100_000) });
    }
    assert.ok(FleetError.is(await closed, 'LINK_BROKEN'));
    close();
  });

  it('gives up the peer that is furthest behind, once too much waits for all of them', async () => {
    const [first, second] = [await ends(), await ends()];
    const limits = { unsentOfAllBytes: 1_000_000 };
    const behind = new Connection(first.near, worker, limits);
    const closed = new Promise<Error | undefined>(resolve => (behind.onClose = resolve));
    const other = new Connection(second.near, worker, limits);
    const send = (connection: Connection): void => connection.sendFrame({ filler: 'x'.repeat(100_000) });
    while (first.near.writableLength < 600_000) send(behind);
    for (let sent = 0; !behind.closed && !other.closed; sent++) {
      assert.ok(sent < 1000, 'nothing bounds what is sent to all');
      send(other);
    }
    assert.ok(FleetError.is(await closed, 'LINK_BROKEN'));
    assert.equal(other.closed, false);
    first.close();
    second.close();
  });

  it('ends even when its peer does not read', async () => {
    const { near, close } = await ends();
    const connection = new Connection(near, worker, { endMs: 20 });
    for (let i = 0; i < 200; i++) connection.sendFrame({ filler: 'x'.repeat(100_000) });
    const closed = new Promise<Error | undefined>(resolve => (connection.onClose = resolve));
    await connection.end();
    assert.equal(await closed, undefined);
    assert.ok(connection.closed);
    close();
  });

  it('hears nothing more once it is ending', async () => {
    const { near, far, close } = await ends();
    const connection = new Connection(near, worker, { endMs: 1000 });
    const heard: string[] = [];
    connection.onLine = line => heard.push(line);
    far.write('one\n');
    await once(near, 'data');
    const over = connection.end();
    far.write('two\n');
    far.resume();
    far.end();
    await over;
    assert.deepEqual(heard, ['one']);
    close();
  });
});
