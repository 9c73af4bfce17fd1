import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { speedup, THREAD } from '../testing/documents.ts';
import { speedupLines } from './speedup.ts';

describe('speedup rendering', () => {
  it('shows the parallel run and a weak estimate', () => {
    assert.deepEqual(speedupLines(speedup()), [
      `Fan-out speedup report: ${THREAD}`,
      '  Parallel run:',
      '    subtasks:          2',
      '    per-subtask walls: [1, 1]',
      '    parallel wall:     1s  (critical path = max)',
      '    measured wall:     1s',
      '    total cost:        $0.0000',
      '  Weak estimate (single-run, sanity check only):',
      '    serial estimate:   2s (sum of subtask walls)',
      '    estimated speedup: 2.00×',
      '    caveat: one run is no measurement',
    ]);
  });

  it('estimates from the rounded times that are shown', () => {
    const late = speedup({
      walls_secs: [1.004, 1.021],
      parallel_wall_secs: 1.021,
      weak: { serial_estimate_secs: 2.025, speedup: 2.025 / 1.021, caveat: 'one run is no measurement' },
    });
    assert.ok(speedupLines(late).includes('    estimated speedup: 2.00×'));
    const instant = speedup({
      parallel_wall_secs: 0.0001,
      weak: { serial_estimate_secs: 0.0002, speedup: 2, caveat: 'one run is no measurement' },
    });
    assert.ok(speedupLines(instant).includes('    estimated speedup: 2.00×'));
  });

  it('adds a measured speedup, its ceiling, and the caveats', () => {
    const lines = speedupLines(
      speedup({
        critical_path: [0, 1],
        extra_attempts: [{ index: 1, attempt: 1, verdict: 'failed', wall_time_secs: 0.5, cost_usd: 0.1 }],
        extra_cost_usd: 0.1,
        measured: {
          serial_thread: 'th_serial',
          serial_wall_secs: 12.04,
          speedup: 1.5,
          efficiency: 0.75,
          ceiling: 1.8,
          cost_ratio: null,
          overhead_secs: 0.012,
        },
        notes: ['a retried subtask ran in one of the runs only'],
      }),
    );
    assert.equal(lines[4], '    parallel wall:     1s  (critical path = longest dependency path [0] → [1])');
    assert.deepEqual(lines.slice(7, 10), [
      '    not counted:       1 attempt, $0.1000',
      '      [1] attempt 1: failed ($0.10, 0.5s)',
      '  Weak estimate (single-run, sanity check only):',
    ]);
    assert.deepEqual(lines.slice(13), [
      '  Measured against a serial run:',
      '    serial thread:     th_serial',
      '    serial wall:       12s',
      '    speedup:           1.50×  (serial wall ÷ measured wall)',
      '    ceiling:           1.80×  (serial wall ÷ critical path)',
      '    efficiency:        75%  (speedup ÷ 2 slots)',
      '    cost ratio:        –',
      '    overhead:          0.012s  (measured wall − critical path)',
      '  ⚠ a retried subtask ran in one of the runs only',
    ]);
  });

  it('notes that nothing was run', () => {
    const lines = speedupLines(speedup({ echo: 'echo: nothing was run' }));
    assert.equal(lines.at(-1), '  ⚠ echo: nothing was run');
  });

  it('summarises a long list of walls', () => {
    const lines = speedupLines(speedup({ walls_secs: Array.from({ length: 1_000 }, () => 0.25) }));
    assert.match(lines[3] ?? '', /0\.25, … 1000 in all\]$/);
  });
});
