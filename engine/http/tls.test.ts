import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { VERSION } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { openHome } from '../home/home.ts';
import { openCoordinator, type RunningCoordinator } from '../open.ts';
import { connect, type EngineClient } from '../client/client.ts';

const PEMS = fileURLToPath(new URL('testing/tls/', import.meta.url));

describe('a coordinator over TLS', () => {
  let root: string;
  let running: RunningCoordinator;
  let ca: string;
  let url: string;
  let token: string;
  const clients: EngineClient[] = [];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'spl-tls-'));
    const home = join(root, 'h');
    await openHome(home, { create: true, version: VERSION });
    await mkdir(join(home, 'tls'));
    for (const name of ['cert.pem', 'key.pem']) await copyFile(join(PEMS, name), join(home, 'tls', name));
    await chmod(join(home, 'tls', 'key.pem'), 0o600);
    const config =
      '[server]\nhost = "0.0.0.0"\nport = 0\ntls_cert = "tls/cert.pem"\ntls_key = "tls/key.pem"\n';
    await writeFile(join(home, 'config.toml'), config);
    running = await openCoordinator({
      home,
      flags: {},
      env: {},
      logger: { info: () => {}, error: () => {} },
      onStop: () => {},
    });
    ca = await readFile(join(PEMS, 'cert.pem'), 'utf8');
    token = (await openHome(home, { create: false })).token;
    url = (await running.engine.report('health', {})).endpoint!;
  });
  after(async () => {
    for (const client of clients) await client.close();
    await running.close();
    await rm(root, { recursive: true, force: true });
  });

  function client(target: { url?: string; token?: string; ca?: string } = {}): EngineClient {
    const made = connect({ url, token, ca, ...target }, { reconnectMs: 0 });
    clients.push(made);
    return made;
  }

  it('answers clients that trust its certificate, including streams', async () => {
    assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
    const stop = new AbortController();
    const events = client()
      .watch({ kinds: ['record'], after: 0, signal: stop.signal })
      [Symbol.asyncIterator]();
    assert.equal((await client().report('fleet', {})).live, 1);
    assert.equal((await events.next()).done, false);
    stop.abort();
    assert.equal((await client().report('ping', { instance: 'coordinator' })).reachable, true);
  });

  it('is not believed by others, who hear the way out', async () => {
    const { ca: _, ...untrusting } = { url, token, ca };
    const other = connect(untrusting);
    clients.push(other);
    await assert.rejects(
      other.report('fleet', {}),
      (thrown: unknown) =>
        FleetError.is(thrown, 'UNREACHABLE') &&
        /certificate of https.* is not trusted/.test(thrown.message) &&
        /tls_ca/.test(thrown.hint ?? ''),
    );
  });

  it('asks for the token all the same', async () => {
    await assert.rejects(client({ token: 'wrong' }).report('fleet', {}), (thrown: unknown) =>
      FleetError.is(thrown, 'AUTH_REQUIRED'),
    );
  });

  it('accepts only the names of its certificate, and no web page', async () => {
    const ask = async (headers: Record<string, string>): Promise<number | undefined> => {
      const request = https.get(`${url}/health`, {
        ...{ ca, agent: false, headers },
        // Otherwise it would be taken from the header.
        servername: 'fleet.example',
      });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    assert.equal(await ask({ host: 'fleet.example' }), 200);
    assert.equal(await ask({ host: 'fleet.example:9100' }), 200);
    assert.equal(await ask({ host: 'evil.example' }), 403);
    assert.equal(await ask({ host: 'fleet.example.evil.example' }), 403);
    assert.equal(await ask({ host: 'fleet.example', origin: 'https://fleet.example' }), 403);
  });

  it('does not answer clients without TLS', async () => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    let heard = '';
    socket.on('data', chunk => (heard += chunk.toString('latin1'))).on('error', () => undefined);
    socket.write(`GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await once(socket, 'close');
    assert.equal(heard.includes('HTTP/1.1 200'), false);
  });
});
