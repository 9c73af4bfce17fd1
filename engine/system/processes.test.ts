import * as assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { afterEach, describe, it } from 'mocha';
import { isAlive, processStart } from './process-table.ts';
import { endProcess, isRunning, sendSignal, waitUntilGone, type ProcessId } from './processes.ts';

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
    const read = (file: string): Promise<string> => readFile(file, 'latin1');
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

describe('the end of a process', () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  /** Starts a shell that prints a line once it runs the script. */
  async function shell(script: string): Promise<{ child: ChildProcess; id: ProcessId }> {
    const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    started.push(child);
    await once(child.stdout, 'data');
    return { child, id: { pid: child.pid!, start: processStart(child.pid!) } };
  }
  const LISTENS = 'echo up; exec sleep 60';
  const STUBBORN = "trap '' TERM; echo up; while :; do sleep 60; done";

  it('is waited for, and not longer than it may take', async () => {
    const { child, id } = await shell(LISTENS);
    assert.equal(await waitUntilGone(id, 5), false);
    const gone = waitUntilGone(id, 60_000);
    child.kill('SIGKILL');
    assert.equal(await gone, true);
    assert.equal(await waitUntilGone(id, 0), true);
  });

  it('is no longer waited for when the signal aborts, for its reason', async () => {
    const { id } = await shell(LISTENS);
    const enough = new AbortController();
    const gone = waitUntilGone(id, 60_000, enough.signal);
    enough.abort(new Error('enough'));
    await assert.rejects(gone, /^Error: enough$/);
  });

  it('comes with SIGTERM, and with SIGKILL where that is ignored', async () => {
    const [gentle, stubborn, none] = [await shell(LISTENS), await shell(STUBBORN), await shell(LISTENS)];
    assert.equal(await endProcess(gentle.id, { graceMs: 60_000, killMs: 0 }), 'terminated');
    assert.equal(await endProcess(stubborn.id, { graceMs: 20, killMs: 60_000 }), 'killed');
    assert.equal(await endProcess(none.id, { graceMs: 0, killMs: 60_000 }), 'killed', 'without a grace');
  });

  it('is not asked of another process that has its pid', async () => {
    const { child, id } = await shell(LISTENS);
    assert.equal(await endProcess({ ...id, start: 'of another' }, { graceMs: 5, killMs: 5 }), 'terminated');
    assert.equal(await endProcess({ ...id, start: null }, { graceMs: 0, killMs: 5 }), 'killed');
    assert.ok(isRunning(id));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(sendSignal(id.pid, 0), false);
  });
});
