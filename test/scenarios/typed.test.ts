import assert from 'node:assert/strict';
import { delimiter, dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, it } from 'mocha';
import { BIN, ended, scenario, type Scenario } from '../harness/fleet.ts';
import { startInTerminal } from '../harness/terminal.ts';

/** The everyday commands, typed in a terminal. */

const PATH = [BIN, dirname(process.execPath), process.env['PATH']].join(delimiter);
const SCRIPTS = { lint: 'echo linted', types: 'echo typed', test: 'test -e mended && echo tested' };

const PLAN = `goal: Release ${'$'}{{ params.who }}
params: { who: nobody }
subtasks:
  - name: list
    run: echo version=1.2 > "$SPL_RESULTS"; echo made > out.txt
    inputs: [release.fanout.yaml]
    outputs: [out.txt]
  - name: tell
    run: echo hello ${'$'}{{ params.who }} ${'$'}{{ subtasks.list.results.version }}
    depends: [list]
  - name: flaky
    run: '[ -e once ] || { touch once; exit 1; }'
    attempts: 2
`;

/** Types a line, and returns what the terminal shows once it has ended. */
async function typed(fleet: Scenario, line: string) {
  const env = { ...fleet.env, npm_config_cache: fleet.at('.npm') };
  const { code, out } = await ended(startInTerminal(line, { cwd: fleet.cwd, env }), 60_000);
  return { code, shown: stripVTControlCharacters(out).replaceAll('\r\n', '\n') };
}

describe('the everyday commands, typed in a terminal,', function () {
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
      const passed = await typed(fleet, 'spl task output lint#1 test');
      assert.match(passed.shown, /\ntested\n$/);
      const whole = await typed(fleet, 'spl rerun');
      assert.equal(whole.code, 0, whole.shown);
      assert.match(whole.shown, /3 of 3 passed .* lint #2\n$/);
      const inTurn = await typed(fleet, 'spl test,lint,types');
      assert.equal(inTurn.code, 0, inTurn.shown);
      assert.match(inTurn.shown, /│ tested\n[^]*│ linted\n[^]*│ typed\n[^]*3 of 3 passed/);
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
    'run a plan with its params, results and attempts, again with what is unchanged, and list and archive its runs',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.startFleet(2);
      await fleet.write('release.fanout.yaml', PLAN);
      const first = await typed(fleet, 'spl run --param who=world');
      assert.equal(first.code, 0, first.shown);
      assert.match(first.shown, /tell *│ hello world 1\.2\n/);
      assert.match(first.shown, /✓ flaky passed after .*, attempt 2\n3 of 3 passed in .* · release #1\n/);
      const again = await typed(fleet, 'spl rerun');
      assert.equal(again.code, 0, again.shown);
      assert.match(again.shown, /✓ list passed: reused from release-1, nothing declared has changed\n/);
      assert.match(again.shown, /tell *│ hello world 1\.2\n/);
      assert.match(again.shown, /3 of 3 passed, 1 reused in .* · release #2\n/);
      const runs = await typed(fleet, 'spl runs');
      assert.match(runs.shown, /release #2 .* passed .* release-2\s*\nrelease #1 .* passed .* release-1/);
      const draft = await typed(fleet, 'spl plan init --from-last');
      assert.match(draft.shown, /✓ check\.fanout\.yaml written: 3 subtasks from the fan-out of release-2/);
      const drafted = await typed(fleet, 'spl check.fanout.yaml');
      assert.equal(drafted.code, 0, drafted.shown);
      assert.match(drafted.shown, /3 of 3 passed.* · check #1\n/);
      await typed(fleet, 'spl archive --done');
      assert.match((await typed(fleet, 'spl runs')).shown, /nothing has been run yet/);
      assert.match((await typed(fleet, 'spl task show release-1')).shown, /release #1/);
    }),
  );

  it(
    'are cancelled by the key for it, and exit like a command that a signal ended',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.startFleet(1);
      const running = startInTerminal("spl 'echo begun > begun; sleep 600' --alias LONG", {
        cwd: fleet.cwd,
        env: fleet.env,
      });
      const over = ended(running, 60_000);
      await fleet.text(fleet.at('begun'));
      running.stdin.write('\u0003');
      const { code, out } = await over;
      assert.equal(code, 130, out);
      assert.match(out, /was cancelled after/);
      assert.equal((await fleet.join('LONG')).outcome, 'cancelled');
    }),
  );

  it(
    'are completed by the Tab key of bash',
    scenario({ env: { PATH } }, async fleet => {
      await fleet.startFleet(2);
      await fleet.write('package.json', JSON.stringify({ name: 'example', scripts: SCRIPTS }));
      const env = { ...fleet.env, npm_config_cache: fleet.at('.npm'), PS1: '$ ', HISTFILE: '/dev/null' };
      const terminal = startInTerminal('bash --norc --noprofile -i', { cwd: fleet.cwd, env });
      terminal.stdin.write('eval "$(spl completion bash)"\nspl lin\t\nspl output lint\\#\t\nexit\n');
      const { out } = await ended(terminal, 60_000);
      const shown = stripVTControlCharacters(out).replaceAll('\r\n', '\n');
      assert.match(shown, /1 of 1 passed .* lint #1\n/);
      assert.match(shown, /> echo linted\n\nlinted\n/);
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
