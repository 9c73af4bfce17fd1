import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import type { CallContext } from '../../engine/contract/engine.ts';
import { BARE_TASK } from '../../engine/contract/testing/requests.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { ACTOR, Scenario } from '../harness/fleet.ts';
import { answersOf, copyHome, placesOf, wordsOfWorker, writtenAnswers, type Answer } from './recorded.ts';

/**
 * Records the homes in `every-topic/`: a fleet of this version writes a record of each topic, and the answers about it are
 * kept beside its log. The homes stay as they are; a version that writes other records gets a recording of its own, made
 * with a name as its argument:
 *
 *     npm run build && npx tsx test/compat/record.ts every-topic
 *
 * Read what it changed in `answers.ndjson` before it is committed: later versions have to answer the same for ever.
 */

const [name] = process.argv.slice(2);
assert.ok(name, 'name the recording');
const target = placesOf(name);
const FAR_FUTURE_UNIX = 4_102_444_800;
/** The second home. One of its threads is restored in the first. */
const OTHER = fileURLToPath(new URL('./v1/home', import.meta.url));
const AGENT = fileURLToPath(
  new URL('../../engine/runtime/executors/agent/testing/agent.mjs', import.meta.url),
);
const agent = (...words: readonly string[]): string => JSON.stringify([process.execPath, AGENT, ...words]);
const SHORT_OF_QUOTA = JSON.stringify([
  ...['/bin/sh', '-c'],
  `if [ "$SPL_ATTEMPT" != 1 ]; then exec "$@" good; fi; echo 'Error: rate limit reached, try again in 1s'; exit 1`,
  ...['sh', process.execPath, AGENT, 'codex'],
]);
const TELL = { goal: 'tell', run: 'echo told' };

const fleet = await Scenario.make({
  echoMs: 20,
  heartbeatSecs: 5,
  fleet: [
    ...['[agents.writer]', `command = ${agent('claude', 'good')}`, 'output = "claude"'],
    ...['[agents.asker]', `command = ${agent('claude', 'denied')}`, 'output = "claude"'],
    ...['[agents.short]', `command = ${SHORT_OF_QUOTA}`, 'output = "codex"'],
  ],
});
try {
  await fleet.json('fleet', 'start', '--workers', '2', '--executor', 'shell');
  await namespacesWithPolicies();
  await rulesOfPermission();
  await joinsOfEachKind();
  await followUps();
  await matrixOverResult();
  await retriedIntoRoundTwo();
  await cancelled();
  await agentsWithCosts();
  await quotaThatComesBack();
  await serialBaseline();
  await runsAndArchive();
  await tasksWithVerbs();
  await tasksThatWait();
  await commandsWithKeys();
  await handedBack();
  await workerThatDies();
  await freezes();
  await fleet.checkLaws();
  // The laws are checked before: they apply only to what happened here.
  await historyOfAnotherHome();
  await stopAll();
  // With a checkpoint, the next coordinator would not read the whole log.
  await rm(homePaths(fleet.home).indexDir, { recursive: true });
  await fleet.startFleet(0);
  const answers = await answersOf(fleet.client);
  await stopAll();
  await keep(answers);
} finally {
  await fleet[Symbol.asyncDispose]();
}

async function namespacesWithPolicies(): Promise<void> {
  await fleet.write(
    'policy.toml',
    ['[limits]', 'max_children = 10', 'timeout_secs = 60', '[deny]', 'executors = ["agent:asker"]'].join(
      '\n',
    ),
  );
  await fleet.json(
    'namespace',
    'create',
    'shop',
    '--description',
    'The shop',
    '--policy',
    fleet.at('policy.toml'),
  );
  await fleet.json('namespace', 'create', 'shop/web');
  await fleet.json('task', 'add', 'sell', '--alias', 'SHOP', '--namespace', 'shop/web', '--dir', fleet.cwd);
  const subtask = 'goal=sell,executor=agent:writer,isolation=folder';
  await fleet.json('task', 'fan-out', 'SHOP', '--subtask', subtask, '--wait');
  for (const each of ['attic', 'cellar']) await fleet.json('namespace', 'create', each);
  await fleet.json('namespace', 'archive', 'attic');
  await fleet.json('namespace', 'delete', 'cellar');
}

async function rulesOfPermission(): Promise<void> {
  await fleet.json('rule', 'add', 'no-secrets', 'has(record.body.secret)');
  await fleet.json('rule', 'add', 'passing', 'true', '--effect', 'allow');
  await fleet.json('rule', 'remove', 'passing');
}

async function joinsOfEachKind(): Promise<void> {
  await ended('JOIN-ALL', [TELL, { ...TELL, name: 'named', env: { WORD: 'told' }, run: 'echo $WORD' }]);
  await ended('JOIN-ANY', [TELL, { goal: 'fail', run: 'echo no; exit 3' }], 'any');
  await ended('JOIN-K', [TELL, TELL, { goal: 'lose', run: 'sleep 60' }], 'k_of_n:2', 'cancel');
  await ended(
    'JOIN-CEL',
    [TELL, { goal: 'time out', run: 'sleep 60', timeout_secs: 0.3 }],
    'accepted == 1 && failed == 1',
  );
}

/** Makes a subtask that fails, its dependants, and a follow-up of each kind. */
async function followUps(): Promise<void> {
  await ended('FOLLOWED', [
    { goal: 'build', name: 'build', run: 'echo broken; exit 1' },
    { goal: 'ship', depends_on: ['build'], run: 'true' },
    { goal: 'mend', depends_on: ['build'], when: 'failed', run: 'echo mended' },
    { goal: 'tidy', depends_on: ['build'], when: 'always', run: 'echo tidied' },
  ]);
  await ended('UNNEEDED', [
    { ...TELL, name: 'tell' },
    { goal: 'mend', depends_on: ['tell'], when: 'failed', run: 'echo mended' },
  ]);
}

/** Makes subtasks that are known only when another has ended. */
async function matrixOverResult(): Promise<void> {
  await ended('MATRIX', [
    { goal: 'list', name: 'list', run: `echo 'words=["one","two"]' > "$SPL_RESULTS"` },
    {
      goal: 'say ${{ matrix.words }}',
      name: 'say-${{ matrix.words }}',
      matrix: { words: '${{ subtasks.list.results.words }}' },
      depends_on: ['list'],
      run: 'echo told',
    },
  ]);
}

async function retriedIntoRoundTwo(): Promise<void> {
  await ended('RETRIED', [TELL, { goal: 'test', name: 'test', run: 'test -e mended && echo passed' }]);
  await fleet.write('mended', '');
  await fleet.json('task', 'retry', 'RETRIED', '--subtask', 'test', '--hint', 'it is mended', '--wait');
}

async function cancelled(): Promise<void> {
  await fleet.fanOut('CANCELLED', [TELL, { goal: 'run on', run: 'sleep 60' }]);
  await fleet.countsWhen('CANCELLED', 'one runs on', ({ counts }) => counts.accepted + counts.running === 2);
  await fleet.countsWhen('CANCELLED', 'one is done', ({ counts }) => counts.accepted === 1);
  await fleet.json('task', 'cancel', 'CANCELLED', '--reason', 'enough');
  await over('CANCELLED');
}

/** Makes two agents: one accepts and reports its cost, the other waits for an answer for ever. */
async function agentsWithCosts(): Promise<void> {
  const writer = { executor: 'agent:writer', isolation: 'folder', budget_usd: 1 };
  const asker = { executor: 'agent:asker', isolation: 'folder' };
  const subtasks = [
    { goal: 'write', ...writer },
    { goal: 'ask', ...asker },
  ];
  await fleet.fanOut('AGENTS', subtasks, { join: 'any' });
  const isOver = ({ complete, counts }: JoinStatus): boolean => complete && counts.running === 0;
  await fleet.countsWhen(
    'AGENTS',
    'one wrote, and one asks',
    join => isOver(join) && join.counts.pending === 1,
  );
}

async function quotaThatComesBack(): Promise<void> {
  await ended('QUOTA', [{ goal: 'go on', executor: 'agent:short', isolation: 'folder' }]);
}

async function serialBaseline(): Promise<void> {
  await ended('PARALLEL', [TELL, TELL]);
  await fleet.json('task', 'run-serial', 'PARALLEL', '--worker', 'worker-b', '--wait');
}

async function runsAndArchive(): Promise<void> {
  await fleet.fanOut('NAMED', [TELL], { run: 'release' });
  await over('NAMED');
  await fleet.json('rerun', 'release');
  await ended('PUT-AWAY', [TELL]);
  await fleet.json('archive', 'PUT-AWAY', 'release#1');
  await fleet.json('archive', '--undo', 'release#1');
}

/** Makes a task for each verb, with the verb as its name. */
async function tasksWithVerbs(): Promise<void> {
  for (const alias of [
    'STARTED',
    'DONE',
    'FAILED',
    'APPROVED',
    'REJECTED',
    'BLOCKED',
    'DEFERRED',
    'REOPENED',
  ])
    await fleet.json('task', 'add', alias.toLowerCase(), '--alias', alias, '--dir', '/');
  for (const alias of ['STARTED', 'DONE', 'APPROVED', 'REJECTED']) await fleet.json('task', 'start', alias);
  for (const alias of ['DONE', 'APPROVED', 'REJECTED'])
    await fleet.json('task', 'done', alias, '--summary', 'all of it');
  const judge: CallContext = { actor: 'did:sync:user:judge' as CallContext['actor'] };
  await fleet.client.submit('task.approve', { task: 'APPROVED', reason: 'well done' }, judge);
  await fleet.client.submit('task.reject', { task: 'REJECTED', reason: 'not all of it' }, judge);
  await fleet.json('task', 'fail', 'FAILED', '--reason', 'it can not be done');
  await fleet.json('task', 'fail', 'REOPENED');
  await fleet.json('task', 'reopen', 'REOPENED', '--reason', 'another try');
  await fleet.json('task', 'block', 'BLOCKED', '--on', 'STARTED', '--reason', 'one after the other');
  const until = { task: 'DEFERRED', reason: 'not now', until_unix: FAR_FUTURE_UNIX };
  await fleet.client.submit('task.defer', until);
}

async function tasksThatWait(): Promise<void> {
  await fleet.json(
    'task',
    'add',
    'after the start',
    '--alias',
    'WAITING',
    '--depends-on',
    'STARTED',
    '--dir',
    '/',
  );
}

/** Gives a command about a task, and one about none. */
async function commandsWithKeys(): Promise<void> {
  const keyed = (idempotencyKey: string): CallContext => ({ actor: ACTOR, idempotencyKey });
  await fleet.client.submit('task.add', { ...BARE_TASK, goal: 'once', alias: 'KEYED', dir: '/' }, keyed('a'));
  await fleet.client.submit('namespace.create', { id: 'keyed', description: null }, keyed('b'));
}

/** Restores a thread of another home, and shares it with every command. */
async function historyOfAnotherHome(): Promise<void> {
  const home = fleet.at('other');
  await copyHome(OTHER, home);
  const other = (...words: readonly string[]) => fleet.splWith({ SYNCROPEL_HOME: home }, ...words);
  await writeFile(homePaths(home).configToml, '[server]\nport = 0\n', { mode: 0o600 });
  const started = await other('fleet', 'start', '--workers', '0');
  assert.equal(started.code, 0, started.err);
  const written = await other('thread', 'snapshot', 'FIRST-001', '--out', fleet.at('first.jsonl'));
  assert.equal(written.code, 0, written.err);
  assert.equal((await other('fleet', 'stop', '--all')).code, 0);
  await fleet.json('thread', 'restore', '--in', fleet.at('first.jsonl'));
  await fleet.client.submit('fleet.start', { workers: 2, executor: null, share: ['JOIN-ALL'] });
}

/** Stops a worker, which hands back its running work, so that the next one continues it. */
async function handedBack(): Promise<void> {
  await fleet.fanOut('HANDED-BACK', [{ goal: 'go on', run: 'test -e go-on || sleep 60; echo on' }]);
  await fleet.countsWhen('HANDED-BACK', 'it runs', ({ counts }) => counts.running === 1);
  await stopAll();
  await fleet.write('go-on', '');
  await fleet.startFleet(2);
  await over('HANDED-BACK');
}

/** Keeps the log of a worker during an attempt, and then kills the worker. */
async function workerThatDies(): Promise<void> {
  const once = 'if [ "$SPL_ATTEMPT" = 1 ]; then echo begun > begun; sleep 60; fi; echo again';
  await fleet.fanOut('LOST', [{ goal: 'die once', run: once, target: 'worker-b' }]);
  await fleet.text(fleet.at('begun'));
  await rm(dirname(target.home), { recursive: true, force: true });
  await keepLog(fleet.workerHome('b'), target.worker);
  await fleet.kill(await fleet.pidOf('worker-b'));
  await over('LOST');
}

/** Makes a freeze that was lifted, one that blocks a fan-out for ever, and an emergency stop that was lifted. */
async function freezes(): Promise<void> {
  await fleet.json('namespace', 'create', 'lab');
  await fleet.json('kill', '--namespace', 'lab', '--level', 'hard', '--grace', '0', '--reason', 'smoke');
  await fleet.json('unkill', '--namespace', 'lab');
  await fleet.json('kill', '--emergency', '--reason', 'fire');
  await fleet.json('unkill', '--emergency');
  await fleet.json('task', 'add', 'wait', '--alias', 'HELD', '--namespace', 'lab', '--dir', fleet.cwd);
  const first = 'goal=sweep,run=while [ ! -e swept ]; do sleep 0.02; done';
  await fleet.json(
    'task',
    'fan-out',
    'HELD',
    '--subtask',
    first,
    '--subtask',
    'goal=go on,run=true,depends=0',
  );
  await fleet.countsWhen('HELD', 'one runs', ({ counts }) => counts.running === 1);
  await fleet.json('kill', '--namespace', 'lab', '--reason', 'dust');
  await fleet.write('swept', '');
  await fleet.countsWhen('HELD', 'one is done', ({ counts }) => counts.accepted === 1);
}

async function ended(
  alias: string,
  subtasks: readonly object[],
  join = 'all',
  losers?: 'cancel',
): Promise<void> {
  await fleet.fanOut(alias, subtasks, { join, ...(losers && { losers }) });
  await over(alias);
}

async function over(alias: string): Promise<void> {
  await fleet.countsWhen(alias, 'all is over', join => join.complete && !join.under_way);
}

async function stopAll(): Promise<void> {
  assert.equal((await fleet.spl('fleet', 'stop', '--all', '--grace', '0')).code, 0);
}

/** Keeps the coordinator's home with the next coordinator's answers about it. */
async function keep(answers: readonly Answer[]): Promise<void> {
  await keepHome(fleet.home, target.home);
  await writeFile(target.answers, writtenAnswers(answers, await wordsOfWorker(target.worker)));
}

/**
 * Copies the parts of a home that cannot be made again. The key was made for this and opens nothing; no token is
 * copied.
 */
async function keepHome(home: string, kept: string): Promise<void> {
  const [from, to] = [homePaths(home), homePaths(kept)];
  await keepLog(home, kept);
  await cp(from.homeJson, to.homeJson);
  await cp(from.keysDir, to.keysDir, { recursive: true });
}

async function keepLog(home: string, kept: string): Promise<void> {
  const [from, to] = [homePaths(home).logDir, homePaths(kept).logDir];
  await mkdir(to, { recursive: true });
  for (const file of await readdir(from))
    if (file.endsWith('.seg')) await cp(join(from, file), join(to, file));
}
