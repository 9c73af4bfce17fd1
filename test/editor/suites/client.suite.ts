import assert from 'node:assert/strict';
import { homePaths } from '../../../engine/home/paths.ts';
import { readPidFile } from '../../../engine/home/process.ts';
import { until } from '../until.ts';
import { engine, extension, fleet, home, instance, joinWhen, run, spl } from './support.ts';

describe('a window beside a fleet that another process hosts', () => {
  let coordinator: number;

  before(async () => {
    await spl('fleet', 'start', '--workers', '1');
    coordinator = (await readPidFile(homePaths(home).pidFile))?.pid ?? 0;
    await extension().activate();
  });

  it('uses that fleet, and raises the number of its workers', async () => {
    const adopted = await instance('worker-a');
    await run('fleet.start');
    const { live } = await fleet();
    assert.equal(live, 3);
    assert.equal((await instance('coordinator')).pid, coordinator);
    assert.notEqual(coordinator, process.pid);
    assert.equal((await instance('worker-a')).pid, adopted.pid);
  });

  it('runs a fan-out there', async () => {
    await run('fleet.firstFanOut');
    const join = await joinWhen('FIRST-001', 'the join', ({ complete }) => complete);
    assert.equal(join.outcome, 'satisfied');
  });

  it('takes over when that process is killed, and goes on with its workers', async () => {
    const workers = [(await instance('worker-a')).pid, (await instance('worker-b')).pid];
    process.kill(coordinator, 'SIGKILL');
    await until('this process is the coordinator', async () => {
      const found = await instance('coordinator').catch(() => undefined);
      return found?.pid === process.pid ? found : undefined;
    });
    await until(
      'both workers are live again',
      async () => ((await fleet()).live === 3 ? true : undefined),
      fleet,
    );
    assert.deepEqual([(await instance('worker-a')).pid, (await instance('worker-b')).pid], workers);
    const { outcome } = await engine().report('join', { task: 'FIRST-001', summary: true });
    assert.equal(outcome, 'satisfied');
  });

  it('gives the fleet to a command of a terminal that stops it', async () => {
    await spl('fleet', 'stop', '--all');
    await until('nobody answers', async () =>
      engine()
        .report('health', {})
        .then(
          () => undefined,
          () => true,
        ),
    );
  });
});
