import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { combinations } from '../subtask/matrix.ts';
import { commandWithVariables, filledIn, variablesIn } from './matrix.ts';

/** Values as written by people and generators, without the control characters that a matrix refuses. */
const value = fc
  .string({
    unit: fc.constantFrom(...`ab1 '"\\$\`;&|<>(){}*?!~#=-./\u00e9\u{1f600}`),
    minLength: 1,
    maxLength: 12,
  })
  .filter(text => !/\p{Cc}/u.test(text));

/** The shells that may be the `/bin/sh` of a system, with the options for that mode. */
const SHELLS = [['/bin/sh'], ['bash', '--posix']] as const;

describe('a matrix', () => {
  it('makes every combination once, the last key changing fastest', () => {
    const all = combinations(
      new Map([
        ['os', ['a', 'b']],
        ['n', ['1', '2', '3']],
      ]),
    );
    assert.deepEqual(
      all.map(combination => [...combination.values()].join('')),
      ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'],
    );
    assert.deepEqual(
      combinations(new Map()).map(({ size }) => size),
      [0],
    );
  });

  it('fills in placeholders with its keys, with any spacing', () => {
    const given = new Map([['n', '7']]);
    assert.equal(
      filledIn('a ${{matrix.n}} ${{  matrix.n  }} ${{ matrix.m }} ${{ n }}', given),
      'a 7 7 ${{ matrix.m }} ${{ n }}',
    );
  });

  for (const [shell, ...options] of SHELLS)
    it(`gives ${shell} each value as it is, in one word, whatever characters it has`, () => {
      const text = `printf '%s\\n' x\${{ matrix.a }} \${{ matrix.b-c }}y "$(printf %s \${{ matrix.a }})" 'plain "q"'`;
      fc.assert(
        fc.property(value, value, (a, b) => {
          const given = new Map([
            ['a', a],
            ['b-c', b],
          ]);
          const env = { PATH: process.env['PATH'], ...variablesIn(text, given) };
          const words = [...options, '-c', commandWithVariables(text)];
          const output = execFileSync(shell, words, {
            encoding: 'utf8',
            env,
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          assert.equal(output, `x${a}\n${b}y\n${a}\nplain "q"\n`);
        }),
        { numRuns: runs(40) },
      );
    });

  it('gives a command only the values that it names', () => {
    const given = new Map([
      ['a', '1'],
      ['b', '2'],
    ]);
    assert.deepEqual(variablesIn('x ${{ matrix.b }} ${{ env.HOME }} ${{ matrix.c }}', given), {
      SPL_MATRIX_b: '2',
    });
    assert.equal(commandWithVariables('x ${{ env.HOME }} ${{ other }}'), 'x "$HOME" ${{ other }}');
  });
});
