import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child, join, speedup } from '../../cli/testing/documents.ts';
import { closingLines, type Comparison } from './closing.ts';

interface Runs {
  /** The times of the checks `a`, `b`, … as they ran side by side, and the time of the fan-out. */
  readonly beside: readonly number[];
  readonly parallel: number;
  /** The times of the same checks one at a time, and the time of the serial run. */
  readonly alone: readonly number[];
  readonly serial: number;
}

/** The documents of two runs on two slots. */
function comparisonOf({ beside, parallel, alone, serial }: Runs): Comparison {
  const checks = (walls: readonly number[]): ReturnType<typeof join> =>
    join(walls.map((secs, index) => child({ index, name: 'abcdef'[index]!, wall_time_secs: secs })));
  return {
    parallel: checks(beside),
    serial: checks(alone),
    speedup: speedup({
      subtasks: beside.length,
      measured_wall_secs: parallel,
      measured: {
        serial_thread: 'th_serial',
        serial_wall_secs: serial,
        speedup: serial / parallel,
        efficiency: serial / parallel / 2,
        ceiling: serial / Math.max(...beside),
        cost_ratio: null,
        overhead_secs: 0,
      },
    }),
  };
}

describe('the closing lines of the tour', () => {
  it('name what two slots lose: checks that slow each other down, and time without a check', () => {
    const lines = closingLines(
      comparisonOf({ beside: [4, 3, 3, 2], parallel: 7, alone: [3, 3, 2, 2], serial: 10.5 }),
    );
    assert.deepEqual(lines, [
      'What was faster: running in parallel; 4 checks took 7s, and 10.5s one at a time.',
      'By how much:     1.50× (10.5s ÷ 7s); 2 slots can give 2.00× at most.',
      'Why not more:    the checks took 12s beside each other, and 10s alone; the slots had nothing to run for 2s of 14s.',
    ]);
  });

  it('name the longest check where it allows less than the slots', () => {
    const lines = closingLines(comparisonOf({ beside: [1, 6, 2], parallel: 6, alone: [1, 6, 2], serial: 9 }));
    assert.deepEqual(lines.slice(1), [
      'By how much:     1.50× (9s ÷ 6s); the longest check, b, allows 1.50× at most.',
      'Why not more:    the slots had nothing to run for 3s of 12s.',
    ]);
  });

  it('say so where nothing is lost', () => {
    const lines = closingLines(comparisonOf({ beside: [4, 4], parallel: 4, alone: [4, 4], serial: 8 }));
    assert.deepEqual(lines.slice(1), [
      'By how much:     2.00× (8s ÷ 4s); 2 slots can give 2.00× at most.',
      'Why not more:    every slot was busy, and no check slowed another one down.',
    ]);
  });

  it('say so where running in parallel took longer', () => {
    const lines = closingLines(comparisonOf({ beside: [6, 6], parallel: 6, alone: [2, 2], serial: 4.5 }));
    assert.deepEqual(lines, [
      'What was faster: running one at a time; 2 checks took 4.5s, and 6s in parallel.',
      'By how much:     0.75× (4.5s ÷ 6s); the longest check, a, allows 0.75× at most.',
      'Why not more:    the checks took 12s beside each other, and 4s alone.',
    ]);
  });

  it('doubt a speedup above the number of slots', () => {
    const lines = closingLines(
      comparisonOf({ beside: [2, 2, 2, 2], parallel: 4, alone: [3, 3, 3, 3], serial: 12 }),
    );
    assert.deepEqual(lines.slice(1), [
      'By how much:     3.00× (12s ÷ 4s); 2 slots can give 2.00× at most.',
      'Why not more:    other work on this machine slowed the serial run down.',
    ]);
  });

  it('say why nothing was measured', () => {
    const { parallel, serial } = comparisonOf({ beside: [1], parallel: 1, alone: [1], serial: 1 });
    const notes = ['no measured speedup: the runs differ in the verdict of subtask 0'];
    assert.deepEqual(closingLines({ parallel, serial, speedup: speedup({ notes }) }), [
      'Nothing was measured: no measured speedup: the runs differ in the verdict of subtask 0.',
    ]);
  });
});
