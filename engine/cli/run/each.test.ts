import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { commandOfItem, commandWithPlace } from './each.ts';

describe('a command with {}', () => {
  it('gets its line as a quoted variable', () => {
    assert.equal(commandOfItem('npx eslint {}'), 'npx eslint "$SPL_ITEM"');
    assert.equal(commandOfItem('cp {} {}.bak'), 'cp "$SPL_ITEM" "$SPL_ITEM".bak');
    assert.equal(commandOfItem('x=$(basename {}); echo "$x"'), 'x=$(basename "$SPL_ITEM"); echo "$x"');
  });

  it('is refused where a variable is not one word, with the place', () => {
    const refused = (command: string, message: RegExp): void =>
      assert.throws(
        () => commandOfItem(command),
        (thrown: unknown) => {
          assert.ok(FleetError.is(thrown, 'USAGE'));
          assert.match(thrown.message, message);
          return true;
        },
      );
    refused('echo "x {}"', /^\{\} at position 9 is in double quotes/);
    refused("cat {} | sed 's/{}/x/'", /^\{\} at position 17 is in single quotes/);
    refused('echo \\{}', /^\{\} at position 7 is behind a backslash/);
    refused('echo ${}', /^\{\} at position 7 is behind a dollar/);
    refused('echo `cat {}`', /^\{\} at position 11 is in backquotes/);
  });

  it('gets its line as the last word if it is one program without {}', () => {
    for (const command of ['wc -l', "grep -c 'a b'", 'echo "$HOME/x"', 'x=1 make'])
      assert.equal(commandWithPlace(` ${command} `), `${command} {}`);
    assert.equal(commandWithPlace('cp {} b; ls'), 'cp {} b; ls');
    for (const command of ["printf '<%s>\\n'", 'grep -e "a|b"', "test '$(x)' !="])
      assert.equal(commandWithPlace(command), `${command} {}`);
    for (const command of [
      ...['true;', 'sleep 1 &', 'cat |', 'true &&', '( true', 'wc -l >', 'wc <', 'a\nb', '`ls`', '$(ls)'],
      ...['ls # all', 'ls \\', "echo 'a", 'echo "a', 'echo ${x'],
    ])
      assert.throws(() => commandWithPlace(command), /has no \{\} for the line/, command);
  });

  it('hands over any line as one word', () => {
    const line = fc.string({ unit: 'grapheme' }).map(text => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(line, item => {
        const words = ['-c', commandOfItem("printf '%s|' {} {}")];
        const printed = execFileSync('/bin/sh', words, { env: { SPL_ITEM: item } });
        assert.equal(printed.toString(), `${item}|${item}|`);
      }),
      { numRuns: runs(30) },
    );
  });
});
