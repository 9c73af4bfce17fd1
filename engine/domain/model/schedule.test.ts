import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { makespan, type Job } from './schedule.ts';

const jobs = (...walls: readonly number[]): Job[] => walls.map(wallMs => ({ wallMs, dependsOn: [] }));

describe('makespan', () => {
  it('schedules independent jobs on the slots', () => {
    assert.equal(makespan(jobs(1, 1, 1, 1, 1, 1, 1, 1), 2), 4);
    assert.equal(makespan(jobs(3, 1, 1, 1), 2), 3);
    assert.equal(makespan(jobs(5), 4), 5);
    assert.equal(makespan([], 1), 0);
  });

  it('starts a job when its dependencies have ended, and leaves no slot idle meanwhile', () => {
    const chained: Job[] = [
      { wallMs: 10, dependsOn: [] },
      { wallMs: 1, dependsOn: [0] },
      { wallMs: 4, dependsOn: [] },
      { wallMs: 5, dependsOn: [] },
    ];
    assert.equal(makespan(chained, 2), 11);
    assert.equal(makespan(chained, 1), 20);
  });

  it('is between Graham’s bounds for list scheduling', () => {
    const graph = fc.array(
      fc.record({ wallMs: fc.nat(50), before: fc.array(fc.nat(11), { maxLength: 3 }) }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(graph, fc.integer({ min: 1, max: 14 }), (nodes, slots) => {
        const all = nodes.map(({ wallMs, before }, index) => ({
          wallMs,
          dependsOn: [...new Set(before)].filter(other => other < index),
        }));
        const ends = (index: number): number =>
          all[index]!.wallMs + Math.max(0, ...all[index]!.dependsOn.map(ends));
        const critical = Math.max(...all.map((_, index) => ends(index)));
        const sum = all.reduce((total, { wallMs }) => total + wallMs, 0);
        const wall = makespan(all, slots);
        assert.ok(wall >= critical && wall >= sum / slots);
        assert.ok(wall <= sum / slots + (1 - 1 / slots) * critical + 1e-9);
        if (slots >= all.length) assert.equal(wall, critical);
      }),
      { numRuns: runs(100) },
    );
  });
});
