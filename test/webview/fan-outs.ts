import type { ChildDocument, JoinStatus, SpeedupDocument } from '../../engine/contract/documents.ts';
import { FanOutModel } from '../../webview/model/fan-out.ts';
import { childRow, joinRow } from '../../webview/protocol.ts';

/** Fan-outs as an engine returns them, for the view. */

/** The time at which the fan-outs were opened, in unix seconds. */
export const OPENED = 1_750_000_000;

export function child(index: number, told: Partial<ChildDocument> = {}): ChildDocument {
  const started = told.started_unix ?? null;
  const wall = told.wall_time_secs ?? 0;
  return {
    index,
    name: null,
    goal: `Subtask ${index}`,
    target: 'least-loaded-worker',
    thread: `th_child_${index}`,
    worker: null,
    worker_did: null,
    state: 'pending',
    verdict: null,
    reason: null,
    cost_usd: 0,
    wall_time_secs: wall,
    started_unix: null,
    ended_unix: told.state === 'done' && started !== null ? started + wall : null,
    exit_code: null,
    signal: null,
    summary: null,
    attempt: told.state === undefined || told.state === 'pending' ? 0 : 1,
    depends_on: [],
    when: 'accepted',
    executor: 'shell',
    stalled_secs: null,
    earlier_attempts: [],
    after_join: false,
    left_group: [],
    tokens: 0,
    work: null,
    ...told,
  };
}

type Verdict = NonNullable<ChildDocument['verdict']>;

/** Returns an ended attempt. `from` and `secs` are in seconds after the opening. */
export function ended(
  index: number,
  worker: string,
  [from, secs]: readonly [number, number],
  verdict: Verdict = 'accept',
  told: Partial<ChildDocument> = {},
): ChildDocument {
  return child(index, {
    worker,
    state: 'done',
    verdict,
    started_unix: OPENED + from,
    ended_unix: OPENED + from + secs,
    wall_time_secs: secs,
    ...told,
  });
}

export function runningSince(
  index: number,
  worker: string,
  from: number,
  told: Partial<ChildDocument> = {},
): ChildDocument {
  return child(index, { worker, state: 'running', started_unix: OPENED + from, ...told });
}

const COUNTED = {
  accept: 'accepted',
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timed_out',
  cancelled: 'cancelled',
  skipped: 'cancelled',
} as const;

export function statusOf(children: readonly ChildDocument[], told: Partial<JoinStatus> = {}): JoinStatus {
  const counts = { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 };
  for (const { state, verdict } of children) {
    if (state === 'done') counts[COUNTED[verdict!]] += 1;
    else counts[state] += 1;
  }
  return {
    thread: 'th_build',
    alias: 'BUILD-042',
    round: 1,
    subtasks: children.length,
    follow_ups: 0,
    under_way: children.some(({ state }) => state !== 'done'),
    spawned: children.filter(({ state }) => state !== 'pending').length,
    completed: children.filter(({ state }) => state === 'done').length,
    predicate: 'all',
    complete: false,
    outcome: null,
    reason: null,
    opened_unix: OPENED,
    joined_unix: null,
    counts,
    census: told.complete === true ? counts : null,
    budget: null,
    echo: null,
    losers: 'keep',
    children: [],
    ...told,
  };
}

export function speedup(told: Partial<SpeedupDocument> = {}): SpeedupDocument {
  return {
    thread: 'th_build',
    alias: 'BUILD-042',
    subtasks: 8,
    walls_secs: [],
    parallel_wall_secs: 9.1,
    critical_path_secs: 9.1,
    critical_path: [],
    measured_wall_secs: 9.6,
    total_cost_usd: 0.0421,
    slots_used: 4,
    extra_attempts: [],
    extra_cost_usd: 0,
    echo: null,
    weak: {
      serial_estimate_secs: 27.4,
      speedup: 3.01,
      caveat:
        'subtasks shared the machine, and their walls include neither waiting nor overhead of the fleet; for a measurement, spl task run-serial BUILD-042, and pass --vs-serial',
    },
    measured: null,
    notes: [],
    ...told,
  };
}

export interface Story {
  readonly goal: string;
  /** The time of the message, in seconds after the opening. */
  readonly at: number;
  readonly status: JoinStatus;
  readonly children: readonly ChildDocument[];
  readonly speedup: SpeedupDocument;
}

/** Returns the model of a fan-out for a view. */
export function modelOf({ status, children }: Pick<Story, 'status' | 'children'>): FanOutModel {
  const model = new FanOutModel();
  model.apply({ join: joinRow(status), children: children.map(childRow), reset: true });
  return model;
}

const GOAL = 'Build, lint and test every package on both platforms';

/** Returns a fan-out under way, with a failed attempt that is repeated, and a waiting subtask. */
export function underWay(): Story {
  const lost = {
    attempt: 1,
    worker: 'worker-b',
    verdict: 'failed',
    reason: 'worker lost: worker-b ended while it ran this',
    cost_usd: 0.0012,
    tokens: 0,
    work: null,
    wall_time_secs: 1.4,
    started_unix: OPENED + 0.4,
    ended_unix: OPENED + 1.8,
  };
  const children = [
    ended(0, 'worker-a', [0.2, 3.1], 'accept', { name: 'install', cost_usd: 0.004, exit_code: 0 }),
    ended(1, 'worker-a', [0.2, 2.2], 'accept', { name: 'lint', cost_usd: 0.002 }),
    runningSince(2, 'worker-a', 2.6, {
      name: 'types',
      depends_on: [0],
      attempt: 2,
      earlier_attempts: [lost],
    }),
    ended(3, 'worker-b', [2.2, 2.4], 'failed', {
      name: 'unit tests: engine',
      reason: 'exited with 1: 3 failing',
      exit_code: 1,
      cost_usd: 0.003,
      summary: '  3 failing\n\n  1) log recovers from a torn frame',
    }),
    ended(4, 'worker-b', [0.3, 1.6], 'reject', {
      name: 'licence check',
      reason: 'rejected by the policy: GPL found',
    }),
    runningSince(5, 'worker-b', 4.8, { name: 'unit tests: extension' }),
    ended(6, 'worker-c', [0.3, 4.0], 'timeout', { name: 'docs', reason: 'ran longer than 4s' }),
    runningSince(7, 'worker-c', 4.4, { name: 'bundle' }),
    child(8, { name: 'package', reason: 'waiting for types, bundle', depends_on: [2, 7] }),
    child(9, { name: 'smoke test', reason: 'waiting for package', depends_on: [8] }),
  ];
  const status = statusOf(children, {
    predicate: 'k_of_n:6',
    losers: 'drain',
    reason: '2 of 10 accepted, needs 4 more of 3 running, 2 pending',
  });
  return { goal: GOAL, at: 6.2, status, children, speedup: speedup({ measured_wall_secs: null }) };
}

/** Returns a joined fan-out: all accepted, and measured against a serial run. */
export function satisfied(): Story {
  const children = [
    ended(0, 'worker-a', [0.2, 3.1], 'accept', { name: 'install', cost_usd: 0.004 }),
    ended(1, 'worker-b', [0.2, 2.2], 'accept', { name: 'lint', cost_usd: 0.002 }),
    ended(2, 'worker-a', [3.3, 2.9], 'accept', { name: 'types', depends_on: [0], cost_usd: 0.003 }),
    ended(3, 'worker-b', [2.5, 3.4], 'accept', { name: 'unit tests', cost_usd: 0.01 }),
    ended(4, 'worker-c', [0.3, 1.6], 'accept', { name: 'licence check' }),
    ended(5, 'worker-c', [2.0, 2.6], 'accept', { name: 'docs' }),
    ended(6, 'worker-a', [6.3, 2.8], 'accept', { name: 'bundle', depends_on: [2], cost_usd: 0.006 }),
    ended(7, 'worker-c', [4.8, 5.1], 'cancelled', {
      name: 'soak',
      after_join: true,
      reason: 'the join was satisfied (losers: drain)',
    }),
  ];
  const status = statusOf(children, {
    complete: true,
    outcome: 'satisfied',
    predicate: 'k_of_n:7',
    losers: 'drain',
    reason: '7 of 8 accepted, needed 7',
    joined_unix: OPENED + 9.2,
  });
  const measured = {
    serial_thread: 'th_serial',
    serial_wall_secs: 21.9,
    speedup: 2.38,
    efficiency: 0.79,
    ceiling: 2.49,
    cost_ratio: 1.04,
    overhead_secs: 0.4,
  };
  const report = speedup({
    critical_path: [0, 2, 6],
    critical_path_secs: 8.8,
    measured_wall_secs: 9.2,
    slots_used: 3,
    measured,
  });
  return { goal: GOAL, at: 12, status, children, speedup: report };
}

/** Returns a joined fan-out of which each subtask passed, without a serial run. */
export function passed(): Story {
  const { children, status, speedup: report, ...story } = satisfied();
  const all = children.map(each => ({
    ...each,
    verdict: 'accept' as const,
    after_join: false,
    reason: null,
  }));
  const told = { ...status, predicate: 'all', counts: { ...status.counts, accepted: 8, cancelled: 0 } };
  return {
    ...story,
    children: all,
    status: { ...told, census: told.counts, joined_unix: OPENED + 9.9 },
    speedup: { ...report, measured: null },
  };
}

/** Returns a joined fan-out that could not be satisfied. */
export function unsatisfiable(): Story {
  const children = [
    ended(0, 'worker-a', [0.1, 1.2], 'accept', { name: 'checkout' }),
    ended(1, 'worker-b', [0.1, 2.8], 'failed', { name: 'migrate', reason: 'exited with 3', exit_code: 3 }),
    ended(2, 'worker-a', [1.4, 1.5], 'cancelled', {
      name: 'seed',
      reason: 'the join was satisfied (losers: drain)',
    }),
    ended(3, 'worker-b', [3.0, 0.1], 'cancelled', {
      name: 'verify',
      reason: 'the join was satisfied (losers: drain)',
    }),
  ];
  const status = statusOf(children, {
    complete: true,
    outcome: 'unsatisfiable',
    losers: 'cancel',
    reason: 'needs 4 of 4; 1 failed, so at most 3 can accept',
    joined_unix: OPENED + 2.9,
  });
  const report = speedup({
    measured_wall_secs: 2.9,
    critical_path_secs: 2.8,
    weak: { serial_estimate_secs: 5.6, speedup: null, caveat: speedup().weak.caveat },
    notes: ['subtask 2, 3 did not run to the end before the join: the walls do not cover all work'],
  });
  return { goal: 'Move the staging database to the new schema', at: 5, status, children, speedup: report };
}

/** Returns a task whose fan-out has not begun. */
export function empty(): Story {
  return {
    goal: 'Nothing yet',
    at: 0,
    status: statusOf([], { reason: 'the task has no fan-out' }),
    children: [],
    speedup: speedup(),
  };
}

const VERDICTS: readonly Verdict[] = [
  'accept',
  'accept',
  'accept',
  'accept',
  'accept',
  'accept',
  'failed',
  'reject',
  'timeout',
];

/** Returns a fan-out with many subtasks, on sixteen workers with two slots each, some of them under way. */
export function many(count: number): Story {
  const slots = 32;
  const free = new Array<number>(slots).fill(0.1);
  const children = Array.from({ length: count }, (_, index) => {
    const slot = index % slots;
    const from = free[slot]!;
    const secs = 0.2 + ((index * 7919) % 97) / 80;
    free[slot] = from + secs + 0.01;
    const worker = `worker-${String(1 + (slot >> 1)).padStart(2, '0')}`;
    if (index >= count - slots) return runningSince(index, worker, from);
    return ended(index, worker, [from, secs], VERDICTS[(index * 31) % VERDICTS.length], {
      cost_usd: 0.0001,
    });
  });
  const status = statusOf(children, { predicate: 'accepted * 10 >= total * 5', reason: 'needs half of all' });
  return {
    goal: `${count} subtasks`,
    at: Math.max(...free),
    status,
    children,
    speedup: speedup({ subtasks: count }),
  };
}
