import assert from 'node:assert/strict';
import { homePaths } from '../../../../engine/home/paths.ts';
import { readPidFile } from '../../../../engine/home/pid-file.ts';
import { extension, fleet, home, run, spl } from '../support.ts';

describe('a window on a fleet that another process hosts', () => {
  let coordinator: number;
  let task: string;

  before(async () => {
    await spl('fleet', 'start', '--workers', '1');
    coordinator = (await readPidFile(homePaths(home).pidFile))?.pid ?? 0;
    await extension().activate();
  });

  it('uses that fleet, and raises the number of its workers', async () => {
    const adopted = await fleet.instance('worker-a');
    await run('fleet.start');
    const { live } = await fleet.state();
    assert.equal(live, 3);
    assert.equal((await fleet.instance('coordinator')).pid, coordinator);
    assert.notEqual(coordinator, process.pid);
    assert.equal((await fleet.instance('worker-a')).pid, adopted.pid);
  });

  it('runs a fan-out there', async () => {
    await run('fleet.firstFanOut');
    const { tasks } = await fleet.client.report('tasks', { all: true });
    task = tasks
      .map(({ alias }) => alias)
      .filter(alias => alias.startsWith('FIRST-'))
      .sort()
      .at(-1)!;
    assert.equal((await fleet.joined(task)).outcome, 'satisfied');
  });

  it('takes over when that process is killed, and continues with its workers', async () => {
    const workers = [(await fleet.instance('worker-a')).pid, (await fleet.instance('worker-b')).pid];
    process.kill(coordinator, 'SIGKILL');
    await fleet.instanceWhen('coordinator', 'in this process', ({ pid }) => pid === process.pid);
    await fleet.stateWhen('both workers are live again', ({ live }) => live === 3);
    assert.deepEqual(
      [(await fleet.instance('worker-a')).pid, (await fleet.instance('worker-b')).pid],
      workers,
    );
    const { outcome } = await fleet.client.report('join', { task, summary: true });
    assert.equal(outcome, 'satisfied');
  });

  it('releases the fleet when a command in a terminal stops it', async () => {
    await spl('fleet', 'stop', '--all');
    await fleet.unserved();
  });
});
