import { afterEach, beforeEach, describe, it } from 'mocha';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import type { Duplex } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { FleetError } from '../errors.ts';
import { serveApi } from './server.ts';
import { Served, TOKEN } from './testing/served.ts';

describe('serving the API', () => {
  let served: Served;
  afterEach(() => served.stop());

  describe('at its socket and port', () => {
    beforeEach(async () => {
      served = await Served.start();
    });

    it('needs nothing on the socket, which only its owner may open', async () => {
      assert.equal((await served.raw('/v1/fleet/status')).status, 200);
      assert.equal((await stat(served.socketPath)).mode & 0o777, 0o600);
    });

    it('needs the token on the port, except for /health (I39)', async () => {
      assert.equal((await served.rawTcp('/v1/fleet/status')).status, 200);
      const none = { authorization: '' };
      assert.equal((await served.rawTcp('/health', { headers: none })).status, 200);
      assert.equal((await served.rawTcp('/health?x=1', { headers: none })).status, 400);
      for (const target of ['/v1/fleet/status', '/v1/nothing', '/health/../v1/tasks', '//health']) {
        const answer = await served.rawTcp(target, { headers: none });
        assert.deepEqual([answer.status, answer.json['code']], [401, 'AUTH_REQUIRED'], target);
        assert.equal(answer.json['message'], 'the request has no token');
        assert.equal(answer.headers['www-authenticate'], 'Bearer');
        assert.equal(answer.headers['spl-protocol'], '1');
      }
    });

    it('refuses a wrong token, also one that begins right, and never calls the engine', async () => {
      for (const given of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, 'Bearer ', `Basic ${TOKEN}`]) {
        const headers = { authorization: given };
        const answer = await served.rawTcp('/v1/fleet/stop', { method: 'POST', headers });
        assert.deepEqual([answer.status, answer.json['code']], [401, 'AUTH_REQUIRED'], given);
        assert.equal(answer.json['message'], 'the token is wrong, expired or revoked');
      }
      assert.deepEqual(served.engine.calls, []);
    });

    it('accepts an environment only over the socket, and beside the command', async () => {
      const environment = { HOME: '/home/ada', 'BASH_FUNC_x%%': '() { :; }' };
      const body = JSON.stringify({ subtask: 0, environment });
      assert.equal((await served.raw('/v1/tasks/A/retry', { body })).status, 200);
      const [call] = served.engine.calls;
      assert.deepEqual(
        [call?.input, call?.context?.environment],
        [{ task: 'A', subtask: 0, hint: null }, environment],
      );
      const refused = await served.rawTcp('/v1/tasks/A/retry', { body });
      assert.deepEqual([refused.status, refused.json['code']], [403, 'SCOPE_FORBIDDEN']);
      for (const wrong of [{ 'A=B': '1' }, { A: 1 }, { A: 'a\0' }, 'A=1', { '': '1' }]) {
        const answer = await served.raw('/v1/tasks/A/retry', {
          body: JSON.stringify({ subtask: 0, environment: wrong }),
        });
        assert.deepEqual(
          [answer.status, answer.json['code']],
          [400, 'INVALID_RECORD'],
          JSON.stringify(wrong),
        );
      }
      const elsewhere = await served.raw('/v1/tasks/A/cancel', { body: JSON.stringify({ environment }) });
      assert.match(String(elsewhere.json['message']), /unknown key 'environment'/);
      assert.equal(served.engine.calls.length, 1);
    });

    it('lets no web page in, by either door (I39)', async () => {
      const asked = [
        [{ host: 'evil.example:9100' }, "the Host 'evil.example:9100' does not name this machine"],
        [{ host: 'localhost.evil.example' }, "the Host 'localhost.evil.example' does not name this machine"],
        [{ host: '127.0.0.1.evil.example' }, "the Host '127.0.0.1.evil.example' does not name this machine"],
        [{ origin: 'https://evil.example' }, /^the Origin 'https:\/\/evil.example' is a web page/],
        [{ origin: 'http://localhost:3000' }, /^the Origin 'http:\/\/localhost:3000' is a web page/],
        [{ origin: 'null' }, /^the Origin 'null' is a web page/],
      ] as const;
      for (const [headers, message] of asked) {
        for (const answer of [
          await served.raw('/health', { headers }),
          await served.rawTcp('/health', { headers }),
        ]) {
          assert.deepEqual([answer.status, answer.json['code']], [403, 'SCOPE_FORBIDDEN']);
          const said = String(answer.json['message']);
          if (typeof message === 'string') assert.equal(said, message);
          else assert.match(said, message);
        }
      }
      assert.deepEqual(served.engine.calls, []);
    });

    it('accepts every loopback name, and the views of an editor', async () => {
      for (const host of ['localhost', 'LOCALHOST:9100', '127.0.0.1:1', '[::1]', '[::1]:9100']) {
        assert.equal((await served.raw('/health', { headers: { host } })).status, 200, host);
      }
      const origin = 'vscode-webview://0a1b';
      assert.equal((await served.raw('/health', { headers: { origin } })).status, 200);
    });

    it('refuses a client with another protocol version, and names its own', async () => {
      const answer = await served.raw('/v1/tasks', { headers: { 'spl-protocol': '2' } });
      assert.deepEqual([answer.status, answer.json['code']], [400, 'PROTOCOL_MISMATCH']);
      assert.equal(answer.json['message'], 'the client uses protocol 2, but this engine uses protocol 1');
      assert.equal(answer.headers['spl-protocol'], '1');
    });

    it('answers invalid or too large HTTP with its own errors', async () => {
      assert.match(
        await exchange(served.socketPath, 'HELO\r\n\r\n'),
        /^HTTP\/1.1 400 [^]*spl-protocol: 1[^]*"USAGE"/,
      );
      const long = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`;
      assert.match(
        await exchange(served.socketPath, long),
        /^HTTP\/1.1 413 [^]*headers of the request are too large/,
      );
      assert.match(
        await exchange(served.socketPath, 'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'),
        /^HTTP\/1.1 403 [^]*the request has no Host header/,
      );
    });

    it('delivers a refusal while the body still arrives', async () => {
      const headers = { authorization: 'Bearer wrong' };
      const answer = await served.rawTcp('/v1/records', {
        headers,
        body: 'x'.repeat(3_000_000),
        chunked: true,
      });
      assert.equal(answer.status, 401);
    });
  });

  it('closes the connection of an endless body after a refusal', async () => {
    served = await Served.start();
    const socket = net.connect(served.server.port ?? 0, '127.0.0.1');
    socket.write('POST /v1/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const feed = setInterval(() => socket.write('1\r\nx\r\n'), 10);
    const closed = closeOf(socket).finally(() => clearInterval(feed));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1.1 401 /);
    await closed;
  });

  describe('when it listens', () => {
    it('moves from a taken port to the next free one, with a note', async () => {
      const squatter = net.createServer().listen(0, '127.0.0.1');
      await once(squatter, 'listening');
      const { port } = squatter.address() as net.AddressInfo;
      served = await Served.start({ tcp: { host: '127.0.0.1', port, token: TOKEN } });
      const moved = served.server.port ?? 0;
      assert.ok(moved > port && moved < port + 100);
      assert.equal(served.server.endpoint, `http://127.0.0.1:${moved}`);
      assert.deepEqual(served.server.notes, [`port ${port} is taken: listening on ${moved}`]);
      assert.equal((await served.rawTcp('/health')).status, 200);
      squatter.close();
    });

    it('has no note for a free port, and serves only the socket on request', async () => {
      served = await Served.start();
      assert.deepEqual(served.server.notes, []);
      const alone = await serveApi({
        engine: served.engine,
        socketPath: path.join(served.folder, 'alone.sock'),
        tcp: null,
      });
      assert.deepEqual([alone.endpoint, alone.port], [null, null]);
      await alone.close();
    });

    it('replaces a leftover socket, and nothing else', async () => {
      served = await Served.start();
      const { engine, folder } = served;
      const stale = path.join(folder, 'stale.sock');
      await leaveSocket(stale);
      const server = await serveApi({ engine, socketPath: stale, tcp: null });
      await server.close();

      const file = path.join(folder, 'file');
      await writeFile(file, 'precious');
      await assert.rejects(
        serveApi({ engine, socketPath: file, tcp: null }),
        (thrown: unknown) => FleetError.is(thrown, 'CONFLICT') && thrown.message.includes('is not a socket'),
      );
      assert.equal((await stat(file)).size, 8);
    });

    it('reports where it cannot listen, and leaves nothing behind', async () => {
      served = await Served.start();
      const { engine, folder } = served;
      const absent = path.join(folder, 'absent', 'spl.sock');
      await assert.rejects(serveApi({ engine, socketPath: absent, tcp: null }), (thrown: unknown) =>
        FleetError.is(thrown, 'UNAVAILABLE'),
      );
      const socketPath = path.join(folder, 'second.sock');
      const squatter = net.createServer().listen(65_535, '127.0.0.1');
      await once(squatter, 'listening');
      await assert.rejects(
        serveApi({ engine, socketPath, tcp: { host: '127.0.0.1', port: 65_535, token: TOKEN } }),
        (thrown: unknown) =>
          FleetError.is(thrown, 'UNAVAILABLE') && thrown.message === 'the ports 65535 to 65535 are all taken',
      );
      squatter.close();
      assert.deepEqual(await readdir(folder), ['spl.sock']);
    });

    it('serves a worker its health and its output only', async () => {
      served = await Served.start({ only: ['health', 'output'] });
      assert.equal((await served.rawTcp('/health')).status, 200);
      assert.equal((await served.rawTcp('/v1/tasks/A/subtasks/0/output')).text, 'hello\n');
      for (const target of ['/v1/fleet/status', '/v1/tasks', '/v1/kill']) {
        assert.equal((await served.rawTcp(target)).status, 404, target);
      }
    });
  });

  describe('for the link', () => {
    const ask = (socketPath: string, upgrade: string, target = '/v1/link', more = ''): Promise<string> =>
      exchange(
        socketPath,
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${more}\r\n`,
      );

    it('hands over the connection, with the bytes after the head', async () => {
      served = await Served.start({
        upgrade: (request, socket, head) => {
          assert.equal(request.url, '/v1/link');
          socket.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: spl-link\r\n\r\n',
          );
          socket.write(head);
          socket.pipe(socket);
        },
      });
      const socket = net.connect(served.socketPath);
      const request =
        'GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: Spl-Link\r\n\r\n';
      socket.write(`${request}early;`);
      socket.end('late;');
      assert.match(await textOf(socket), /^HTTP\/1.1 101 [^]*\r\n\r\nearly;late;$/);
    });

    it('refuses other upgrades, and requests that the gate refuses', async () => {
      const handed: Duplex[] = [];
      served = await Served.start({ upgrade: (_request, socket) => void handed.push(socket) });
      const { socketPath } = served;
      assert.match(
        await ask(socketPath, 'websocket'),
        /^HTTP\/1.1 400 [^]*'Upgrade: websocket' is not supported/,
      );
      assert.match(
        await ask(socketPath, 'spl-link', '/v1/tasks'),
        /^HTTP\/1.1 404 [^]*nothing to upgrade at \/v1\/tasks/,
      );
      assert.match(
        await ask(socketPath, 'spl-link', '/v1/link', 'Origin: http://a.b\r\n'),
        /^HTTP\/1.1 403 /,
      );
      assert.match(
        await ask(socketPath, 'spl-link', '/v1/link', 'Spl-Protocol: 9\r\n'),
        /^HTTP\/1.1 400 [^]*PROTOCOL_MISMATCH/,
      );
      const overTcp = http.request({
        port: served.server.port,
        path: '/v1/link',
        headers: { connection: 'Upgrade', upgrade: 'spl-link' },
      });
      overTcp.end();
      const [answer] = (await once(overTcp, 'response')) as [http.IncomingMessage];
      assert.equal(answer.statusCode, 401);
      answer.resume();
      assert.deepEqual(handed, []);
    });

    it('refuses links without a handler', async () => {
      served = await Served.start();
      assert.match(
        await ask(served.socketPath, 'spl-link'),
        /^HTTP\/1.1 501 [^]*this engine accepts no links/,
      );
    });
  });

  describe('when it closes', () => {
    it('ends its streams and links at once, and leaves no socket file', async () => {
      served = await Served.start({ upgrade: (_request, socket) => socket.write('linked') });
      const stream = await openStream(served, '/v1/events/stream');
      const linked = net.connect(served.socketPath);
      linked.write(
        'GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: spl-link\r\n\r\n',
      );
      await once(linked, 'data');
      const idle = net.connect(served.server.port ?? 0, '127.0.0.1');
      await once(idle, 'connect');
      const [streamText] = await Promise.all([
        textOf(stream),
        closeOf(linked),
        closeOf(idle),
        served.server.close(),
      ]);
      assert.equal(streamText, 'retry: 1000\n\n');
      assert.deepEqual(await readdir(served.folder), []);
      assert.equal(served.engine.watchers, 0);
      await assert.rejects(served.rawTcp('/health'), { code: 'ECONNREFUSED' });
      await served.server.close();
    });

    it('turns away what is too much at once, and says when to come again', async () => {
      served = await Served.start({ limits: { openRequests: 2, unreadBytes: 1_000 } });
      const large = { method: 'POST', body: JSON.stringify({ goal: 'g'.repeat(2_000) }) };
      const heavy = await served.raw('/v1/tasks', large);
      assert.deepEqual(
        [heavy.status, heavy.json['code'], heavy.headers['retry-after']],
        [429, 'OVERLOADED', '1'],
      );
      let release = (): void => undefined;
      served.engine.delay = new Promise(resolve => (release = resolve));
      const two = [served.raw('/v1/fleet/status'), served.raw('/v1/fleet/status')];
      await until(() => served.engine.calls.length === 2);
      const third = await served.raw('/v1/fleet/status');
      assert.deepEqual(
        [third.status, third.json['code'], third.headers['retry-after']],
        [429, 'OVERLOADED', '1'],
      );
      release();
      for (const { status } of await Promise.all(two)) assert.equal(status, 200);
      assert.equal(
        (await served.raw('/v1/tasks', { ...large, body: '{"goal":"g"}' })).status,
        200,
        'there is room again',
      );
    });

    it('finishes an answer under way', async () => {
      served = await Served.start();
      let release = (): void => undefined;
      served.engine.delay = new Promise(resolve => (release = resolve));
      const answer = served.raw('/v1/fleet/status');
      await until(() => served.engine.calls.length === 1);
      const closed = served.server.close();
      release();
      assert.equal((await answer).status, 200);
      await closed;
    });

    it('waits no longer than the grace', async () => {
      served = await Served.start({ limits: { closeGraceMs: 20 } });
      served.engine.delay = new Promise(() => undefined);
      const answer = assert.rejects(served.raw('/v1/fleet/status'), { code: 'ECONNRESET' });
      await until(() => served.engine.calls.length === 1);
      await served.server.close();
      await answer;
    });
  });
});

/** Sends bytes. @returns everything received until the other side closes */
async function exchange(socketPath: string, bytes: string): Promise<string> {
  const socket = net.connect(socketPath);
  socket.write(bytes);
  return textOf(socket);
}

/** Leaves a socket file that nobody listens on, as a killed process does. */
async function leaveSocket(socketPath: string): Promise<void> {
  const moved = `${socketPath}.d`;
  await mkdir(moved);
  const server = net.createServer().listen(path.join(moved, 's'));
  await once(server, 'listening');
  await link(path.join(moved, 's'), socketPath);
  server.close();
  await once(server, 'close');
  await rm(moved, { recursive: true });
}

/** Resolves at the end of a connection, whether by a close or by a reset. */
function closeOf(socket: net.Socket): Promise<void> {
  socket.resume().on('error', () => undefined);
  return new Promise(resolve => socket.once('close', () => resolve()));
}

async function openStream(served: Served, target: string): Promise<http.IncomingMessage> {
  const request = http.get({ socketPath: served.socketPath, path: target, agent: false });
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  return answer;
}

/** Lets the event loop turn until a condition holds; mocha's own time-out ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve));
}
