import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  COORDINATOR_DID,
  fleet,
  instance,
  started,
  WORKER_A_DID,
  WORKER_B_DID,
} from '../testing/documents.ts';
import { noColours } from './colours.ts';
import {
  fleetListLines,
  fleetStatusLines,
  instanceLines,
  pingLine,
  startedLines,
  stoppedLines,
} from './fleet.ts';

const asIs = (path: string): string => path;

const ISSUED = { issued_by: 'did:sync:user:ada', issued_at_unix: 1_700_000_000 };

describe('fleet rendering', () => {
  it('lists launched workers, and the convergence of the fleet', () => {
    assert.deepEqual(startedLines(started(), asIs, noColours), [
      '  [worker-a]    spawned PID 12 on :9201 (home=/home/ada/.syncro-worker-a)',
      '  [worker-b]    spawned PID 13 on :9202 (home=/home/ada/.syncro-worker-b)',
      'fleet converged',
      `  coordinator ${COORDINATOR_DID} on :9100`,
      `  worker-a    ${WORKER_A_DID} on :9201`,
      `  worker-b    ${WORKER_B_DID} on :9202`,
    ]);
  });

  it('lists adopted workers, resumed fan-outs and notes', () => {
    const document = started({
      adopted: [WORKER_A_DID],
      spawned: [],
      notes: ['port 9202 is taken; worker-b is on 9203'],
      resumed: [{ thread: 'th_1', alias: 'BIG-1', done: 3, subtasks: 9 }],
    });
    assert.deepEqual(startedLines(document, asIs, noColours).slice(0, 3), [
      '  [worker-a]    adopted PID 12 on :9201 (home=/home/ada/.syncro-worker-a)',
      '  ⚠ port 9202 is taken; worker-b is on 9203',
      '  → resuming BIG-1: 3 of 9 done',
    ]);
  });

  it('explains below the list why an instance is not live', () => {
    const lost = instance({ status: 'archived', note: 'its process exited with code 1' });
    const lines = fleetListLines(fleet({ instances: [lost] }), noColours);
    assert.equal(lines.at(-1), '  ⚠ worker-a is archived: its process exited with code 1');
  });

  it('shows no load for a coordinator, which has no slots', () => {
    const coordinator = instance({ role: 'coordinator', alias: 'coordinator' });
    assert.match(fleetListLines(fleet({ instances: [coordinator] }), noColours)[1]!, / coordinator +–$/);
    assert.ok(!instanceLines(coordinator, asIs).some(line => /slots/.test(line)));
  });

  it('distinguishes running from waiting deliveries of a worker', () => {
    const busy = instance({ active_dispatches: 5, slots: 2 });
    assert.match(fleetListLines(fleet({ instances: [busy] }), noColours)[1]!, / 2\/2 \(\+3\)$/);
    assert.ok(instanceLines(busy, asIs).includes('  Active dispatches:  2 of 2 slots, 3 waiting'));
  });

  it('lists the instances in aligned columns, with the footer', () => {
    assert.deepEqual(fleetListLines(fleet(), noColours), [
      'DID                                 ENDPOINT               STATUS  VERSION  UPTIME  HEALTH   ALIAS        LOAD',
      `${COORDINATOR_DID}  http://127.0.0.1:9100  live    0.1.0    1h 02m  healthy  coordinator  –`,
      `${WORKER_A_DID}  http://127.0.0.1:9201  live    0.1.0    12s     healthy  worker-a     1/1`,
      `${WORKER_B_DID}  http://127.0.0.1:9202  live    0.1.0    12s     healthy  worker-b     0/1`,
      '',
      '3 live · 0 stale · 0 archived',
    ]);
  });

  it('shows which attempts are stalled', () => {
    const stalled = [{ task: 'FIRST-001', subtask: 2, worker: 'worker-a', stalled_secs: 360 }];
    const shown = '  ⚠ FIRST-001 [2] on worker-a shows no sign of life for 6m 00s';
    assert.equal(fleetStatusLines(fleet({ stalled }), noColours).at(-1), shown);
  });

  it('shows executors without quota, and their reset times', () => {
    const document = fleet({ breakers: [{ executor: 'agent:x', resets_at_unix: 1_750_000_000 }] });
    const shown = '  ⚠ executor agent:x is out of quota until 2025-06-15 15:06:40Z';
    assert.equal(fleetStatusLines(document, noColours).at(-1), shown);
  });

  it('shows freezes, the emergency stop, and why an instance is not live', () => {
    const document = fleet({
      freezes: [{ namespace: 'team', level: 'soft', reason: 'release', grace_secs: 60, ...ISSUED }],
      emergency: { reason: 'runaway cost', ...ISSUED },
      instances: [instance({ status: 'stale', note: 'silent for 11s' })],
    });
    assert.deepEqual(fleetStatusLines(document, noColours), [
      'Fleet status',
      '  Coordinator:     http://127.0.0.1:9100',
      '  Heartbeat:       every 5s',
      '  Instances:       3 live · 0 stale · 0 archived',
      '  Active freezes:  1',
      '  Emergency stop:  yes, by did:sync:user:ada — runaway cost',
      '  [soft] team — release',
      '  ⚠ worker-a is stale: silent for 11s',
    ]);
  });

  it('removes control sequences', () => {
    const reason = 'a\nb\u001b[2J\u2066';
    const document = fleet({
      freezes: [{ namespace: 'team', level: 'soft', reason, grace_secs: 60, ...ISSUED }],
      emergency: { reason, ...ISSUED },
      instances: [instance({ status: 'stale', note: reason })],
    });
    const lines = fleetStatusLines(document, noColours);
    assert.equal(lines.filter(line => line.includes('a b [2J')).length, 3);
    assert.doesNotMatch(lines.join(''), /[\p{Cc}\u2066]/u);
  });

  it('shows one instance', () => {
    assert.deepEqual(instanceLines(instance(), asIs), [
      'worker-a · worker',
      `  DID:                ${WORKER_A_DID}`,
      '  Endpoint:           http://127.0.0.1:9201',
      '  Status:             live',
      '  Version:            0.1.0',
      '  Uptime:             12s',
      '  Health:             healthy',
      '  Active dispatches:  1 of 1 slot',
      '  Store records:      7',
      '  Last heartbeat:     2025-06-15 15:06:40Z',
      '  PID:                12',
      '  Home:               /home/ada/.syncro-worker-a',
    ]);
  });

  it('shows the result of a ping', () => {
    const ping = {
      did: WORKER_A_DID,
      alias: 'worker-a',
      reachable: true,
      rtt_ms: 3.4,
      status: 200,
      reason: null,
    };
    assert.equal(pingLine(ping, noColours), `✓ ${WORKER_A_DID} reachable in 3ms (200 OK)`);
    const silent = { ...ping, reachable: false, rtt_ms: null, status: null, reason: 'connection refused' };
    assert.equal(pingLine(silent, noColours), `✗ ${WORKER_A_DID} is not reachable: connection refused`);
  });

  it('shows how each instance stopped, and what it handed back', () => {
    const stopped = [
      { alias: 'worker-a', did: WORKER_A_DID, pid: 12, how: 'drained' as const, handed_back: 0 },
      { alias: 'worker-b', did: WORKER_B_DID, pid: 13, how: 'killed' as const, handed_back: 2 },
    ];
    assert.deepEqual(stoppedLines({ stopped, coordinator_stopping: false }, noColours), [
      '✓ worker-a stopped (drained)',
      '✓ worker-b stopped (killed, 2 attempts handed back)',
    ]);
    assert.deepEqual(stoppedLines({ stopped: [], coordinator_stopping: false }, noColours), [
      '· nothing to stop',
    ]);
  });
});
