import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';
import { shows, Transcript } from './transcript.ts';

/**
 * Parallel work as a developer types it: two writers and a synthesis, stopped in the middle, and a writer that gets a
 * hint. The required lines are written here by hand; `parallel-dev.txt` contains the whole output.
 */

const GOLDEN = new URL('./parallel-dev.txt', import.meta.url);
const GOALS = ['Write the first half', 'Write the second half', 'Make one text of both'];
const TARGETS = ['worker-a', 'worker-b', 'least-loaded-worker after 0, 1'];
const FROZEN = "soft freeze of 'eng/docs' — wrong style guide; undo it with: spl unkill --namespace eng/docs";

describe('the walkthrough of parallel work', function () {
  this.timeout(120_000);

  it(
    'goes from a fan-out through a freeze, its release and a retry with a hint to the join, as in the transcript',
    scenario({ heartbeatSecs: 5 }, async fleet => {
      await using first = await makePipe(fleet, 'first.go');
      await using second = await makePipe(fleet, 'second.go');
      const transcript = new Transcript(fleet, GOLDEN);
      await fanOut(fleet, transcript);
      await freeze(transcript);
      await drain(fleet, transcript, second);
      await thaw(fleet, transcript, first);
      await retry(fleet, transcript, first);
      await lookAndStop(transcript);
      await transcript.compare();
    }),
  );
});

async function fanOut(fleet: Scenario, transcript: Transcript): Promise<void> {
  await transcript.type('fleet', 'start', '--workers', '2');
  await transcript.dids();
  await transcript.type('namespace', 'create', 'eng');
  const created = await transcript.type('namespace', 'create', 'eng/docs');
  shows(created, ["✓ namespace 'eng/docs' → active"]);
  const added = await transcript.type(
    ...['task', 'add', 'Rewrite the tutorial', '--alias', 'TUT-001', '--domain', 'docs'],
    ...['--hypothesis', 'Two writers finish before one would'],
    ...['--criteria', 'Both halves are there', '--criteria', 'It reads as one text'],
  );
  shows(added, ['◇ Task created: Rewrite the tutorial', '  thread: ‹th›', '  alias:  TUT-001']);
  const fannedOut = await transcript.type(
    ...['task', 'fan-out', 'TUT-001', '--namespace', 'eng/docs'],
    // `printenv` fails until there is a hint.
    ...['--subtask', `goal=${GOALS[0]},target=worker-a,run="read go <first.go; printenv SPL_HINT"`],
    ...['--subtask', `goal=${GOALS[1]},target=worker-b,run="read go <second.go; echo written"`],
    ...['--subtask', `goal=${GOALS[2]},depends=0+1,run="echo one text"`],
  );
  shows(fannedOut, ['◇ Fan-out parent INTEND created', '  subtasks: 3', '  join:     all']);
  await fleet.joinWhen('TUT-001', 'both writers write', ({ children }) =>
    children.slice(0, 2).every(isUnderWay),
  );
  shows(await transcript.type('task', 'join-status', 'TUT-001'), [
    ...headOfJoin({ spawned: 2, completed: 0, complete: 'no' }),
    ...child(0, 'in progress (worker-a, ‹secs›)'),
    ...child(1, 'in progress (worker-b, ‹secs›)'),
    ...child(2, 'pending: waiting for subtask 0, subtask 1'),
  ]);
}

/** Throws the kill switch during a watch. */
async function freeze(transcript: Transcript): Promise<void> {
  const calm = await transcript.type('fleet', 'status');
  shows(calm, ['Fleet status', '  Active freezes:   none', '  Emergency stop:   no']);
  const kill = ['kill', '--namespace', 'eng/docs', '--reason', 'wrong style guide'];
  const throwIt = async (): Promise<void> =>
    shows(await transcript.type(...kill), ["✓ soft freeze of 'eng/docs' recorded"]);
  const watched = await transcript.follow(
    ['fleet', 'status', '--live'],
    /^· TUT-001 0 \/ 3 completed/,
    throwIt,
    /^⚠ /,
  );
  shows(watched, [
    'Fleet status',
    '· TUT-001 0 / 3 completed: 2 running, 1 pending',
    '⚠ [soft] eng/docs — wrong style guide',
  ]);
  // Either of the two may begin first.
  shows(watched, [`→ TUT-001 [0] ${GOALS[0]} runs on worker-a`]);
  shows(watched, [`→ TUT-001 [1] ${GOALS[1]} runs on worker-b`]);
  shows(await transcript.type('fleet', 'status'), [
    '  Active freezes:   1',
    '  [soft] eng/docs — wrong style guide',
  ]);
}

/** Ends the second subtask during the freeze, and checks that waiting subtasks report the reason. */
async function drain(fleet: Scenario, transcript: Transcript, second: Pipe): Promise<void> {
  await second.write('go\n');
  await fleet.joinWhen('TUT-001', 'the second has drained', ({ counts }) => counts.accepted === 1);
  shows(await transcript.type('task', 'join-status', 'TUT-001'), [
    ...headOfJoin({ spawned: 2, completed: 1, complete: 'no' }),
    ...child(0, 'in progress (worker-a, ‹secs›)'),
    ...child(1, 'accept ($0.00, ‹secs›)'),
    ...child(2, `pending: ${FROZEN}`),
  ]);
}

async function thaw(fleet: Scenario, transcript: Transcript, first: Pipe): Promise<void> {
  const thawed = await transcript.type('unkill', '--namespace', 'eng/docs');
  shows(thawed, ["✓ unfreeze of 'eng/docs' recorded"]);
  await first.write('go\n');
  await fleet.joined('TUT-001');
  shows(await transcript.type('task', 'join-status', 'TUT-001'), [
    ...headOfJoin({ spawned: 2, completed: 3, complete: 'yes' }),
    '  Outcome:  unsatisfiable — ‹text›',
    ...child(0, 'failed ($0.00, ‹secs›) — ‹text›'),
    ...child(1, 'accept ($0.00, ‹secs›)'),
    ...child(2, 'cancelled ($0.00, ‹secs›) — ‹text›'),
  ]);
}

async function retry(fleet: Scenario, transcript: Transcript, first: Pipe): Promise<void> {
  const hint = ['--hint', 'write in short sentences'];
  const retried = await transcript.type('task', 'retry', 'TUT-001', '--subtask', '0', ...hint);
  shows(retried, ['◇ Retry of subtask 0 recorded', '  round:  2']);
  await fleet.joinWhen('TUT-001', 'the first writes again', ({ children }) => isUnderWay(children[0]!));
  const watch = ['task', 'join-status', 'TUT-001', '--watch'];
  const watched = await transcript.follow(watch, /^→ \[0\]/, () => first.write('go\n'));
  shows(watched, [
    ...headOfJoin({ spawned: 3, completed: 3, complete: 'yes' }),
    '  Outcome:  satisfied — 3 of 3 accepted',
    ...child(0, 'accept ($0.00, ‹secs›), attempt 2'),
    ...child(1, 'accept ($0.00, ‹secs›)'),
    ...child(2, 'accept ($0.00, ‹secs›)'),
  ]);
  const output = await transcript.type('task', 'output', 'TUT-001', '--subtask', '0');
  assert.equal(output, 'write in short sentences\n');
}

async function lookAndStop(transcript: Transcript): Promise<void> {
  shows(await transcript.type('task', 'show', 'TUT-001'), [
    'TUT-001 · approved',
    'Evaluation',
    '  Hypothesis:    Two writers finish before one would',
    '  Criterion 1:   Both halves are there',
    '  Criterion 2:   It reads as one text',
    '  Verdict:       approved by its join at ‹time›',
    '  Join:          satisfied: 3 accepted',
  ]);
  shows(await transcript.type('fleet', 'stop'), [
    '✓ worker-a stopped (drained)',
    '✓ worker-b stopped (drained)',
  ]);
  shows(await transcript.type('fleet', 'list'), ['1 live · 0 stale · 0 archived']);
}

const isUnderWay = ({ state, started_unix }: ChildDocument): boolean =>
  state === 'running' && started_unix !== null;

function headOfJoin({
  spawned,
  completed,
  complete,
}: {
  spawned: number;
  completed: number;
  complete: 'yes' | 'no';
}): string[] {
  return [
    'Fan-out join status: ‹th›',
    '  Subtasks:        3',
    `  Spawned:         ${spawned} / 3`,
    `  Completed:       ${completed} / 3`,
    '  Join predicate:  all',
    `  Join complete:   ${complete}`,
  ];
}

const child = (index: number, state: string): string[] => [
  `    [${index}] ${GOALS[index]} → ${TARGETS[index]}`,
  `        ${state}`,
];

interface Pipe extends AsyncDisposable {
  write(text: string): Promise<unknown>;
}

/** Makes a named pipe in the subtasks' folder. A reader waits until something is written. */
async function makePipe(fleet: Scenario, name: string): Promise<Pipe> {
  execFileSync('mkfifo', [fleet.at(name)]);
  // Opened for reading and writing, which does not wait for a reader.
  const handle = await open(fleet.at(name), 'r+');
  return { write: text => handle.write(text), [Symbol.asyncDispose]: () => handle.close() };
}
