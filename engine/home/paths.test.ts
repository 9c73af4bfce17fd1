import * as assert from 'node:assert/strict';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { defaultHome, homePaths, workerAlias, workerHome, workerLetters } from './paths.ts';

describe('home paths', () => {
  it('follow SYNCROPEL_HOME, and ~/.syncro without it', () => {
    assert.equal(defaultHome({ SYNCROPEL_HOME: '/srv/fleet' }), '/srv/fleet');
    assert.equal(defaultHome({ SYNCROPEL_HOME: '' }), path.join(os.homedir(), '.syncro'));
    assert.equal(defaultHome({}), path.join(os.homedir(), '.syncro'));
    assert.equal(defaultHome({ SYNCROPEL_HOME: 'here' }), path.resolve('here'));
  });

  it('all lie inside the home', () => {
    const paths = homePaths('/srv/fleet/');
    assert.equal(paths.home, '/srv/fleet');
    assert.equal(paths.socket, '/srv/fleet/run/spl.sock');
    for (const file of Object.values(paths) as string[]) assert.ok(file.startsWith('/srv/fleet'));
  });

  it('name workers a, b, … z, aa, ab, …', () => {
    assert.deepEqual([0, 1, 25, 26, 27, 51, 52, 701, 702].map(workerLetters), [
      'a',
      'b',
      'z',
      'aa',
      'ab',
      'az',
      'ba',
      'zz',
      'aaa',
    ]);
    assert.equal(workerAlias(1), 'worker-b');
    assert.equal(workerHome('/srv/fleet/', 0), '/srv/fleet-worker-a');
    assert.throws(() => workerLetters(-1), RangeError);
    assert.throws(() => workerLetters(0.5), RangeError);
  });

  it('give no two workers one name', () => {
    const letters = fc.uniqueArray(fc.nat(100_000), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(letters, numbers => {
        assert.equal(new Set(numbers.map(workerLetters)).size, numbers.length);
      }),
      { numRuns: runs(100) },
    );
  });
});
