import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { connect } from '../client/client.ts';
import { detectHang } from './hang.ts';

describe('a call to an engine of this machine', () => {
  let folder: string;
  let server: http.Server;
  /** The answer to each route that this engine knows; it never answers any other. */
  let answers: Record<string, unknown>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-hang-'));
    answers = {};
    server = http.createServer(({ url = '' }, response) => {
      if (!(url in answers)) return;
      response.setHeader('spl-protocol', '1').setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answers[url]));
    });
    server.listen(join(folder, 's'));
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const engine = (patienceMs: number) => {
    const socketPath = join(folder, 's');
    return detectHang(connect({ socketPath }), socketPath, join(folder, 'pid'), patienceMs);
  };
  const health = {
    ...{ status: 'ok', did: 'd', alias: 'coordinator', role: 'coordinator', version: '1', protocol: 1 },
    ...{ uptime_secs: 1, pid: 7, home: '/h', endpoint: null, records: 0 },
  };

  it('fails, naming the process and the way out, when the engine answers nobody', async () => {
    await writeFile(
      join(folder, 'pid'),
      JSON.stringify({ pid: 4711, start: 'x', endpoint: null, version: '1' }),
    );
    const asked = engine(30);
    await assert.rejects(asked.report('tasks', { all: true }), {
      code: 'TIMED_OUT',
      message: 'the coordinator (PID 4711) runs and answers nobody',
      hint: /kill -9 4711, then spl fleet start/,
    });
    await asked.close();
  });

  it('waits for an engine that is only slow with it', async () => {
    answers['/health'] = health;
    const asked = engine(30);
    const tasks = asked.report('tasks', { all: true });
    let probes = 0;
    await new Promise<void>(resolve =>
      server.on('request', ({ url }: http.IncomingMessage) => {
        if (url === '/health' && ++probes === 2) resolve();
      }),
    );
    await asked.close();
    await assert.rejects(tasks, { code: 'UNAVAILABLE' });
  });

  it('is answered as ever', async () => {
    answers['/v1/tasks?all=1'] = { tasks: [] };
    const asked = engine(5_000);
    assert.deepEqual(await asked.report('tasks', { all: true }), { tasks: [] });
    await asked.close();
  });
});
