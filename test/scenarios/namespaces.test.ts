import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { ACTOR, scenario, type Scenario } from '../harness/fleet.ts';
import { shows, Transcript, type Posted } from './transcript.ts';

/**
 * Sets up several namespaces as a reader of the tutorial does, with records posted over the socket. The required lines
 * are written here by hand; `namespaces.txt` contains the whole output.
 */

const GOLDEN = new URL('./namespaces.txt', import.meta.url);
const STAGING = 'tutorial/web/staging';
const PROD = 'tutorial/web/prod';
const JOB = `${STAGING}/nightly`;

describe('the tutorial of several namespaces', function () {
  this.timeout(120_000);

  it(
    'builds a tree, gets refusals of missing or archived namespaces with a hint, and cleans up',
    scenario({ heartbeatSecs: 5 }, async fleet => {
      const tutorial = new Transcript(fleet, GOLDEN);
      const write = writer(tutorial);
      await build(tutorial);
      await writeInto(write);
      await archiveAndRevive(tutorial, write);
      await bound(fleet, tutorial);
      await use(tutorial);
      await replay(tutorial);
      await cleanUp(tutorial);
      await tutorial.compare();
    }),
  );
});

/** Runs until the file `go` exists. */
const WAITS = 'echo began; while [ ! -e go ]; do sleep 0.1; done';

describe('namespaces with work in them', function () {
  this.timeout(120_000);

  it(
    'run as many subtasks as their policy allows, drain when archived, and continue when active again',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.write('one.toml', '[limits]\nmax_parallel = 1\n');
      await fleet.json('namespace', 'create', 'acme', '--policy', fleet.at('one.toml'));
      await fleet.json('namespace', 'create', 'acme/web');
      await fleet.json('task', 'add', 'Held', '--alias', 'HELD', '--namespace', 'acme/web');
      const runs = ['--subtask', JSON.stringify({ goal: 'runs', run: WAITS })];
      const waits = ['--subtask', JSON.stringify({ goal: 'waits', run: 'true' })];
      await fleet.json('task', 'fan-out', 'HELD', ...runs, ...waits, ...waits);
      const begun = await fleet.joinWhen(
        'HELD',
        'the first runs',
        ({ children: [first] }) => first?.started_unix != null,
      );
      const turn = "waiting for its turn: the policy of namespace 'acme' lets 1 run at a time";
      assert.deepEqual(begun.children.slice(1).map(whyPending), [turn, turn]);
      await fleet.json('namespace', 'archive', 'acme');
      await fleet.write('go', '');
      const drained = await fleet.joinWhen(
        'HELD',
        'the first is done',
        ({ counts }) => counts.accepted === 1,
      );
      const closed = "namespace 'acme' is archived; make it active again with: spl namespace create acme";
      assert.deepEqual(drained.children.slice(1).map(whyPending), [closed, closed]);
      const refused = await fleet.refused(4, 'task', 'add', 'x', '--namespace', 'acme/web');
      assert.deepEqual(
        [refused.code, refused.message],
        ['NAMESPACE_REJECTED', "namespace 'acme/web' is rejected: 'acme' is archived"],
      );
      // The freeze outlives the coordinator: the next one keeps waiting subtasks blocked as well.
      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.startFleet(2);
      assert.deepEqual((await fleet.join('HELD')).children.slice(1).map(whyPending), [closed, closed]);
      await fleet.json('namespace', 'create', 'acme');
      assert.equal((await fleet.joined('HELD')).outcome, 'satisfied');
    }),
  );
});

const whyPending = ({ state, reason }: ChildDocument): string | null =>
  state === 'pending' ? reason : state;

type Write = (namespace: string, note: string) => Promise<Posted>;

/** Posts observations, each on the thread of its namespace. A clock rises with each accepted record. */
function writer(tutorial: Transcript): Write {
  const clocks = new Map<string, number>();
  return async (namespace, note) => {
    const thread = `th_${namespace.replaceAll('/', '-')}`;
    const clock = clocks.get(thread) ?? 0;
    const body = { namespace, note };
    const posted = await tutorial.post({
      ...{ act: 'KNOW', actor: ACTOR, thread, clock, data_type: 'SCALAR', body },
    });
    if (posted.status < 300) clocks.set(thread, clock + 1);
    return posted;
  };
}

function letIn({ status, answer }: Posted): void {
  assert.equal(status, 200, JSON.stringify(answer));
  assert.equal(answer['object'], 'record');
}

function rejected({ status, answer }: Posted, claimed: string, failing: string, wayOut: string): void {
  const { object, code, message, hint } = answer as Record<string, string>;
  assert.deepEqual([status, object, code], [403, 'error', 'NAMESPACE_REJECTED']);
  assert.ok(message!.includes(`'${claimed}'`) && message!.includes(`'${failing}'`), message);
  assert.ok(hint!.endsWith(wayOut), hint);
}

async function build(tutorial: Transcript): Promise<void> {
  await tutorial.type('fleet', 'start', '--workers', '1');
  shows(await tutorial.type('namespace', 'list'), [
    'ID STATUS LEVEL DESCRIPTION',
    'default active DEFAULT',
    '0 explicit + 1 implicit (default)',
  ]);
  shows(await tutorial.refused(4, 'namespace', 'create', STAGING), [
    "error: parent namespace 'tutorial/web' does not exist or is not active",
    '  → Create the parent first: spl namespace create tutorial/web',
  ]);
  const words = ['namespace', 'create'];
  shows(await tutorial.type(...words, 'tutorial', '--description', 'Where we learn'), [
    "✓ namespace 'tutorial' → active",
  ]);
  for (const id of ['tutorial/web', STAGING, PROD, JOB])
    shows(await tutorial.type(...words, id), [`✓ namespace '${id}' → active`]);
  shows(await tutorial.type('namespace', 'list'), [
    'default active DEFAULT',
    'tutorial active ORG Where we learn',
    'tutorial/web active PROJECT',
    `${PROD} active ENV`,
    `${STAGING} active ENV`,
    `${JOB} active JOB`,
    '5 explicit + 1 implicit (default)',
  ]);
  shows(await tutorial.type('namespace', 'show', STAGING), [
    `  ✓ ${STAGING}`,
    '  ✓ tutorial/web',
    '  ✓ tutorial',
    '  ✓ default',
  ]);
  await tutorial.refused(4, 'namespace', 'create', `${JOB}/deeper`);
  await tutorial.refused(4, 'namespace', 'archive', 'default');
}

async function writeInto(write: Write): Promise<void> {
  for (const namespace of [STAGING, PROD, JOB]) letIn(await write(namespace, 'deployed'));
  rejected(await write('nowhere', 'lost'), 'nowhere', 'nowhere', 'spl namespace create nowhere');
  const dev = 'tutorial/web/dev';
  rejected(await write(dev, 'early'), dev, dev, `spl namespace create ${dev}`);
}

async function archiveAndRevive(tutorial: Transcript, write: Write): Promise<void> {
  shows(await tutorial.type('namespace', 'archive', STAGING), [`✓ namespace '${STAGING}' → archived`]);
  shows(await tutorial.type('namespace', 'list'), [
    `${PROD} active ENV`,
    `${STAGING} archived ENV`,
    `${JOB} archived JOB`,
  ]);
  shows(await tutorial.type('namespace', 'show', JOB), [`  ✓ ${JOB}`, `  ✗ ${STAGING}`, '  ✓ default']);
  const wayOut = `spl namespace create ${STAGING}`;
  rejected(await write(STAGING, 'too late'), STAGING, STAGING, wayOut);
  rejected(await write(JOB, 'too late'), JOB, STAGING, wayOut);
  letIn(await write(PROD, 'not touched by it'));
  shows(await tutorial.type('namespace', 'create', STAGING), [`✓ namespace '${STAGING}' → active`]);
  for (const namespace of [STAGING, JOB]) letIn(await write(namespace, 'back again'));
}

async function bound(fleet: Scenario, tutorial: Transcript): Promise<void> {
  await fleet.write('tutorial.toml', '[deny]\nexecutors = ["shell"]\n[limits]\nmax_children = 3\n');
  await fleet.write('web.json', '{"limits": {"max_children": 2, "timeout_secs": 60}}');
  await tutorial.type('namespace', 'create', 'tutorial', '--policy', fleet.at('tutorial.toml'));
  await tutorial.type('namespace', 'create', 'tutorial/web', '--policy', fleet.at('web.json'));
  shows(await tutorial.type('namespace', 'resolve', PROD), [
    `Effective policy of ${PROD}`,
    '  max_children: 2 subtasks of a fan-out (tutorial/web)',
    '  timeout_secs: 60s for a subtask (tutorial/web)',
    '  denied executors: shell (tutorial)',
  ]);
  await tutorial.type('task', 'add', 'Roll it out', '--alias', 'ROLL-1', '--namespace', PROD);
  const fanOut = ['task', 'fan-out', 'ROLL-1'];
  const many = ['a', 'b', 'c'].flatMap(goal => ['--subtask', `goal=${goal}`]);
  shows(await tutorial.refused(4, ...fanOut, ...many), [
    `error: namespace '${PROD}' is rejected: the policy of 'tutorial/web' lets a fan-out have at most 2 subtasks, and these are 3 (max_children)`,
  ]);
  shows(await tutorial.refused(4, ...fanOut, '--subtask', 'goal=a,run=true'), [
    `error: namespace '${PROD}' is rejected: the policy of 'tutorial' denies executor 'shell' of subtask 0 (executors)`,
  ]);
  await tutorial.type('task', 'cancel', 'ROLL-1');
}

async function use(tutorial: Transcript): Promise<void> {
  await tutorial.type('namespace', 'use', PROD);
  shows(await tutorial.type('namespace', 'show'), [PROD, '  Status: active']);
  await tutorial.type('task', 'add', 'Watch it', '--alias', 'WATCH-1');
  shows(await tutorial.type('task', 'show', 'WATCH-1'), [`  Namespace: ${PROD}`]);
  await tutorial.type('namespace', 'use', 'default');
}

async function replay(tutorial: Transcript): Promise<void> {
  for (const [thread, count] of [
    ['th_tutorial-web-staging', 2],
    ['th_tutorial-web-prod', 2],
  ] as const)
    shows(await tutorial.type('debug', 'replay', thread), [
      'CLOCK ACT ACTOR STATUS BODY',
      `0 KNOW ${ACTOR} ‹text›`,
      `1 KNOW ${ACTOR} ‹text›`,
      `final status: ‹text› · ${count} records`,
    ]);
}

async function cleanUp(tutorial: Transcript): Promise<void> {
  shows(await tutorial.refused(4, 'namespace', 'delete', 'tutorial'), [
    "error: namespace 'tutorial' can't be deleted: 4 below it are active, as 'tutorial/web' is",
  ]);
  shows(await tutorial.refused(4, 'namespace', 'delete', PROD), [
    `error: namespace '${PROD}' can't be deleted: a task in it is not finished, as 'WATCH-1' is not`,
  ]);
  await tutorial.type('task', 'cancel', 'WATCH-1');
  for (const id of [JOB, STAGING, PROD, 'tutorial/web', 'tutorial'])
    shows(await tutorial.type('namespace', 'delete', id), [`✓ namespace '${id}' → archived`]);
  shows(await tutorial.type('namespace', 'list'), [
    'default active DEFAULT',
    '0 explicit + 1 implicit (default)',
  ]);
  shows(await tutorial.type('namespace', 'list', '--all'), ['tutorial deleted ORG', `${JOB} deleted JOB`]);
  await tutorial.type('fleet', 'stop', '--all');
}
