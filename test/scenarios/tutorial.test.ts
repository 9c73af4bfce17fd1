import { describe, it } from 'mocha';
import { scenario } from '../harness/fleet.ts';
import { shows, Transcript } from './transcript.ts';

/**
 * The tutorial as a reader types it, with a process for each command. The required lines are written here by hand;
 * `tutorial.txt` contains the whole output.
 */

const GOLDEN = new URL('./tutorial.txt', import.meta.url);

describe('the tutorial', function () {
  this.timeout(120_000);

  it(
    'shows the lines of the tutorial, and the output in the transcript',
    scenario({ heartbeatSecs: 5, env: { SPL_ECHO_MS: undefined } }, async fleet => {
      const tutorial = new Transcript(fleet, GOLDEN, true);
      await startAndList(tutorial);
      await fanOutAndJoin(tutorial);
      await speedup(tutorial);
      await lookBack(tutorial);
      await tutorial.compare();
    }),
  );
});

async function startAndList(tutorial: Transcript): Promise<void> {
  const started = await tutorial.type('fleet', 'start', '--workers', '2');
  shows(started, [
    'Starting local fleet: 1 coordinator + 2 workers',
    '  [coordinator] spawned PID ‹n› on :‹n› (home=‹path›/h)',
    '  [worker-a]    spawned PID ‹n› on :‹n› (home=‹path›/h-worker-a)',
    '  [worker-b]    spawned PID ‹n› on :‹n› (home=‹path›/h-worker-b)',
    'fleet converged',
    '  coordinator ‹did› on :‹n›',
    '  worker-a    ‹did› on :‹n›',
    '  worker-b    ‹did› on :‹n›',
  ]);
  const listed = await tutorial.type('fleet', 'list');
  shows(listed, [
    'DID ENDPOINT STATUS VERSION UPTIME HEALTH ALIAS LOAD',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  coordinator  –',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  worker-a  0/1',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  worker-b  0/1',
    '3 live · 0 stale · 0 archived',
  ]);
  const { a } = await tutorial.dids();
  shows(await tutorial.type('fleet', 'ping', a), ['✓ ‹did› reachable in ‹n›ms (200 OK)']);
}

async function fanOutAndJoin(tutorial: Transcript): Promise<void> {
  const { a, b } = await tutorial.dids();
  const added = await tutorial.type('task', 'add', 'My first fan-out', '--alias', 'FIRST-001');
  shows(added, ['◇ Task created: My first fan-out', '  thread: ‹th›', '  alias:  FIRST-001']);
  const begun = performance.now();
  const fannedOut = await tutorial.type(
    ...['task', 'fan-out', 'FIRST-001'],
    ...['--subtask', `goal=Say hello from worker A,target=specific:${a}`],
    ...['--subtask', `goal=Say hello from worker B,target=specific:${b}`],
    ...['--join', 'all'],
  );
  shows(fannedOut, [
    '◇ Fan-out parent INTEND created',
    '  thread:   ‹th›',
    '  record:   ‹id›',
    '  subtasks: 2',
    '  join:     all',
  ]);
  const underWay = await tutorial.look(begun, 'task', 'join-status', 'FIRST-001');
  if (underWay !== null) {
    shows(underWay, [
      ...headOfJoin(0, 'no'),
      '  Per-subtask:',
      `    [0] Say hello from worker A → specific:${a}`,
      '        in progress (worker-a, ‹secs›)',
      `    [1] Say hello from worker B → specific:${b}`,
      '        in progress (worker-b, ‹secs›)',
    ]);
  }
  const joined = [
    ...headOfJoin(2, 'yes'),
    '  Per-subtask:',
    `    [0] Say hello from worker A → specific:${a}`,
    '        accept ($0.00, ‹one›s)',
    `    [1] Say hello from worker B → specific:${b}`,
    '        accept ($0.00, ‹one›s)',
  ];
  shows(await tutorial.type('task', 'join-status', 'FIRST-001', '--watch'), joined);
  shows(await tutorial.type('task', 'join-status', 'FIRST-001'), joined);
}

async function speedup(tutorial: Transcript): Promise<void> {
  const report = [
    'Fan-out speedup report: ‹th›',
    '  Parallel run:',
    '    subtasks:          2',
    '    per-subtask walls: [‹one›, ‹one›]',
    '    parallel wall:     ‹one›s  (critical path = max)',
    '    measured wall:     ‹secs›',
    '    total cost:        $0.0000',
    '  Weak estimate (single-run, sanity check only):',
    '    serial estimate:   ‹two›s (sum of subtask walls)',
    '    estimated speedup: ‹twice›×',
    '    caveat: ‹text›',
  ];
  shows(await tutorial.type('task', 'speedup', 'FIRST-001'), report);
  const serial = await tutorial.type(
    ...['task', 'run-serial', 'FIRST-001', '--worker', 'worker-a', '--wait'],
  );
  shows(serial, ['◇ Fan-out parent INTEND created', '  Join complete:   yes']);
  const thread = /thread: +(th_\w+)/.exec(serial)?.[1] ?? '';
  shows(await tutorial.type('task', 'speedup', 'FIRST-001', '--vs-serial', thread), [
    ...report,
    '  Measured against a serial run:',
    `    serial thread:     ${thread}`,
    '    serial wall:       ‹secs›',
    '    speedup:           ‹ratio›×  (serial wall ÷ measured wall)',
    '    ceiling:           ‹ratio›×  (serial wall ÷ critical path)',
    '    efficiency:        ‹n›%  (speedup ÷ 2 slots)',
    '    cost ratio:        –',
    '    overhead:          ‹secs›  (measured wall − critical path)',
  ]);
}

async function lookBack(tutorial: Transcript): Promise<void> {
  shows(await tutorial.type('debug', 'replay', 'FIRST-001'), [
    'CLOCK ACT ACTOR STATUS BODY',
    '0 INTEND did:sync:user:tester → inbox ‹text›',
    '1 INTEND did:sync:user:tester → active ‹text›',
    '‹n› KNOW ‹did› → approved ‹text›',
    'final status: approved · 7 records',
  ]);
  shows(await tutorial.type('task', 'list', '--all'), [
    'ALIAS STATUS PRIORITY SUBTASKS GOAL',
    'FIRST-001 approved medium 2/2 My first fan-out',
    'FIRST-001-serial approved medium 2/2 My first fan-out',
  ]);
  shows(await tutorial.type('fleet', 'stop', '--all'), [
    '✓ worker-a stopped (drained)',
    '✓ worker-b stopped (drained)',
    '✓ coordinator stopped',
  ]);
}

function headOfJoin(completed: number, complete: 'yes' | 'no'): string[] {
  return [
    'Fan-out join status: ‹th›',
    '  Subtasks:        2',
    '  Spawned:         2 / 2',
    `  Completed:       ${completed} / 2`,
    '  Join predicate:  all',
    `  Join complete:   ${complete}`,
  ];
}
