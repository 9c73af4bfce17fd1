import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallContext } from '../../engine/contract/engine.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { ACTOR, Scenario } from '../harness/fleet.ts';

/**
 * Makes the home in `v1/`, in which a fleet of the first version works. The home never changes; a version that writes
 * other records gets its own home and script. To make it again, while the format is not released:
 *
 *     npm run build && npx tsx test/compat/make-v1.ts
 */

const TARGET = fileURLToPath(new URL('./v1/home', import.meta.url));

const fleet = await Scenario.make({ echoMs: 100 });
try {
  await fleet.startFleet(2);
  await theTutorial();
  await retriedIntoRoundTwo();
  await cancelledDependants();
  await losersAfterTheJoin();
  await tasksWithoutFanOut();
  await notes();
  await startedAgain();
  await leftOpen();
  await fleet.checkLaws();
  assert.equal((await fleet.spl('fleet', 'stop', '--all', '--grace', '0')).code, 0);
  await keep();
} finally {
  await fleet[Symbol.asyncDispose]();
}

/** Makes two echo subtasks, each on a worker named by its DID, and their serial baseline on worker-a. */
async function theTutorial(): Promise<void> {
  const [, a, b] = (await fleet.state()).instances;
  await fleet.json('task', 'add', 'My first fan-out', '--alias', 'FIRST-001', '--dir', '/');
  await fleet.json(
    ...['task', 'fan-out', 'FIRST-001', '--join', 'all', '--wait'],
    ...['--subtask', `goal=Say hello from worker A,target=specific:${a!.did}`],
    ...['--subtask', `goal=Say hello from worker B,target=specific:${b!.did}`],
  );
  await fleet.json('task', 'run-serial', 'FIRST-001', '--worker', 'worker-a', '--wait');
}

/** Makes a command that fails until its input is corrected. Its dependants are retried with it. */
async function retriedIntoRoundTwo(): Promise<void> {
  await fleet.fanOut('RETRIED', [
    { goal: 'build', name: 'build', run: 'echo built' },
    { goal: 'test', name: 'test', run: 'test -e mended && echo passed', timeout_secs: 30 },
    { goal: 'ship', name: 'ship', depends_on: [0, 1] },
  ]);
  await fleet.joinWhen('RETRIED', 'round 1 is over', ({ completed }) => completed === 3);
  await writeFile(fleet.at('mended'), '');
  await fleet.json('task', 'retry', 'RETRIED', '--subtask', '1', '--hint', 'it is mended', '--wait');
}

/** Makes a subtask that fails in both attempts, and a chain that depends on it. */
async function cancelledDependants(): Promise<void> {
  await fleet.fanOut(
    'CHAIN',
    [
      { goal: 'fail twice', run: 'echo broken; exit 3', attempts: 2 },
      { goal: 'next', depends_on: [0] },
      { goal: 'last', depends_on: [1], target: 'round-robin' },
      { goal: 'apart', target: 'worker-b' },
    ],
    { join: 'failed == 0 && accepted > 1' },
  );
  await fleet.joined('CHAIN');
}

/** Makes a join that the first subtask satisfies while the second runs and is ended. */
async function losersAfterTheJoin(): Promise<void> {
  await fleet.fanOut(
    'LOSERS',
    [
      { goal: 'win', run: 'while [ ! -e begun ]; do sleep 0.02; done' },
      { goal: 'lose', run: 'touch begun; sleep 60' },
    ],
    { join: 'k_of_n:1', losers: 'cancel' },
  );
  await fleet.joinWhen('LOSERS', 'all is over', ({ completed }) => completed === 2);
}

async function tasksWithoutFanOut(): Promise<void> {
  const context: CallContext = { actor: ACTOR, idempotencyKey: 'first-of-its-kind' };
  const inbox = {
    goal: 'Think it over',
    alias: 'INBOX',
    priority: 'high' as const,
    labels: ['later', 'perhaps'],
    domain: 'thinking',
    hypothesis: 'it pays',
    criteria: ['it is thought over'],
    namespace: null,
    dir: '/',
  };
  await fleet.client.submit('task.add', inbox, context);
  await fleet.json('task', 'add', 'Forget it', '--alias', 'DROPPED');
  await fleet.json('task', 'cancel', 'DROPPED', '--reason', 'nobody wants it');
}

/** Writes a client's own records. The second one refers to the first. */
async function notes(): Promise<void> {
  const note = { thread: 'th_notes', actor: ACTOR, act: 'KNOW', data_type: 'SCALAR' };
  const { stored } = await fleet.client.submit('records.append', {
    records: [{ ...note, clock: 0, body: { text: 'naïve, 中文, 😀', number: 0.1 } }],
  });
  const parents = [stored[0]!.id];
  await fleet.client.submit('records.append', { records: [{ ...note, clock: 7, parents, body: {} }] });
}

/** Starts the next coordinator, which writes a new segment. */
async function startedAgain(): Promise<void> {
  assert.equal((await fleet.spl('fleet', 'stop', '--all')).code, 0);
  await fleet.startFleet(2);
}

/** Leaves one subtask done, and another one handed back when the fleet stops. */
async function leftOpen(): Promise<void> {
  await fleet.fanOut('OPEN', [{ goal: 'be done' }, { goal: 'be handed back', run: 'sleep 60' }]);
  await fleet.joinWhen(
    'OPEN',
    'one is done, one runs',
    ({ counts }) => counts.accepted + counts.running === 2,
  );
  await fleet.joinWhen('OPEN', 'one is done', ({ counts }) => counts.accepted === 1);
}

/**
 * Keeps the parts of the coordinator's home that cannot be made again. The key was made for this and opens nothing; no
 * token is kept.
 */
async function keep(): Promise<void> {
  const from = homePaths(fleet.home);
  const to = homePaths(TARGET);
  await rm(TARGET, { recursive: true, force: true });
  await mkdir(TARGET, { recursive: true });
  await cp(from.homeJson, to.homeJson);
  await cp(from.keysDir, to.keysDir, { recursive: true });
  await mkdir(to.logDir);
  for (const name of await readdir(from.logDir))
    if (name.endsWith('.seg')) await cp(join(from.logDir, name), join(to.logDir, name));
}
