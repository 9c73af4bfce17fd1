import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineClient } from '../../../engine/client/client.ts';
import { homePaths } from '../../../engine/home/paths.ts';
import { resolveSocket } from '../../../engine/home/socket.ts';
import { HEAP_FLAGS } from '../../../engine/runtime/heap.ts';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { fanOutOf, taskOf, WORKERS } from '../fleet.ts';
import { benchEnvironment, memoryMib } from '../processes.ts';
import { spreadOf } from '../stats.ts';

const TASK = 'large';
const ANSWER_MS = 30_000;
const POLL_MS = 50;

/** Measures the memory of a separate coordinator process, during and after a large fan-out. */
export async function memory(stage: Stage): Promise<Figure[]> {
  const children = stage.quick ? 1_000 : 100_000;
  const bare = await bareNode(stage);
  const figures: Figure[] = [];
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
      target: targetOf(stage, { atMost: 400 }),
      details: { peak_mib: peak, at_join_mib: joined },
    });
  }
  return figures;
}

async function measure(
  stage: Stage,
  children: number,
  watched: boolean,
): Promise<{ peak: number; joined: number }> {
  const home = join(stage.dir, watched ? 'w' : 'n');
  const env = benchEnvironment(home);
  const words = ['serve', '--home', home, '--port', '0'];
  const coordinator = spawn(process.execPath, [...HEAP_FLAGS, join(stage.bin, 'spl'), ...words], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const client = await reach(coordinator, home);
  try {
    await client.submit('fleet.start', { workers: WORKERS, executor: 'echo' });
    const { thread } = await client.submit('task.add', taskOf(TASK));
    const stop = new AbortController();
    const events = client.watch({ thread, kinds: ['task'], signal: stop.signal })[Symbol.asyncIterator]();
    const first = watched ? events.next() : undefined;
    await client.submit('task.fan-out', fanOutOf(TASK, children));
    if (watched) {
      await first;
      for (let next = await events.next(); next.done !== true; next = await events.next())
        if (await isJoined(client, next.value)) break;
    }
    while (!(await hasJoined(client))) await delay(POLL_MS);
    stop.abort();
    const { now, peak } = memoryMib(coordinator.pid!);
    await client.submit('fleet.stop', { scope: 'workers', instance: null, grace_secs: 1 });
    return { peak, joined: now };
  } finally {
    await client.close();
    await end(coordinator);
  }
}

/** Asks for the state after a gap, as every watcher does. */
async function isJoined(client: EngineClient, event: { kind: string; complete?: boolean }): Promise<boolean> {
  return event.kind === 'gap' ? hasJoined(client) : event.kind === 'task' && event.complete === true;
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

async function bareNode(stage: Stage): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    env: benchEnvironment(stage.dir),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  await delay(500);
  const { peak } = memoryMib(child.pid!);
  child.stdin.end();
  await once(child, 'exit');
  return peak;
}
