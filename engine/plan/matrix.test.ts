import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { combinations, filledCommand, filledIn, isPlainWord, quotedPlaceholders } from './matrix.ts';

/** What people and generators write, without the control characters that a matrix refuses. */
const value = fc
  .string({
    unit: fc.constantFrom(...`ab1 '"\\$\`;&|<>(){}*?!~#=-./\u00e9\u{1f600}`),
    minLength: 1,
    maxLength: 12,
  })
  .filter(text => !/\p{Cc}/u.test(text));

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

  it('fills in what it has a key for, however it is spaced', () => {
    const given = new Map([['n', '7']]);
    assert.equal(
      filledIn('a ${{matrix.n}} ${{  matrix.n  }} ${{ matrix.m }} ${{ n }}', given),
      'a 7 7 ${{ matrix.m }} ${{ n }}',
    );
  });

  it('gives the shell each value as it is, in one word, whatever characters it has', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const command = filledCommand(
          `printf '%s\\n' x\${{ matrix.a }} \${{ matrix.b }}y 'plain "q"' \${{ matrix.a }}`,
          new Map([
            ['a', a],
            ['b', b],
          ]),
        );
        const output = execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
        assert.equal(output, `x${a}\n${b}y\nplain "q"\n${a}\n`);
      }),
      { numRuns: runs(60) },
    );
  });

  it('finds each placeholder that stands where quotes would not hold it', () => {
    const shown = (command: string): string[] =>
      quotedPlaceholders(command).map(({ start, end }) => command.slice(start, end));
    const one = '${{ matrix.a }}';
    for (const bare of [
      one,
      `x${one}y`,
      `echo 'q' ${one}`,
      `echo "q"${one}'q'`,
      `echo \\" ${one}`,
      `a#b ${one}`,
      `a && ${one}; b`,
    ])
      assert.deepEqual(shown(bare), [], bare);
    const held = [
      `"${one}"`,
      `'${one}'`,
      `"a\\"${one}"`,
      `$(echo ${one})`,
      `\`echo ${one}\``,
      `# ${one}`,
      `cat <<END\n${one}\nEND`,
      `\${x:-${one}}`,
      `'never closed ${one}`,
    ];
    for (const command of held) assert.deepEqual(shown(command), [one], command);
  });

  it('lets nothing but plain words into quotes: they mean themselves in any', () => {
    const plain = value.filter(isPlainWord);
    fc.assert(
      fc.property(plain, a => {
        const command = filledCommand(
          `printf '%s\\n' "\${{ matrix.a }}" '\${{ matrix.a }}' $(echo \${{ matrix.a }}) # \${{ matrix.a }}`,
          new Map([['a', a]]),
        );
        assert.equal(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }), `${a}\n${a}\n${a}\n`);
      }),
      { numRuns: runs(40) },
    );
  });
});
