import type * as d from '../../contract/documents.ts';

/** Documents as an engine returns them. Each test changes the members that it tests. */

export const COORDINATOR_DID = 'did:sync:instance:00000000000000c0';
export const WORKER_A_DID = 'did:sync:instance:000000000000000a';
export const WORKER_B_DID = 'did:sync:instance:000000000000000b';
export const THREAD = `th_${'1'.repeat(64)}`;
export const RECORD = '2'.repeat(64);

export function instance(change: Partial<d.InstanceDocument> = {}): d.InstanceDocument {
  return {
    did: WORKER_A_DID,
    alias: 'worker-a',
    role: 'worker',
    endpoint: 'http://127.0.0.1:9201',
    status: 'live',
    version: '0.1.0',
    uptime_secs: 12.4,
    health: 'healthy',
    active_dispatches: 1,
    store_records: 7,
    last_heartbeat_unix: 1_750_000_000,
    pid: 12,
    home: '/home/ada/.syncro-worker-a',
    slots: 1,
    note: null,
    ...change,
  };
}

export const coordinator = (): d.InstanceDocument =>
  instance({
    did: COORDINATOR_DID,
    alias: 'coordinator',
    role: 'coordinator',
    endpoint: 'http://127.0.0.1:9100',
    pid: 11,
    home: '/home/ada/.syncro',
    active_dispatches: 0,
    uptime_secs: 3_725,
  });

export const workerB = (): d.InstanceDocument =>
  instance({
    did: WORKER_B_DID,
    alias: 'worker-b',
    endpoint: 'http://127.0.0.1:9202',
    pid: 13,
    home: '/home/ada/.syncro-worker-b',
    active_dispatches: 0,
  });

export function fleet(change: Partial<d.FleetDocument> = {}): d.FleetDocument {
  return {
    instances: [coordinator(), instance(), workerB()],
    live: 3,
    stale: 0,
    archived: 0,
    heartbeat_interval_secs: 5,
    coordinator_url: 'http://127.0.0.1:9100',
    freezes: [],
    emergency: null,
    stalled: [],
    breakers: [],
    executors: ['echo', 'shell', 'agent:claude'],
    shared: [],
    default_executor: 'echo',
    ...change,
  };
}

export function started(change: Partial<d.FleetStarted> = {}): d.FleetStarted {
  const spawned = [instance(), workerB()].map(({ alias, did, pid, endpoint, home }) => ({
    alias,
    did,
    pid: pid ?? 0,
    endpoint,
    home,
  }));
  return { ...fleet(), spawned, adopted: [], resumed: [], notes: [], ...change };
}

export function health(change: Partial<d.HealthDocument> = {}): d.HealthDocument {
  return {
    status: 'ok',
    did: COORDINATOR_DID,
    alias: 'coordinator',
    role: 'coordinator',
    version: '0.1.0',
    protocol: 1,
    uptime_secs: 1,
    pid: 11,
    home: '/home/ada/.syncro',
    endpoint: 'http://127.0.0.1:9100',
    records: 42,
    ...change,
  };
}

export function task(change: Partial<d.TaskDocument> = {}): d.TaskDocument {
  return {
    thread: THREAD,
    alias: 'FIRST-001',
    goal: 'Draft the notes',
    status: 'active',
    reason: null,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: 'default',
    dir: '/home/ada/src',
    actor: 'did:sync:user:ada',
    created_unix: 1_750_000_000,
    fan_out: {
      record: RECORD,
      namespace: 'default',
      round: 1,
      subtasks: 2,
      follow_ups: 0,
      under_way: true,
      completed: 1,
      predicate: 'all',
      complete: false,
      outcome: null,
      losers: 'keep',
      serial: false,
      serial_of: null,
      counts: { accepted: 1, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 1, pending: 0 },
      progress: '1 of 2 accepted, needs 1 more of 1 running',
      budget: null,
      echo: null,
    },
    depends_on: [],
    dependants: [],
    deferred_until_unix: null,
    verbs: [],
    evaluation: {
      hypothesis: null,
      criteria: [],
      done: null,
      verdict: null,
      by: null,
      at_unix: null,
      reason: null,
      join: null,
    },
    ...change,
  };
}

export const fannedOut = (change: Partial<d.FannedOut> = {}): d.FannedOut => ({
  thread: THREAD,
  record: RECORD,
  subtasks: 2,
  join: 'all',
  alias: 'FIRST-001',
  ...change,
});

export function child(change: Partial<d.ChildDocument> = {}): d.ChildDocument {
  return {
    index: 0,
    name: null,
    goal: 'Draft',
    target: `specific:${WORKER_A_DID}`,
    thread: `th_${'3'.repeat(64)}`,
    worker: 'worker-a',
    worker_did: WORKER_A_DID,
    state: 'done',
    verdict: 'accept',
    reason: null,
    cost_usd: 0,
    wall_time_secs: 1.002,
    started_unix: 1_700_000_000,
    ended_unix: 1_700_000_001.002,
    exit_code: null,
    signal: null,
    summary: null,
    attempt: 1,
    depends_on: [],
    when: 'accepted',
    executor: 'shell',
    stalled_secs: null,
    earlier_attempts: [],
    after_join: false,
    left_group: [],
    tokens: 0,
    work: null,
    ...change,
  };
}

export const pending = (index: number, reason = 'waiting for a free slot'): d.ChildDocument =>
  child({
    index,
    goal: `Part ${index}`,
    state: 'pending',
    verdict: null,
    worker: null,
    worker_did: null,
    reason,
    attempt: 0,
    wall_time_secs: 0,
  });
export const running = (index: number): d.ChildDocument =>
  child({ index, goal: `Part ${index}`, state: 'running', verdict: null, wall_time_secs: 3 });
export const done = (index: number, verdict: d.Verdict = 'accept'): d.ChildDocument =>
  child({ index, goal: `Part ${index}`, verdict });

/** Returns a join status whose counts follow from its children. */
export function join(children: readonly d.ChildDocument[], change: Partial<d.JoinStatus> = {}): d.JoinStatus {
  const count = (test: (child: d.ChildDocument) => boolean): number => children.filter(test).length;
  const finished = count(({ state }) => state === 'done');
  return {
    thread: THREAD,
    alias: 'FIRST-001',
    round: 1,
    subtasks: children.length,
    follow_ups: 0,
    under_way: finished < children.length,
    spawned: count(({ state }) => state !== 'pending'),
    completed: finished,
    predicate: 'all',
    complete: finished === children.length,
    outcome: finished === children.length ? 'satisfied' : null,
    reason: null,
    counts: {
      accepted: count(({ verdict }) => verdict === 'accept'),
      rejected: count(({ verdict }) => verdict === 'reject'),
      failed: count(({ verdict }) => verdict === 'failed'),
      timed_out: count(({ verdict }) => verdict === 'timeout'),
      cancelled: count(({ verdict }) => verdict === 'cancelled'),
      running: count(({ state }) => state === 'running'),
      pending: count(({ state }) => state === 'pending'),
    },
    census: null,
    budget: null,
    echo: null,
    losers: 'keep',
    opened_unix: 1_700_000_000,
    joined_unix: finished === children.length ? 1_700_000_002 : null,
    children: [...children],
    ...change,
  };
}

export function speedup(change: Partial<d.SpeedupDocument> = {}): d.SpeedupDocument {
  return {
    thread: THREAD,
    alias: 'FIRST-001',
    subtasks: 2,
    walls_secs: [1.002, 1.003],
    parallel_wall_secs: 1.003,
    critical_path_secs: 1.003,
    critical_path: [],
    measured_wall_secs: 1.01,
    total_cost_usd: 0,
    slots_used: 2,
    extra_attempts: [],
    extra_cost_usd: 0,
    echo: null,
    weak: { serial_estimate_secs: 2.005, speedup: 1.999, caveat: 'one run is no measurement' },
    measured: null,
    notes: [],
    ...change,
  };
}

export function worktree(change: Partial<d.WorktreeDocument> = {}): d.WorktreeDocument {
  return {
    name: 'FIRST-001-0-1',
    worker: 'worker-a',
    dir: '/home/ada/.syncro-worker-a/worktrees/FIRST-001-0-1',
    repository: '/home/ada/src',
    branch: 'spl/FIRST-001/0-1',
    base: '0'.repeat(40),
    task: 'FIRST-001',
    subtask: 0,
    attempt: 1,
    state: 'kept',
    made_unix: 1_750_000_000,
    ...change,
  };
}
