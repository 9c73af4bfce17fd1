import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'mocha';
import {
  argumentsOf,
  linuxProcesses,
  processTable,
  psProcesses,
  workingFolderOf,
  type ProcessEntry,
  type ProcessTable,
} from './process-table.ts';

const tables: [string, ProcessTable][] = [['ps', psProcesses(process.platform)]];
if (process.platform === 'linux') tables.push(['/proc', linuxProcesses]);

for (const [name, table] of tables) {
  describe(`the table of processes, read from ${name}`, () => {
    let mark: string;
    let child: ChildProcess;
    let pid: number;

    before(async () => {
      mark = `SPL_TEST_MARK=${randomUUID()}`;
      const [variable = '', value = ''] = mark.split('=');
      child = spawn('/bin/sh', ['-c', 'echo ready; exec sleep 300'], {
        detached: true,
        env: { PATH: process.env['PATH'], [variable]: value, LAST: 'x' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      pid = child.pid ?? assert.fail('no process');
      await once(child.stdout ?? assert.fail('no output'), 'data');
      // The shell says so before it becomes the command.
      while (!(await table.find({ mark })).some(({ command }) => command === 'sleep 300'));
    });
    after(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.deepEqual(await table.find({ mark }), []);
    });

    it('finds a process by its mark, its group and its session, alone or together', async () => {
      const shortly = ({ cpuTicks: _, ...entry }: ProcessEntry): Omit<ProcessEntry, 'cpuTicks'> => entry;
      const entry = { pid, group: pid, session: pid, command: 'sleep 300' };
      for (const query of [
        { mark },
        { group: pid },
        { sessions: new Set([pid]) },
        { text: mark.slice(4, -4) },
        { mark, group: pid, sessions: new Set([1 << 30]) },
      ]) {
        assert.deepEqual(
          (await table.find(query)).filter(found => found.pid === pid).map(shortly),
          [entry],
          JSON.stringify(query),
        );
      }
      assert.deepEqual((await table.find({ mark })).map(shortly), [entry]);
    });

    it('finds it among those that are as young as itself, or younger than this process', async () => {
      for (const since of [table.birthOf(pid), table.birthOf(process.pid)]) {
        const query = { mark, ...(since === undefined ? {} : { since }) };
        assert.equal((await table.find(query))[0]?.pid, pid);
      }
    });

    it('finds nothing for a part of a mark, or for none', async () => {
      assert.deepEqual(await table.find({ mark: mark.slice(0, -1) }), []);
      assert.deepEqual(await table.find({ mark: mark.slice(1) }), []);
      assert.deepEqual(await table.find({}), []);
    });
  });
}

describe('the table of processes', () => {
  it('tells the processor time of a process', async function () {
    if (process.platform !== 'linux') this.skip();
    const own = async (): Promise<number> =>
      (await processTable().find({ pids: new Set([process.pid]) }))[0]!.cpuTicks;
    const before = await own();
    assert.ok(before > 0);
    while ((await own()) === before);
  });

  it('knows when a process was started, where it is to skip older ones', async function () {
    // It is about what /proc tells; elsewhere `ps` is asked.
    if (process.platform !== 'linux') this.skip();
    const since = (processTable().birthOf(process.pid) ?? assert.fail('no birth')) + 1;
    assert.deepEqual(
      await processTable().find({ mark: `PATH=${process.env['PATH']}`, since: since + 1e9 }),
      [],
    );
    assert.equal(processTable().birthOf(2 ** 22), undefined);
  });

  it('leaves out what has ended and waits for its parent', async function () {
    // It is about what /proc tells; elsewhere `ps` is asked.
    if (process.platform !== 'linux') this.skip();
    const parent = spawn('/bin/sh', ['-c', 'sleep 300 & echo $!; exec sleep 301'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const group = parent.pid ?? assert.fail('no process');
    const commands = async (): Promise<string[]> =>
      (await processTable().find({ group })).map(({ command }) => command).sort();
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      // Now the shell becomes a program that does not ask after its child.
      while ((await commands()).join() !== 'sleep 300,sleep 301');
      const child = Number(line.toString());
      process.kill(child, 'SIGKILL');
      while (!(await readFile(`/proc/${child}/stat`, 'utf8')).includes(') Z '));
      assert.deepEqual(await commands(), ['sleep 301']);
    } finally {
      process.kill(-group, 'SIGKILL');
      await once(parent, 'exit');
    }
  });

  it('gives the arguments and the folder of a process', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = spawn('/bin/sh', ['-c', 'echo ready; read -r line', 'a b', ''], {
      cwd: '/',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      const words = ['/bin/sh', '-c', 'echo ready; read -r line', 'a b', ''];
      assert.deepEqual(await argumentsOf(child.pid!), words);
      assert.equal(await workingFolderOf(child.pid!), '/');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    assert.deepEqual(await argumentsOf(child.pid!), []);
    assert.equal(await workingFolderOf(child.pid!), null);
  });
});
