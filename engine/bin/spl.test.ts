import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { builtPrograms } from '../../test/bundled.ts';

describe('the spl process', () => {
  let file: string;
  let folder: string;

  before(async () => void (file = join(await builtPrograms(), 'spl')));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-bin-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function spl(
    words: readonly string[],
    env: NodeJS.ProcessEnv = {},
    stdout: 'pipe' | number = 'pipe',
  ): ChildProcess {
    return spawn(process.execPath, [file, ...words], {
      env: { PATH: process.env['PATH'], HOME: folder, ...env },
      stdio: ['ignore', stdout, 'pipe'],
    });
  }

  async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
    let out = '';
    let err = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  it('ends quietly when its reader has seen enough', async () => {
    const child = spl(['completion', 'fish']);
    child.stdout?.destroy();
    assert.deepEqual(await ended(child), { code: 0, out: '', err: '' });
  });

  it('works in a folder that was removed', async () => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"';
    const child = spawn('/bin/sh', ['-c', script, process.execPath, file, 'fleet', 'list'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { code, err } = await ended(child);
    assert.equal(code, 5, err);
    assert.match(err, /^error: no fleet is running/);
  });

  it('says what keeps it from writing, with exit code 1', async () => {
    const readOnly = await open(file, 'r');
    const { code, err } = await ended(spl(['completion', 'fish'], {}, readOnly.fd)).finally(() =>
      readOnly.close(),
    );
    assert.equal(code, 1);
    assert.match(err, /^error: the output can't be written: EBADF[^\n]*\n$/);
  });

  it('keeps a token that stands among its words from those who list processes', async () => {
    const server = createServer((_request, response) => {
      seen = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
      response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let seen = 'nothing';
    const child = spl(['fleet', 'list', '--url', url, '--token', 'a-secret-word']);
    const { out, err } = await ended(child);
    server.close();
    assert.match(seen, /^spl\0/);
    assert.equal((seen + out + err).includes('a-secret-word'), false);
  });

  it('says that no fleet is running, with exit code 5, and makes no home', async () => {
    const { code, out, err } = await ended(spl(['fleet', 'list']));
    assert.deepEqual([code, out], [5, '']);
    assert.match(err, new RegExp(`no fleet is running at '${folder}/.syncro'`));
    await assert.rejects(rm(join(folder, '.syncro')), { code: 'ENOENT' });
  });

  it('refuses an actor that is no DID, and a URL without a token', async () => {
    const actor = await ended(spl(['fleet', 'list'], { SPL_ACTOR: 'ada' }));
    assert.deepEqual(
      [actor.code, actor.err],
      [2, 'error: SPL_ACTOR must be a DID such as did:sync:user:ada\n'],
    );
    const url = await ended(spl(['fleet', 'list', '--url', 'http://127.0.0.1:1']));
    assert.equal(url.code, 6);
    assert.match(url.err, /a URL needs a token/);
  });

  it('refuses to make a home of a folder that holds something else, untouched', async () => {
    const home = join(folder, 'full');
    await mkdir(home, { mode: 0o700 });
    await writeFile(join(home, 'mine'), 'x');
    const { code, err } = await ended(spl(['fleet', 'start', '--home', home]));
    assert.equal(code, 1);
    assert.match(err, /is not empty and is not a home/);
  });

  it('ends with 130 at Ctrl-C while it waits for an answer', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const child = spl(['fleet', 'list', '--url', `http://127.0.0.1:${port}`, '--token', 't']);
    await once(server, 'request');
    child.kill('SIGINT');
    assert.deepEqual(await ended(child), { code: 130, out: '', err: '' });
    server.closeAllConnections();
    server.close();
  });

  it('examines a machine without a home', async () => {
    const { code, out } = await ended(spl(['doctor', '--json']));
    const document = JSON.parse(out) as { checks: { name: string; level: string }[]; worst: string };
    assert.deepEqual([code, document.worst], [1, 'WARN']);
    assert.equal(document.checks.find(({ name }) => name === 'node')?.level, 'PASS');
    assert.equal(document.checks.find(({ name }) => name === 'home')?.level, 'WARN');
  });

  it('examines a folder in which there is a configuration, and no home yet', async () => {
    await writeFile(join(folder, 'config.toml'), '');
    const { out } = await ended(spl(['doctor', '--json', '--home', folder]));
    const { checks } = JSON.parse(out) as { checks: { name: string; detail: string }[] };
    assert.match(checks.find(({ name }) => name === 'home')!.detail, /has nothing of a fleet yet$/);
  });
});
