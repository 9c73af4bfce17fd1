import { build } from 'esbuild';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import * as http from 'node:http';
import type * as net from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runs } from '../../test/runs.ts';
import type { FanOutRequest } from '../contract/commands.ts';
import type { EngineEvent } from '../contract/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../operations/index.ts';
import { FleetError, type ErrorCode } from '../errors.ts';
import type { Did, ThreadId } from '../record/ids.ts';
import { seal, type FleetRecord } from '../record/record.ts';
import { connect } from './client.ts';
import { serveApi } from '../http/server.ts';
import { readSse } from './sse.ts';
import { Served, TOKEN } from '../http/testing/served.ts';
import { BARE_FAN_OUT } from '../contract/testing/requests.ts';

const failsWith = (code: ErrorCode, message: string | RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof FleetError, String(thrown));
  assert.equal(thrown.code, code);
  if (typeof message === 'string') assert.equal(thrown.message, message);
  else assert.match(thrown.message, message);
  return true;
};

const recordOf = (clock: number): FleetRecord =>
  seal({
    act: 'DO',
    actor: 'did:sync:user:ada' as Did,
    body: { n: clock },
    clock,
    data_type: 'SCALAR',
    parents: [],
    thread: 'th_a' as ThreadId,
  }).record;

const FAN_OUT: FanOutRequest = { ...BARE_FAN_OUT, subtasks: [{ goal: 'x' }] };
const addTask: Commands['task.add']['input'] = {
  goal: 'goal',
  alias: 'A-1',
  priority: 'low',
  labels: ['l'],
  domain: null,
  hypothesis: null,
  criteria: [],
  namespace: null,
  dir: null,
};

describe('the client', () => {
  let served: Served;
  beforeEach(async () => {
    served = await Served.start();
  });
  afterEach(() => served.stop());

  const commands: { readonly [N in CommandName]: Commands[N]['input'] } = {
    'records.append': { records: [recordOf(1), recordOf(2)] },
    'records.restore': {
      records: [{ record: { ...recordOf(1) }, signature: null }],
      signatures: [],
      on_conflict: 'skip',
      dry_run: true,
    },
    'task.add': addTask,
    'fan-out.open': { ...addTask, fan_out: FAN_OUT },
    'task.fan-out': {
      task: 'A b/ü',
      ...FAN_OUT,
    },
    'task.retry': { task: 'A', subtask: 1, hint: null },
    'task.rerun': { task: 'A' },
    archive: { tasks: ['A'], namespace: null, undo: true },
    'task.cancel': { task: 'A', subtask: null, reason: 'because' },
    'task.start': { task: 'A', reason: 'r' },
    'task.done': { task: 'A', summary: 's' },
    'task.fail': { task: 'A', reason: null },
    'task.approve': { task: 'A', reason: 'r' },
    'task.reject': { task: 'A', reason: 'r' },
    'task.block': { task: 'A', reason: null, on: 'B' },
    'task.defer': { task: 'A', reason: null, until_unix: 2e9 },
    'task.reopen': { task: 'A', reason: null },
    'task.run-serial': { task: 'A', worker: null },
    'namespace.create': { id: 'acme/web', description: null },
    'namespace.archive': { namespace: 'acme/web' },
    'namespace.delete': { namespace: 'acme/web' },
    'rule.add': { name: 'no-puts', rule: "act == 'PUT'", effect: 'deny' },
    'rule.remove': { rule: 'no-puts' },
    'worktree.remove': { worktree: 'TUT-001-0-1', force: true },
    kill: { namespace: 'acme', emergency: false, level: 'hard', grace_secs: 5, reason: 'r' },
    unkill: { namespace: null, emergency: true },
    'fleet.start': { workers: 2, executor: null },
    'fleet.stop': { scope: 'workers', instance: null, grace_secs: 0 },
    'fleet.restart': { instance: 'worker-a' },
    'token.create': { scopes: ['read', 'write'], namespace: 'acme', expires_secs: 5, label: 'l' },
    'token.revoke': { token: '0123456789abcdef' },
  };
  const reports: { readonly [N in ReportName]: Reports[N]['input'] } = {
    health: {},
    fleet: {},
    live: {},
    instance: { instance: 'did:sync:instance:00112233aabbccdd' },
    ping: { instance: 'worker-a' },
    tasks: { all: true, archived: false, namespace: 'acme' },
    runs: { name: 'npm test', limit: 3 },
    task: { task: 'A' },
    join: { task: 'A', summary: false },
    children: { task: 'A', offset: 3, limit: 7, indices: [5, 1] },
    speedup: { task: 'A', vsSerial: 'th_s' },
    namespaces: { all: true },
    worktrees: {},
    namespace: { namespace: 'acme/web' },
    'namespace.effective': { namespace: 'acme/web' },
    rules: {},
    'rule.test': { actor: recordOf(1).actor, act: 'PUT', namespace: 'acme', thread: 'th_a', body: { n: 1 } },
    record: { id: recordOf(1).id },
    records: { thread: 'th_a', act: 'DO', limit: 2, after: 0 },
    audit: { actor: 'did:sync:user:ada', since: 5, limit: 2, after: 0 },
    threads: { limit: 10 },
    'thread.records': { thread: 'th_a' },
    'thread.state': { thread: 'th_a' },
    replay: { thread: 'th_a' },
    query: { sql: "SELECT 'ü'", limit: 5 },
    tokens: {},
  };

  for (const name of Object.keys(commands) as CommandName[]) {
    it(`submits ${name} as the engine itself takes it`, async () => {
      const answer = await served.client().submit(name, commands[name]);
      const call = served.engine.calls.at(-1);
      assert.deepEqual([call?.name, call?.input], [name, JSON.parse(JSON.stringify(commands[name]))]);
      served.engine.records.length = 0;
      assert.deepEqual(answer, await served.engine.submit(name, commands[name], call!.context!));
    });
  }
  for (const name of Object.keys(reports) as ReportName[]) {
    it(`reports ${name} as the engine itself answers it`, async () => {
      await served.engine.submit('records.append', { records: [recordOf(1)] }, { actor: recordOf(1).actor });
      const answer = await served.tcpClient().report(name, reports[name]);
      const call = served.engine.calls.at(-1);
      assert.deepEqual([call?.name, call?.input], [name, reports[name]]);
      assert.deepEqual(answer, await served.engine.report(name, reports[name]));
    });
  }

  it('sends its environment with submitted work over a socket, and never over a port', async () => {
    const environment = { MINE: 'yes' };
    for (const client of [served.client({ environment }), served.tcpClient({ environment })]) {
      await client.submit('task.retry', { task: 'A-1', subtask: 0, hint: null });
      await client.submit('task.cancel', { task: 'A-1', subtask: null, reason: null });
    }
    const given = served.engine.calls.map(({ context }) => context?.environment);
    assert.deepEqual(given, [environment, undefined, undefined, undefined]);
  });

  it('sends the actor and the idempotency key', async () => {
    const client = served.client({ actor: 'did:sync:agent:a' as Did });
    await client.submit('task.add', addTask, { idempotencyKey: 'k1' });
    await client.submit('task.add', addTask, { actor: 'did:sync:user:b' as Did });
    await client.submit('task.add', addTask);
    const [named, ...others] = served.engine.calls.map(({ context }) => context);
    assert.deepEqual(named, { actor: 'did:sync:agent:a', idempotencyKey: 'k1' });
    assert.deepEqual(
      others.map(context => context?.actor),
      ['did:sync:user:b', 'did:sync:agent:a'],
    );
    const keys = others.map(context => context?.idempotencyKey);
    assert.ok(
      keys[0] !== undefined && keys[1] !== undefined && keys[0] !== keys[1],
      'each has one of its own',
    );
  });

  describe('after a lost answer', () => {
    let server: http.Server;
    let asked: (string | undefined)[];
    let answers: (() => unknown)[];
    const url = (): string => `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    beforeEach(async () => {
      asked = [];
      server = http.createServer((request, response) => {
        request.resume().once('end', () => {
          asked.push(String(request.headers['idempotency-key']));
          const answer = answers.shift();
          if (answer === undefined) return void request.socket.destroy();
          response.setHeader('spl-protocol', '1').setHeader('content-type', 'application/json');
          response.end(JSON.stringify(answer()));
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(() => server.close());
    const added = { thread: 'th_a', alias: 'A-1', record: 'r', goal: 'goal' };

    it('asks again with the same key', async () => {
      let lost = 2;
      answers = [];
      server.prependListener('request', () => {
        if (lost-- === 0) answers.push(() => added);
      });
      const client = connect({ url: url(), token: TOKEN });
      assert.deepEqual(await client.submit('task.add', addTask), added);
      assert.equal(asked.length, 3);
      assert.equal(new Set(asked).size, 1);
    });

    it('reports after a while that the outcome is unknown', async () => {
      answers = [];
      const client = connect({ url: url(), token: TOKEN }, { reconnectMs: 50 });
      await assert.rejects(
        client.submit('task.add', addTask),
        failsWith('UNREACHABLE', /stopped before it answered.*the command may have run$/),
      );
      assert.ok(asked.length > 1);
    });

    it('does not wait for an engine that it stopped', async () => {
      answers = [];
      const client = connect({ url: url(), token: TOKEN });
      const stop = { scope: 'all', instance: null, grace_secs: 0 } as const;
      await assert.rejects(
        client.submit('fleet.stop', stop),
        failsWith('UNREACHABLE', /the connection to the engine at .* failed/),
      );
      assert.equal(asked.length, 1);
    });
  });

  it("throws the engine's own error: code, message, details and hint", async () => {
    await assert.rejects(served.client().report('task', { task: 'nope' }), (thrown: unknown) => {
      assert.ok(failsWith('NOT_FOUND', "no task 'nope'")(thrown));
      const { details, hint } = thrown as FleetError;
      assert.deepEqual([details, hint], [{ task: 'nope' }, 'spl task list --all']);
      return true;
    });
    const refused = served.client().submit('task.add', { ...addTask, goal: 7 as unknown as string });
    await assert.rejects(refused, failsWith('INVALID_RECORD', "'goal' must be text"));
  });

  it('returns a refusal that arrives before the body is sent', async () => {
    const big = { ...addTask, goal: 'x'.repeat(8 * 1024 * 1024) };
    await assert.rejects(
      served.client().submit('task.add', big),
      failsWith('TOO_LARGE', 'the body has more than 4194304 bytes'),
    );
  });

  it('asks over a connection of its own if it is brief, with the same answers', async () => {
    const client = served.client({ brief: true });
    assert.deepEqual(await client.report('fleet', {}), await served.client().report('fleet', {}));
    await assert.rejects(
      client.submit('task.add', { ...addTask, goal: 7 as unknown as string }),
      failsWith('INVALID_RECORD', "'goal' must be text"),
    );
    await served.server.close();
    await assert.rejects(client.report('health', {}), failsWith('UNREACHABLE', /^no engine answers at /));
  });

  it('reports a missing engine, and how to start one', async () => {
    const gone = connect({ socketPath: `${served.folder}/none.sock` });
    await assert.rejects(gone.report('health', {}), (thrown: unknown) => {
      assert.ok(failsWith('UNREACHABLE', `no engine answers at ${served.folder}/none.sock`)(thrown));
      assert.equal((thrown as FleetError).hint, 'Start one: spl fleet start');
      return true;
    });
    const client = served.tcpClient();
    await served.server.close();
    await assert.rejects(
      client.report('health', {}),
      failsWith('UNREACHABLE', /^no engine answers at http:/),
    );
    const signal = AbortSignal.timeout(5000);
    await assert.rejects(
      async () => {
        for await (const _ of client.watch({ signal }));
      },
      failsWith('UNREACHABLE', /^no engine answers/),
    );
    await assert.rejects(
      client.output({ task: 'A', subtask: 0, follow: false, signal }),
      failsWith('UNREACHABLE', /^no engine answers/),
    );
  });

  it('reports a wrong token, and an invalid URL', async () => {
    const client = connect({ url: served.server.endpoint ?? '', token: 'wrong' });
    await assert.rejects(
      client.report('fleet', {}),
      failsWith('AUTH_REQUIRED', 'the token is wrong, expired or revoked'),
    );
    await client.close();
    assert.throws(
      () => connect({ url: 'nowhere', token: '' }),
      failsWith('USAGE', "'nowhere' is not an http or https URL"),
    );
  });

  it('gives up after its time-out, and when its signal aborts', async () => {
    served.engine.delay = new Promise(() => undefined);
    const hasty = served.client({ timeoutMs: 20 });
    await assert.rejects(hasty.report('fleet', {}), failsWith('TIMED_OUT', /did not answer within 0.02 s$/));
    const controller = new AbortController();
    const given = served.client().report('fleet', {}, controller.signal);
    controller.abort();
    await assert.rejects(given, failsWith('UNAVAILABLE', 'the call was cancelled'));
    const whole = new AbortController();
    const client = served.client({ signal: whole.signal });
    const under = client.submit('fleet.start', commands['fleet.start']);
    whole.abort();
    await assert.rejects(under, failsWith('UNAVAILABLE', 'the client is closed'));
    await assert.rejects(client.report('health', {}), failsWith('UNAVAILABLE', 'the client is closed'));
  });

  it('tells the engine when a report is no longer wanted', async () => {
    served.engine.delay = new Promise(() => undefined);
    const controller = new AbortController();
    const asked = assert.rejects(served.client().report('fleet', {}, controller.signal));
    while (served.engine.calls.length === 0) await new Promise(resolve => setImmediate(resolve));
    controller.abort();
    await asked;
    const { signal } = served.engine.calls[0]!;
    if (!signal!.aborted) await once(signal!, 'abort');
  });

  it('leaves no listener on a signal that many calls share', async () => {
    const { signal } = new AbortController();
    const client = served.client({ signal });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    await Promise.all(Array.from({ length: 30 }, () => client.report('fleet', {}, signal)));
    const output = await client.output({ task: 'A', subtask: 0, follow: false, signal });
    await textOf(output.chunks);
    for await (const _ of client.watch({ signal })) break;
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await client.close();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  it('keeps its connection, and repeats the request if the engine had closed it', async () => {
    const sockets = new Set<net.Socket>();
    const server = http.createServer((request, response) => {
      sockets.add(request.socket);
      response.setHeader('spl-protocol', '1');
      response.end(JSON.stringify({ tasks: [] }));
    });
    server.listen(`${served.folder}/other.sock`);
    await once(server, 'listening');
    const client = connect({ socketPath: `${served.folder}/other.sock` });
    await client.report('tasks', { all: false });
    await client.report('tasks', { all: false });
    assert.equal(sockets.size, 1);
    // The connection is reset silently, as by a process that died. The client notices only when it writes.
    const answered = client.report('tasks', { all: false });
    for (const socket of sockets) socket.destroy();
    assert.deepEqual(await answered, { tasks: [] });
    assert.equal(sockets.size, 2);
    await client.close();
    server.close();
  });

  for (const [what, headers, body, message] of [
    ['is no engine', {}, 'hello', /^the server at .* is not a fleet engine$/],
    [
      'speaks another protocol',
      { 'spl-protocol': '2' },
      '{}',
      /uses protocol 2, but this client uses protocol 1$/,
    ],
    ['answers no JSON', { 'spl-protocol': '1' }, 'hello', /sent an answer that is not JSON$/],
    [
      'answers something else',
      { 'spl-protocol': '1' },
      '{"tasks":[{"alias":7}]}',
      /answer to tasks is not valid at 'tasks.0.thread'$/,
    ],
  ] as const) {
    it(`does not believe what ${what}`, async () => {
      const server = http.createServer((_request, response) => {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        response.end(body);
      });
      server.listen(`${served.folder}/other.sock`);
      await once(server, 'listening');
      const client = connect({ socketPath: `${served.folder}/other.sock` });
      await assert.rejects(client.report('tasks', { all: false }), failsWith('PROTOCOL_MISMATCH', message));
      await client.close();
      server.close();
    });
  }

  describe('reading output', () => {
    it('gets the metadata, then the bytes', async () => {
      served.engine.chunks = async function* () {
        yield Buffer.from('☃ one\n');
        yield Buffer.from('two\n');
      };
      const { signal } = new AbortController();
      const output = await served
        .client()
        .output({ task: 'A', subtask: 2, attempt: 3, follow: true, signal });
      assert.deepEqual(output.info, { task: 'A', subtask: 2, attempt: 3, worker: 'worker-a', running: true });
      assert.equal(await textOf(output.chunks), '☃ one\ntwo\n');
    });

    it('fails when the stream breaks, and ends when its signal aborts', async () => {
      const client = served.client();
      const { signal } = new AbortController();
      served.engine.chunks = async function* () {
        yield Buffer.from('part');
        throw new Error('gone');
      };
      const broken = await client.output({ task: 'A', subtask: 0, follow: false, signal });
      await assert.rejects(textOf(broken.chunks), failsWith('LINK_BROKEN', /^the output was interrupted/));
      served.engine.chunks = async function* () {
        yield Buffer.from('part');
        await new Promise(() => undefined);
      };
      const controller = new AbortController();
      const ended = await client.output({ task: 'A', subtask: 0, follow: true, signal: controller.signal });
      const text: string[] = [];
      for await (const chunk of ended.chunks) {
        text.push(Buffer.from(chunk).toString());
        controller.abort();
      }
      assert.deepEqual(text, ['part']);
    });
  });

  describe('watching', () => {
    it('begins with a gap, then yields events', async () => {
      const controller = new AbortController();
      const seen: EngineEvent[] = [];
      for await (const event of served.client().watch({ signal: controller.signal })) {
        seen.push(event);
        if (event.kind === 'gap') {
          served.engine.publish({ kind: 'task', thread: 'th_a', children: [1], complete: false });
          await served.engine.submit(
            'records.append',
            { records: [recordOf(1)] },
            { actor: recordOf(1).actor },
          );
        }
        if (event.kind === 'record') controller.abort();
      }
      assert.deepEqual(seen, [
        { kind: 'gap' },
        { kind: 'task', thread: 'th_a', children: [1], complete: false },
        { kind: 'record', position: 1, at: 0, record: recordOf(1) },
      ]);
    });

    it('needs no gap if all records from a position are replayed', async () => {
      await served.engine.submit(
        'records.append',
        { records: [recordOf(1), recordOf(2), recordOf(3)] },
        { actor: recordOf(1).actor },
      );
      const { signal } = new AbortController();
      const events = served.client().watch({ kinds: ['record'], after: 1, signal });
      assert.deepEqual(await positions(events, 2), [2, 3]);
    });

    it('reconnects to an engine that went away, after the last record that it saw', async () => {
      const { signal } = new AbortController();
      const iterator = served
        .client()
        .watch({ kinds: ['record'], after: 0, signal })
        [Symbol.asyncIterator]();
      const append = (clock: number): Promise<unknown> =>
        served.engine.submit('records.append', { records: [recordOf(clock)] }, { actor: recordOf(1).actor });
      const next = async (): Promise<unknown> => {
        const { value } = (await iterator.next()) as { value: EngineEvent };
        return value.kind === 'record' ? value.position : value.kind;
      };
      await append(1);
      assert.equal(await next(), 1);
      await served.server.close();
      await append(2);
      const successor = await serveApi({ engine: served.engine, socketPath: served.socketPath, tcp: null });
      assert.equal(await next(), 2);
      await iterator.return?.();
      await successor.close();
    });

    for (const kinds of [undefined, ['namespace'] as const])
      it(`says after each interruption that something may have been missed, of ${kinds?.join() ?? 'all kinds'}`, async () => {
        const { signal } = new AbortController();
        const iterator = served
          .client()
          .watch({ signal, ...(kinds && { kinds }) })
          [Symbol.asyncIterator]();
        assert.deepEqual((await iterator.next()).value, { kind: 'gap' });
        served.engine.endWatches();
        assert.deepEqual((await iterator.next()).value, { kind: 'gap' });
        served.engine.publish({ kind: 'namespace', id: 'acme/web' });
        assert.deepEqual((await iterator.next()).value, { kind: 'namespace', id: 'acme/web' });
        await iterator.return?.();
      });

    it('gives up on an engine that does not come back', async () => {
      const { signal } = new AbortController();
      const iterator = served.client({ reconnectMs: 150 }).watch({ signal })[Symbol.asyncIterator]();
      await iterator.next();
      await served.server.close();
      await assert.rejects(iterator.next(), failsWith('UNREACHABLE', /^no engine answers/));
    });

    it("fails with the engine's own error", async () => {
      const { signal } = new AbortController();
      const client = served.client();
      const iterator = client.watch({ signal })[Symbol.asyncIterator]();
      await iterator.next();
      served.engine.endWatches(new FleetError('NOT_FOUND', "no thread 'th_x'"));
      await assert.rejects(iterator.next(), failsWith('NOT_FOUND', "no thread 'th_x'"));
      const bad = client.watch({ kinds: ['gossip' as 'gap'], signal })[Symbol.asyncIterator]();
      await assert.rejects(bad.next(), failsWith('USAGE', /contains 'gossip'/));
    });

    it('closes its stream when its reader leaves, the signal aborts, or the client closes', async () => {
      const client = served.client();
      const gone = async (): Promise<void> => {
        while (served.engine.watchers > 0) await new Promise(resolve => setImmediate(resolve));
      };
      const controller = new AbortController();
      for await (const _ of client.watch({ signal: controller.signal })) break;
      await gone();
      const aborted = client.watch({ signal: controller.signal })[Symbol.asyncIterator]();
      await aborted.next();
      controller.abort();
      assert.equal((await aborted.next()).done, true);
      await gone();
      const closed = client.watch({ signal: new AbortController().signal })[Symbol.asyncIterator]();
      await closed.next();
      await client.close();
      assert.equal((await closed.next()).done, true);
      await gone();
    });
  });

  it('loads no heavy modules', async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('./client.ts', import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
    });
    const packages = Object.keys(metafile.inputs).flatMap(
      input => /node_modules\/([^/]+)/.exec(input)?.[1] ?? [],
    );
    assert.deepEqual([...new Set(packages)].sort(), ['eventsource-parser', 'valibot']);
  });

  it('does not keep a process alive after its requests', async () => {
    const script = `
      import { connect } from ${JSON.stringify(new URL('./client.ts', import.meta.url).href)};
      const client = connect({ url: process.argv[1], token: process.argv[2] });
      const { coordinator_url } = await client.report('fleet', {});
      process.stdout.write(coordinator_url);`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script, served.server.endpoint ?? '', TOKEN],
      { timeout: 20_000 },
    );
    assert.equal(stdout, 'http://127.0.0.1:9100');
  });
});

describe('reading an event stream', () => {
  it('finds the same messages however the bytes are split', async () => {
    const text =
      ': hi\nretry: 1\n\nid: 1\nevent: a\ndata: {"x":"ü☃"}\n\ndata: b\r\ndata:c\r\n\r\nevent: no data\n\ndata: unfinished';
    const bytes = Buffer.from(text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async cuts => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = async function* (): AsyncGenerator<Uint8Array> {
          for (let i = 1; i < at.length; i++) yield bytes.subarray(at[i - 1], at[i]);
        };
        const found = [];
        for await (const message of readSse(chunks())) found.push(message);
        assert.deepEqual(found, [
          { event: 'a', data: '{"x":"ü☃"}' },
          { event: '', data: 'b\nc' },
        ]);
      }),
      { numRuns: runs(100) },
    );
  });
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('utf8');
}

async function positions(events: AsyncIterable<EngineEvent>, count: number): Promise<number[]> {
  const found: number[] = [];
  for await (const event of events) {
    if (event.kind === 'record') found.push(event.position);
    if (found.length === count) break;
  }
  return found;
}
