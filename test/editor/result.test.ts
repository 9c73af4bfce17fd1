import assert from 'node:assert/strict';
import { countOf, readTold, type Told } from './result.ts';

describe('the result of a run inside an extension host', () => {
  const passed: readonly Told[] = [
    { event: 'begun', title: 'a' },
    { event: 'passed', title: 'a', ms: 1 },
  ];
  const finished: readonly Told[] = [...passed, { event: 'finished' }];

  it('is good when it finished, passed something and ended with 0', () => {
    assert.deepEqual(countOf(finished, 0), { counts: { passed: 1, failed: 0, skipped: 0 } });
  });

  for (const [what, told, exitCode] of [
    ['told nothing', [], 0],
    ['passed nothing', [{ event: 'finished' }], 0],
    ['was killed in a test, with exit code 0', [...passed, { event: 'begun', title: 'b' }], 0],
    ['was killed between two tests, with exit code 0', passed, 0],
    ['finished, but the editor ended badly', finished, 1],
  ] as const) {
    it(`is a failure when it ${what}`, () => {
      const { counts, fault } = countOf(told, exitCode);
      assert.equal(counts.failed, 1);
      assert.match(fault ?? '', /\w/);
    });
  }

  it('counts a failed test once', () => {
    const failed: Told = { event: 'failed', title: 'b', error: 'no' };
    assert.deepEqual(countOf([...passed, failed, { event: 'finished' }], 1), {
      counts: { passed: 1, failed: 1, skipped: 0 },
    });
  });

  it('reads the reports of a process that was killed while writing', () => {
    assert.deepEqual(readTold('{"event":"begun","title":"a"}\n{"event":"pas'), [
      { event: 'begun', title: 'a' },
    ]);
  });
});
