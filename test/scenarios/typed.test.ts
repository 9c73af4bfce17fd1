import assert from 'node:assert/strict';
import { delimiter, dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, it } from 'mocha';
import { BIN, ended, scenario, type Scenario } from '../harness/fleet.ts';
import { startInTerminal } from '../harness/terminal.ts';

/** The short forms of commands, each typed in a terminal. */

const PATH = [BIN, dirname(process.execPath), process.env['PATH']].join(delimiter);
const SCRIPTS = { lint: 'echo linted', types: 'echo typed', test: 'test -e mended && echo tested' };

/** Types a line, and returns what the terminal shows once it has ended. */
async function typed(fleet: Scenario, line: string) {
  const env = { ...fleet.env, npm_config_cache: fleet.at('.npm') };
  const { code, out } = await ended(startInTerminal(line, { cwd: fleet.cwd, env }), 60_000);
  return { code, shown: stripVTControlCharacters(out).replaceAll('\r\n', '\n') };
}

describe('the short forms, in a terminal', function () {
  this.timeout(120_000);

  it(
    'run scripts, print what failed, and run it again',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.startFleet(2);
      await fleet.write('package.json', JSON.stringify({ name: 'example', scripts: SCRIPTS }));
      const first = await typed(fleet, 'spl lint types test');
      assert.equal(first.code, 1, first.shown);
      assert.match(first.shown, /✓ lint passed .*\n✓ types passed .*\n✗ test failed /);
      assert.match(first.shown, / {4}→ spl output \S+ test\n2 of 3 passed .*\n {2}→ .*: spl retry \S+\n$/);
      const output = await typed(fleet, 'spl output');
      assert.equal(output.code, 0);
      assert.match(output.shown, /> test\n> test -e mended && echo tested\n/);
      assert.doesNotMatch(output.shown, /│|linted/);
      await fleet.write('mended', '');
      const again = await typed(fleet, 'spl retry');
      assert.equal(again.code, 0, again.shown);
      assert.match(again.shown, /test *│ tested\n/);
      assert.doesNotMatch(again.shown, /│ linted/);
      const all = await typed(fleet, 'spl output');
      assert.match(all.shown, /lint *│ linted\n[^]*test *│ tested\n/);
      const inTurn = await typed(fleet, 'spl -j1 lint types');
      assert.equal(inTurn.code, 0, inTurn.shown);
      assert.match(inTurn.shown, /2 of 2 passed/);
    }),
  );

  it(
    'run commands in quotes, and a command for each line of a file',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.startFleet(2);
      const commands = await typed(fleet, "spl 'echo one' 'echo two'");
      assert.equal(commands.code, 0, commands.shown);
      assert.match(commands.shown, /echo two │ two\n/);
      await fleet.write('files', 'files\na b\n');
      await fleet.write('a b', 'x\n');
      const each = await typed(fleet, "spl -e files 'wc -l'");
      assert.equal(each.code, 0, each.shown);
      assert.match(each.shown, /a b +│ +1 a b\n/);
    }),
  );

  it(
    'run nothing for a word that is probably misspelt',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.write('package.json', JSON.stringify({ name: 'example', scripts: SCRIPTS }));
      for (const [line, shown] of [
        ['spl lnit', "error: unknown command 'lnit'\n  → Did you mean lint?\n"],
        [
          'spl run lint tset',
          /'lint' is a script, and 'tset' is not\n {2}→ Did you mean test\?|program 'tset'\n/,
        ],
        [
          'spl ls -l',
          "error: unknown command 'ls'\n  → See: spl --help\n  → A command line needs quotes: spl 'ls -l'\n",
        ],
      ] as const) {
        const ran = await typed(fleet, line);
        assert.equal(ran.code, 2, ran.shown);
        if (typeof shown === 'string') assert.equal(ran.shown, shown);
        else assert.match(ran.shown, shown);
      }
    }),
  );
});
