import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { isAlive, processStart, readPidFile, removePidFile, writePidFile } from './process.ts';

describe('a process', () => {
  it('is itself, and is gone when it has ended', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const start = processStart(child.pid!);
    assert.ok(start !== null);
    assert.equal(processStart(child.pid!), start);
    assert.ok(isAlive(child.pid!, start));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(!isAlive(child.pid!, start));
  });

  it('differs from another one', async () => {
    const start = processStart(process.pid);
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    assert.notEqual(processStart(child.pid!), start);
    assert.ok(!isAlive(child.pid!, start!));
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('that ended and was not collected counts as gone', async function () {
    // It is about what /proc tells; elsewhere `ps` is asked.
    if (process.platform !== 'linux') this.skip();
    // The shell becomes a program that collects nobody; only then the child, which reads to the end, may end.
    const shell = spawn('/bin/sh', ['-c', 'cat <&3 >&2 & echo $!; exec sleep 60 3<&-'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [line] = (await once(shell.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const read = (file: string): Promise<string> => fs.readFile(file, 'latin1');
    while ((await read(`/proc/${shell.pid}/comm`)) !== 'sleep\n');
    (shell.stdio[3] as Writable).end();
    while (!/\) Z /.test(await read(`/proc/${pid}/stat`)));
    assert.equal(processStart(pid), null);
    shell.kill('SIGKILL');
    await once(shell, 'exit');
  });

  it('has a pid above 0', () => {
    for (const pid of [0, -1, 1.5, NaN, 2 ** 31 - 1]) assert.equal(processStart(pid), null);
  });
});

describe('the pid file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-pid-'));
    file = path.join(folder, 'spl.pid');
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const content = { pid: process.pid, start: 'x', endpoint: 'http://127.0.0.1:9100', version: '0.1.0' };

  it('is read as it was written, and leaves nothing beside it', async () => {
    await writePidFile(file, { ...content, endpoint: null });
    await writePidFile(file, content);
    assert.deepEqual(await readPidFile(file), content);
    assert.deepEqual(await fs.readdir(folder), ['spl.pid']);
    assert.equal((await fs.stat(file)).mode & 0o777, 0o600);
  });

  it('says nothing when it is missing or damaged', async () => {
    assert.equal(await readPidFile(file), undefined);
    for (const text of ['', '{"pid":1', '{"pid":-1,"start":"","endpoint":null,"version":""}', 'null']) {
      await fs.writeFile(file, text);
      assert.equal(await readPidFile(file), undefined);
    }
  });

  it('is removed only by the process that it names', async () => {
    await writePidFile(file, { ...content, pid: process.pid + 1 });
    await removePidFile(file);
    assert.ok(await readPidFile(file));
    await writePidFile(file, content);
    await removePidFile(file);
    assert.deepEqual(await fs.readdir(folder), []);
    await removePidFile(file);
  });
});
