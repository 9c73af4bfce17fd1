import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child, done, join, pending, running, THREAD, WORKER_A_DID } from '../testing/documents.ts';
import { coloursFor, noColours } from './colours.ts';
import { joinStatusLines } from './join.ts';

describe('join status rendering', () => {
  it('shows the end of failed subtasks’ output, and the command for all of it', () => {
    const printed = ['first', ...Array.from({ length: 10 }, (_, i) => `line ${i}`)].join('\n');
    const document = join([
      { ...done(0, 'failed'), summary: `${printed}\u001b[31m\u009b` },
      { ...done(1, 'timeout'), summary: 'x'.repeat(300) },
      { ...done(2), summary: 'passed' },
      { ...done(3, 'failed'), attempt: 0, reason: 'its folder is missing' },
      { ...done(4, 'reject'), summary: '' },
    ]);
    const shown = joinStatusLines(document, noColours).filter(line => /^ {8}[|→]/.test(line));
    assert.deepEqual(shown, [
      ...Array.from({ length: 9 }, (_, i) => `        | line ${i}`),
      '        | line 9\\u001b[31m\\u009b',
      '        → spl task output FIRST-001 --subtask 0',
      `        | ${'x'.repeat(199)}…`,
      '        → spl task output FIRST-001 --subtask 1',
      '        → spl task output FIRST-001 --subtask 4',
    ]);
  });

  it('shows the output of twenty failed subtasks, and counts the others', () => {
    const all = Array.from({ length: 22 }, (_, i) => ({ ...done(i, 'failed'), summary: 'broken' }));
    const lines = joinStatusLines(join(all), noColours);
    assert.equal(lines.filter(line => line.includes('| broken')).length, 20);
    assert.equal(
      lines.at(-1),
      '    … and the output of 2 more that failed: spl task output FIRST-001 --subtask N',
    );
  });

  it('shows the counts at the join and the present ones if they differ', () => {
    const { counts } = join([done(0, 'failed'), running(1)]);
    const ended = join([done(0, 'failed'), done(1)], { census: counts });
    const lines = joinStatusLines(ended, noColours);
    assert.ok(lines.includes('  At the join:     1 failed, 1 running'));
    assert.ok(lines.includes('  Now:             1 accepted, 1 failed'));
  });

  it('shows the time until the join, or until now', () => {
    const open = join([running(0)]);
    assert.ok(joinStatusLines(open, noColours, 1_700_000_090).includes('  Time:            1m 30s so far'));
    assert.ok(joinStatusLines(join([done(0)]), noColours).includes('  Time:            2s'));
  });

  it('notes once that nothing was run', () => {
    const document = join([done(0), done(1)], { echo: 'echo: nothing was run' });
    const lines = joinStatusLines(document, noColours);
    assert.deepEqual(
      lines.filter(line => line.includes('nothing')),
      ['  ⚠ echo: nothing was run'],
    );
  });

  it('shows done, running and waiting subtasks', () => {
    const document = join([
      child(),
      child({
        index: 1,
        name: 'b',
        goal: 'Check',
        state: 'running',
        verdict: null,
        wall_time_secs: 3.2,
        target: 'worker-b',
        worker: 'worker-b',
      }),
      pending(2, 'no live worker'),
    ]);
    assert.deepEqual(joinStatusLines(document, noColours), [
      `Fan-out join status: ${THREAD}`,
      '  Subtasks:        3',
      '  Spawned:         2 / 3',
      '  Completed:       1 / 3',
      '  Join predicate:  all',
      '  Join complete:   no',
      '',
      '  Per-subtask:',
      `    [0] Draft → specific:${WORKER_A_DID}`,
      '        accept ($0.00, 1s)',
      '    [1] b: Check → worker-b',
      '        in progress (worker-b, 3.2s)',
      `    [2] Part 2 → specific:${WORKER_A_DID}`,
      '        pending: no live worker',
    ]);
  });

  it('shows the booked and reserved amounts of each limit', () => {
    const usd = { limit: 1, booked: 0.3, reserved: 0.125 };
    const secs = { limit: 60, booked: 2.5, reserved: 0 };
    const lines = joinStatusLines(join([child()], { budget: { usd, tokens: null, secs } }), noColours);
    const at = lines.findIndex(line => line.startsWith('  Budget:'));
    assert.deepEqual(lines.slice(at, at + 2), [
      '  Budget:          $0.30 booked, $0.125 reserved of $1.00',
      '                   2.5s booked, 0s reserved of 60s',
    ]);
  });

  it('shows the results of a subtask in a line', () => {
    const linesOf = (change: object) => joinStatusLines(join([{ ...done(0), ...change }]), noColours);
    const results = { tag: 'v1.2', pages: [1, 2], notes: 'a\nb' };
    assert.equal(linesOf({ results }).at(-1), '        results: tag=v1.2, pages=[1,2], notes="a\\nb"');
    assert.equal(linesOf({ results: { a: 1 }, results_cut: true }).at(-1), '        results: a=1, …');
  });

  it('shows for how long an attempt is stalled', () => {
    const lines = joinStatusLines(join([{ ...running(0), stalled_secs: 90 }]), noColours);
    assert.equal(lines.at(-1), '        in progress (worker-a, 3s), stalled 1m 30s');
  });

  it('never hides a member that is missing: outcome, census, attempts, reasons', () => {
    const lost = {
      attempt: 1,
      worker: 'worker-a',
      verdict: 'failed',
      reason: 'worker died',
      cost_usd: 0.5,
      tokens: 0,
      work: null,
      wall_time_secs: 2,
      started_unix: 1_700_000_000,
      ended_unix: 1_700_000_002,
    };
    const failed = child({
      verdict: 'failed',
      reason: 'exit code 3',
      attempt: 2,
      earlier_attempts: [lost],
      after_join: true,
      left_group: ['4711 sleep 100'],
      depends_on: [1, 2],
      cost_usd: 0.257,
    });
    const document = join([failed], { outcome: 'unsatisfiable', reason: '1 of 1 failed', round: 2 });
    const census = { ...document.counts, failed: 1 };
    assert.deepEqual(joinStatusLines({ ...document, census }, noColours).slice(6), [
      '  Round:           2',
      '  Time:            2s',
      '  Outcome:         unsatisfiable — 1 of 1 failed',
      '  Census:          1 failed',
      '',
      '  Per-subtask:',
      `    [0] Draft → specific:${WORKER_A_DID} after 1, 2`,
      '        failed ($0.26, 1s), attempt 2, after the join — exit code 3',
      '        · attempt 1 on worker-a: failed ($0.50, 2s) — worker died',
      '        ⚠ outlived its command, and was ended: 4711 sleep 100',
      '        → spl task output FIRST-001 --subtask 0',
    ]);
  });

  it('reports a missing fan-out', () => {
    const lines = joinStatusLines(join([], { predicate: null, complete: false, outcome: null }), noColours);
    assert.equal(lines[1], '  Subtasks:        0');
    assert.match(lines[3] ?? '', /spl task fan-out FIRST-001/);
  });

  it('removes control sequences', () => {
    const hostile = child({
      name: '\u202ename\u001b[31m',
      goal: 'a\u001b[2Jb\nc',
      state: 'pending',
      reason: '\u001b]0;x\u0007y',
      verdict: null,
    });
    const predicate = 'accepted\n>= 1\u009b2J';
    const lines = joinStatusLines(join([hostile, running(1)], { predicate }), noColours);
    assert.ok(lines.includes('  Join predicate:  accepted >= 1 2J'));
    const text = lines.join('');
    assert.doesNotMatch(text, /[\p{Cc}\u202e]/u);
    assert.match(text, /a \[2Jb…/);
  });

  it('colours verdicts on a terminal only', () => {
    const lines = joinStatusLines(join([child()]), coloursFor(true, {}));
    assert.ok(lines.includes('        \u001b[32maccept\u001b[39m ($0.00, 1s)'));
  });
});
