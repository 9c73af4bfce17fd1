import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'mocha';
import { linuxProcesses, processTable, psProcesses, type ProcessTable } from './process-table.ts';

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
      const entry = { pid, group: pid, session: pid, command: 'sleep 300' };
      for (const query of [
        { mark },
        { group: pid },
        { session: pid },
        { mark, group: pid, session: 1 << 30 },
      ]) {
        assert.deepEqual(
          (await table.find(query)).filter(found => found.pid === pid),
          [entry],
          JSON.stringify(query),
        );
      }
      assert.deepEqual(await table.find({ mark }), [entry]);
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

  it('shows a command with odd characters in one line, and not too long', async function () {
    // It is about what /proc tells; elsewhere `ps` is asked.
    if (process.platform !== 'linux') this.skip();
    const child = spawn('/bin/sh', ['-c', 'echo ready; read -r line', 'a\n\u001b[31mb', 'x'.repeat(500)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      const [entry] = await processTable().find({ group: child.pid ?? 0 });
      assert.ok(entry?.command.startsWith('/bin/sh -c echo ready; read -r line a b xxx'), entry?.command);
      assert.equal(entry?.command.length, 200);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
