import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineClient } from '../../../engine/client/client.ts';
import { homePaths } from '../../../engine/home/paths.ts';
import { resolveSocket } from '../../../engine/home/socket.ts';
import { HEAP_FLAGS } from '../../../engine/runtime/heap.ts';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { fanOutOf, isJoined, taskOf } from '../fan-out.ts';
import { WORKERS } from '../fleet.ts';
import { benchEnvironment, memoryMib, pssMib } from '../processes.ts';
import { spreadOf } from '../stats.ts';

const TASK = 'large';
const ANSWER_MS = 30_000;
const POLL_MS = 50;
/** The time after which an idle fleet has started all that it starts. */
const IDLE_MS = 4_000;

/** Measures the memory of a separate coordinator process: idle, and during and after a large fan-out. */
export async function memory(stage: Stage): Promise<Figure[]> {
  const children = stage.quick ? 1_000 : 100_000;
  const figures = await idle(stage);
  const bare = await withBareNode(stage, pid => memoryMib(pid).peak);
  for (const watched of [false, true]) {
    stage.say(`memory: ${watched ? 'with' : 'without'} a watcher`);
    const { peak, joined } = await measure(stage, children, watched);
    figures.push({
      id: watched ? 'memory_watched' : 'memory',
      name: `memory of the coordinator, ${children.toLocaleString('en')} children${watched ? ', watched' : ''}`,
      value: peak,
      unit: 'MiB',
      better: 'lower',
      spread: spreadOf([peak]),
      probes: [{ name: 'a bare node', value: bare, spread: spreadOf([bare]) }],
      target: targetOf(stage, { atMost: 250 }),
      details: { peak_mib: peak, at_join_mib: joined },
    });
  }
  return figures;
}

/** Measures an idle fleet while a bare `node` runs, since processes share the pages of one program. */
function idle(stage: Stage): Promise<Figure[]> {
  stage.say('memory: idle');
  return withCoordinator(stage, 'i', async (client, coordinator) => {
    const { spawned } = await client.submit('fleet.start', { workers: WORKERS, executor: 'echo' });
    if (!stage.quick) await delay(IDLE_MS);
    const pids = { coordinator, worker: spawned[0]!.pid };
    const figures = await withBareNode(stage, bare =>
      (['coordinator', 'worker'] as const).flatMap(part => [
        idleFigure(`memory_idle_${part}`, `an idle ${part}, RSS`, residentMib(pids[part]), residentMib(bare)),
        idleFigure(`memory_idle_${part}_pss`, `an idle ${part}, Pss`, pssMib(pids[part]), pssMib(bare)),
      ]),
    );
    await client.submit('fleet.stop', { scope: 'workers', instance: null, grace_secs: 1 });
    return figures;
  });
}

const residentMib = (pid: number): number => memoryMib(pid).now;

const idleFigure = (id: string, name: string, value: number, bare: number): Figure => ({
  ...{ id, name, value, unit: 'MiB', better: 'lower' },
  spread: spreadOf([value]),
  probes: [{ name: 'a bare node', value: bare, spread: spreadOf([bare]) }],
  target: null,
  details: {},
});

function measure(
  stage: Stage,
  children: number,
  watched: boolean,
): Promise<{ peak: number; joined: number }> {
  return withCoordinator(stage, watched ? 'w' : 'n', async (client, coordinator) => {
    await client.submit('fleet.start', { workers: WORKERS, executor: 'echo' });
    const { thread } = await client.submit('task.add', taskOf(TASK));
    const stop = new AbortController();
    const events = client.watch({ thread, kinds: ['task'], signal: stop.signal })[Symbol.asyncIterator]();
    const first = watched ? events.next() : undefined;
    await client.submit('task.fan-out', fanOutOf(TASK, children));
    if (watched) {
      await first;
      for (let next = await events.next(); next.done !== true; next = await events.next())
        if (await isJoined(client, TASK, next.value)) break;
    }
    while (!(await hasJoined(client))) await delay(POLL_MS);
    stop.abort();
    const { now, peak } = memoryMib(coordinator);
    await client.submit('fleet.stop', { scope: 'workers', instance: null, grace_secs: 1 });
    return { peak, joined: now };
  });
}

/** Runs a coordinator in a process of its own for as long as `use` takes. */
async function withCoordinator<T>(
  stage: Stage,
  name: string,
  use: (client: EngineClient, pid: number) => Promise<T>,
): Promise<T> {
  const home = join(stage.dir, name);
  const words = ['serve', '--home', home, '--port', '0'];
  const coordinator = spawn(process.execPath, [...HEAP_FLAGS, join(stage.bin, 'spl'), ...words], {
    env: benchEnvironment(home),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const client = await reach(coordinator, home);
  try {
    return await use(client, coordinator.pid!);
  } finally {
    await client.close();
    await end(coordinator);
  }
}

async function hasJoined(client: EngineClient): Promise<boolean> {
  return (await client.report('join', { task: TASK, summary: true })).complete;
}

/** Returns a client of the coordinator, once it answers. */
async function reach(coordinator: ChildProcess, home: string): Promise<EngineClient> {
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    try {
      const client = connect({ socketPath: await resolveSocket(homePaths(home)) });
      await client.report('health', {});
      return client;
    } catch (cause) {
      if (coordinator.exitCode !== null || performance.now() > deadline)
        throw new Error('the coordinator does not answer', { cause });
      await delay(POLL_MS);
    }
  }
}

async function end(coordinator: ChildProcess): Promise<void> {
  if (coordinator.exitCode !== null || coordinator.signalCode !== null) return;
  const gone = once(coordinator, 'exit');
  coordinator.kill('SIGTERM');
  await gone;
}

async function withBareNode<T>(stage: Stage, use: (pid: number) => T): Promise<T> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    env: benchEnvironment(stage.dir),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  await delay(500);
  const read = use(child.pid!);
  child.stdin.end();
  await once(child, 'exit');
  return read;
}
