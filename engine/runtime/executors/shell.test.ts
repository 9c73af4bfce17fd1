import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { sampled } from '../../../test/runs.ts';
import { bundled } from '../../../test/bundled.ts';
import type { AttemptResult, AttemptSpec, OutputSink } from './executor.ts';
import { endNotedCommands } from '../processes/command-notes.ts';
import { makeControlGroup, ownControlGroup } from '../processes/control-group.ts';
import { processTable } from '../../system/process-table.ts';
import { Launchers } from '../processes/launchers.ts';
import type { CommandOptions } from './command.ts';
import { shellExecutor } from './shell.ts';
import { anAttempt } from './testing/attempt.ts';

const HOST = new URL('./testing/shell-host.ts', import.meta.url);
const table = processTable();
/** Holds once the last process of a shell is the `sleep` that it is to be: at first a fork has the name of its parent. */
const IS_SLEEP = '[ ! -d /proc/$! ] || { read -r name </proc/$!/comm && [ "$name" = sleep ]; }';
/** Starts a `sleep` that has another session, no environment and no parent, and says its pid. */
const HIDE = `env -i setsid /bin/sh -c '(sleep 300 & until ${IS_SLEEP}; do :; done; echo $!)'`;

// The gate is for machines without Perl. It is tried in each third run.
for (const way of ['a launcher', ...sampled(['a gate'] as const, 3)] as const)
  describe(`the shell executor by ${way}`, () => {
    let launchers: Launchers | undefined;
    let dir: string;
    let host: string;
    let mark: string;
    let tmpBefore: string | undefined;
    /** The expected state of a process that only a control group can tell from others. */
    let hidden: 'there' | 'gone';

    before(async () => {
      host = await bundled(HOST);
      const control = await makeControlGroup(await ownControlGroup());
      hidden = control === null ? 'there' : 'gone';
      await control?.remove();
      // Guards carry the path of the FIFO, and so can be found by the folder for such things.
      tmpBefore = process.env['TMPDIR'];
      dir = await realpath(await mkdtemp(join(tmpdir(), 'spl-shell-')));
      process.env['TMPDIR'] = dir;
    });
    after(async () => {
      if (tmpBefore === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = tmpBefore;
      await rm(dir, { recursive: true, force: true });
    });
    beforeEach(() => {
      mark = randomUUID();
      launchers = way === 'a launcher' ? new Launchers(`${dir}/`) : undefined;
    });
    afterEach(async () => {
      await launchers?.close();
      assert.deepEqual(await table.find({ mark: `SPL_TEST_MARK=${mark}` }), [], 'processes are left');
      assert.equal(guardsIn(dir), '', 'guards are left');
      assert.deepEqual(await readdir(dir), [], 'files are left');
    });

    describe('runs a command', () => {
      it('and accepts it when it exits with 0', async () => {
        const { result, output } = await attempt('echo one; echo two');
        assert.deepEqual(result, {
          verdict: 'accept',
          reason: null,
          exitCode: 0,
          signal: null,
          summary: 'one\ntwo',
          costUsd: 0,
          leftGroup: [],
        });
        assert.equal(output, 'one\ntwo\n');
      });

      it('and fails it at any other exit, that of a gate included', async () => {
        for (const code of [1, 3, 125, 126, 127, 255]) {
          const { result } = await attempt(`exit ${code}`);
          assert.deepEqual(pick(result), {
            verdict: 'failed',
            reason: `exit ${code}`,
            exitCode: code,
            signal: null,
          });
        }
      });

      it('and fails it when a signal ends it, by name', async () => {
        for (const signal of ['KILL', 'TERM', 'SEGV', 'HUP']) {
          const { result } = await attempt(`kill -s ${signal} $$`);
          const name = `SIG${signal}`;
          assert.deepEqual(pick(result), {
            verdict: 'failed',
            reason: `killed by ${name}`,
            exitCode: null,
            signal: name,
          });
        }
      });

      it('with both outputs in the order in which they were written', async () => {
        const { output } = await attempt('for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done');
        assert.equal(output, [1, 2, 3, 4, 5].map(i => `out ${i}\nerr ${i}\n`).join(''));
      });

      it('whose outputs can be opened by name', async () => {
        const { result, output } = await attempt('echo out > /dev/stdout && echo err > /dev/stderr');
        assert.deepEqual([result.verdict, output], ['accept', 'out\nerr\n']);
      });

      it('also where there is no mkfifo', async () => {
        const { result, output } = await attempt(
          'echo out; echo err >&2; exit 4',
          {},
          { env: { PATH: dir } },
        );
        assert.deepEqual([result.reason, output], ['exit 4', 'out\nerr\n']);
      });

      it('with an empty input', async () => {
        const { result, output } = await attempt('cat; echo end of input');
        assert.deepEqual([result.verdict, output], ['accept', 'end of input\n']);
      });

      it('in its folder', async () => {
        const { output } = await attempt('pwd', { dir });
        assert.equal(output, `${dir}\n`);
      });

      it('just as /bin/sh -c runs it, however it is written', async () => {
        const commands = [
          `printf '%s\\n' "it's" 'a "quote"' \\$HOME "$((1+2))"`,
          'echo "$0" "$#" "$@"',
          `echo '$(touch pwned)' \`echo tick\`; echo "a\nb" # and a comment`,
          'x="a  b"; echo $x; echo "$x"; echo ${x%%b}',
          "cat <<'END'\n$1 \\ ' \" `\nEND",
          "echo '); exit 9; ('",
          'echo é 🙂 %s %d \\\\n',
          ' \t\n echo late',
          'exec echo replaced',
          'set -e; false; echo unreached',
          'if then',
          'no-such-command-at-all',
          '-x',
          '"',
        ];
        for (const run of commands) {
          const { result, output } = await attempt(run);
          const plain = plainly(run);
          assert.equal(output.replaceAll(/\S*sh: /g, ''), plain.output.replaceAll(/\S*sh: /g, ''), run);
          assert.equal(result.exitCode, plain.code, run);
        }
      });

      it('twenty at a time', async () => {
        const runs = Array.from({ length: 20 }, (_, n) => attempt(`echo ${n}; exit ${n}`));
        for (const [n, { result, output }] of (await Promise.all(runs)).entries()) {
          assert.deepEqual([result.exitCode, output], [n, `${n}\n`]);
        }
      });
    });

    it('ends a command of several lines at the first that fails, where that was recorded', async () => {
      const run = 'echo one\nfalse\necho two';
      const ended = await attempt(run, { errexit: true });
      assert.deepEqual([ended.result.verdict, ended.result.exitCode, ended.output], ['failed', 1, 'one\n']);
      const older = await attempt(run, { errexit: false });
      assert.deepEqual([older.result.verdict, older.output], ['accept', 'one\ntwo\n']);
    });

    it('runs where the folder for temporary files of its worker is gone', async () => {
      const before = process.env['TMPDIR'];
      process.env['TMPDIR'] = join(dir, 'gone');
      try {
        const { result, output } = await attempt('echo here >/dev/stderr');
        assert.deepEqual([result.verdict, output], ['accept', 'here\n']);
      } finally {
        if (before === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = before;
      }
    });

    describe('gives its environment', () => {
      it('with what names the attempt, without the fleet’s secrets and what is an editor’s', async () => {
        const env = {
          SPL_TOKEN: 'secret',
          SPL_SIGNING_KEY: 'secret',
          SPL_HINT: 'outer',
          VSCODE_PID: '1',
          KEPT: 'yes',
        };
        const spec = { task: 'T-7', index: 4, attempt: 3 };
        const names = 'SPL_TASK SPL_SUBTASK SPL_ATTEMPT SPL_TOKEN SPL_SIGNING_KEY SPL_HINT VSCODE_PID KEPT';
        const show = `for name in ${names}; do eval "echo \\"$name=\\\${$name-none}\\""; done`;
        const { output } = await attempt(show, spec, { env: { ...process.env, ...env } });
        const expected = ['T-7', '4', '3', 'none', 'none', 'none', 'none', 'yes'];
        assert.deepEqual(
          output.trim().split('\n'),
          names.split(' ').map((name, i) => `${name}=${expected[i]}`),
        );
      });

      it('that of its submitter in the place of the worker’s own, which names another attempt, or none', async () => {
        const environment = {
          PATH: process.env['PATH']!,
          MINE: 'yes',
          SPL_TOKEN: 'secret',
          GIT_DIR: '/other/.git',
          SPL_TASK: 'OUTER',
          SPL_BRANCH: 'outer',
          SPL_HINT: 'outer',
          SPL_MATRIX_x: 'outer',
          SPL_PARAM_x: 'outer',
          SPL_RESULT_x: 'outer',
        };
        const { output } = await attempt(
          'env | grep -v "^PWD=\\|^OLDPWD=\\|^SHLVL=\\|^_=" | sort',
          { environment },
          {
            env: { ...process.env, WORKERS: 'own', SPL_SHARED: '/shared' },
          },
        );
        const lines = output
          .trim()
          .split('\n')
          .filter(line => !/^(PATH|SPL_ATTEMPT_ID|SPL_RESULTS)=/.test(line));
        assert.deepEqual(lines, [
          'MINE=yes',
          'SPL_ATTEMPT=1',
          'SPL_SHARED=/shared',
          'SPL_SUBTASK=0',
          'SPL_TASK=TRIED',
        ]);
      });

      it('with variables of its own, of which one may name another that is read only now', async () => {
        const environment = { PATH: process.env['PATH']!, SECRET: "it's $HOME" };
        const env = {
          A: '1',
          B: '<${{ env.SECRET }}${{env.NONE}}>',
          SPL_MATRIX_x: '${{ env.SECRET }}',
          SPL_PARAM_x: '${{ env.SECRET }}',
          SPL_TASK: 'other',
        };
        const { output } = await attempt('printf "%s\\n" "$A" "$B" "$SPL_MATRIX_x$SPL_PARAM_x" "$SPL_TASK"', {
          env,
          environment,
        });
        assert.deepEqual(output.split('\n'), [
          '1',
          "<it's $HOME>",
          '${{ env.SECRET }}${{ env.SECRET }}',
          'TRIED',
          '',
        ]);
      });

      it('with results of other subtasks, which are never read as templates', async () => {
        const { output } = await attempt('printf "%s\\n" "$A"', {
          env: { A: '<${{ subtasks.b.results.x }}${{ subtasks.c.results.x }}>' },
          environment: { PATH: process.env['PATH']!, SECRET: 'secret' },
          results: { 'b.results.x': '${{ env.SECRET }}$HOME' },
        });
        assert.equal(output, '<${{ env.SECRET }}$HOME${{ subtasks.c.results.x }}>\n');
      });

      it('with a file for its results, of which nothing stays', async () => {
        const { result } = await attempt('echo tag=v1 >"$SPL_RESULTS"; echo n=2 >>"$SPL_RESULTS"; exit 3');
        assert.deepEqual([result.results, result.reason], [{ tag: 'v1', n: 2 }, 'exit 3']);
        const garbage = await attempt('echo garbage >"$SPL_RESULTS"');
        assert.equal(garbage.result.verdict, 'accept');
        assert.equal(garbage.result.results, undefined);
        assert.match(garbage.result.reason!, /^its results are not used: line 1 of \$SPL_RESULTS is not/);
        const without = await attempt('true');
        assert.ok(!('results' in without.result));
        const left = (await readdir(dir)).filter(name => name.endsWith('.results'));
        assert.deepEqual(left, []);
      });

      it('with the hint of a retry', async () => {
        const { output } = await attempt('echo "$SPL_HINT"', { hint: 'try $harder' });
        assert.equal(output, 'try $harder\n');
      });

      it('without what an editor’s Node was started with', async () => {
        const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', VSCODE_IPC_HOOK: '/x', KEPT: 'yes' };
        const { output } = await attempt(
          'echo "${ELECTRON_RUN_AS_NODE-none} ${VSCODE_IPC_HOOK-none} $KEPT"',
          {},
          { env },
        );
        assert.equal(output, 'none none yes\n');
      });
    });

    describe('refuses', () => {
      it('an attempt that has no command', async () => {
        assert.equal(shellExecutor().refusal({ run: null }), 'executor shell needs run');
        assert.equal(shellExecutor().refusal({ run: 'true' }), null);
        const { result } = await attempt(null);
        assert.deepEqual(pick(result), failed('executor shell needs run'));
      });

      it('a folder that is missing, no folder or not absolute, before anything runs', async () => {
        const file = join(dir, 'file');
        await writeFile(file, '');
        const witness = join(dir, 'ran');
        for (const [folder, reason] of [
          [join(dir, 'none'), `folder '${join(dir, 'none')}' does not exist`],
          [file, `folder '${file}' is not a folder`],
          ['here', "folder 'here' is not an absolute path"],
        ] as const) {
          const { result } = await attempt(`touch '${witness}'`, { dir: folder });
          assert.deepEqual(pick(result), failed(reason));
        }
        await rm(file);
      });

      it('what the system can’t start, with the system’s reason', async () => {
        const long = await attempt(`: ${'x'.repeat(4 * 1024 * 1024)}`);
        assert.equal(long.result.verdict, 'failed');
        assert.match(long.result.reason ?? '', /could not be started: .*E2BIG/);
        const nul = await attempt('echo a\0b');
        assert.match(nul.result.reason ?? '', /could not be started: .*null bytes/);
      });
    });

    it('fails what cannot be started for want of file descriptors, and leaves nothing of it', async () => {
      // A gate takes several of each, a launcher one.
      const limited = `ulimit -n ${way === 'a gate' ? 60 : 36} && exec "$0" "$@"`;
      const child = spawn(
        '/bin/sh',
        ['-c', limited, process.execPath, host, 'echo ran', '20', '', ...label(`${dir}/`)],
        {
          env: { ...process.env, SPL_TEST_MARK: mark },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      const lines = (await textOf(child.stdout)).trim().split('\n');
      const count = (pattern: RegExp): number => lines.filter(line => pattern.test(line)).length;
      const [ran, accepted, failed] = [
        count(/^ran$/),
        count(/^accept null$/),
        count(/^failed the command could not be started: .*EMFILE/),
      ];
      assert.ok(failed > 0, lines.join('\n'));
      assert.deepEqual([ran, accepted + failed, lines.length], [accepted, 20, 20 + ran], lines.join('\n'));
    });

    describe('takes any output', () => {
      it('of 100 MB, in little memory', async function () {
        this.timeout(120_000);
        let bytes = 0;
        let peak = 0;
        const before = process.memoryUsage().rss;
        const sink: OutputSink = {
          write: async chunk => {
            bytes += chunk.length;
            peak = Math.max(peak, process.memoryUsage.rss());
          },
        };
        const { result } = await attempt('yes 0123456789abcde | head -c 100000000', {}, {}, sink);
        assert.deepEqual([result.verdict, bytes], ['accept', 100_000_000]);
        assert.ok(result.summary.endsWith('0123456789abcde'));
        assert.ok(peak - before < 100e6, `grew by ${(peak - before) / 1e6} MB`);
      });

      it('that is not UTF-8, byte for byte', async () => {
        const chunks: Uint8Array[] = [];
        const sink: OutputSink = { write: async chunk => void chunks.push(chunk) };
        const { result } = await attempt("printf '\\377\\000a\\303'", {}, {}, sink);
        assert.deepEqual([...Buffer.concat(chunks)], [0xff, 0, 0x61, 0xc3]);
        assert.equal(result.summary, '\ufffda\ufffd');
      });

      it('no faster than the sink does, and to the last byte', async () => {
        let under = 0;
        let most = 0;
        let bytes = 0;
        const sink: OutputSink = {
          write: async chunk => {
            most = Math.max(most, (under += 1));
            await sleep(5);
            under -= 1;
            bytes += chunk.length;
          },
        };
        const { result } = await attempt('head -c 1000000 /dev/zero', {}, {}, sink);
        assert.deepEqual([result.verdict, most, under, bytes], ['accept', 1, 0, 1_000_000]);
      });

      it('though the sink fails', async () => {
        const sink: OutputSink = { write: () => Promise.reject(new Error('no more')) };
        const { result } = await attempt('head -c 1000000 /dev/zero; echo end', {}, {}, sink);
        assert.deepEqual([result.verdict, result.summary], ['accept', 'end']);
      });
    });

    describe('leaves nothing of the group', () => {
      it('that a command put into the background, which it names, though it holds the output open', async () => {
        const began = performance.now();
        const { result, output } = await attempt(
          `sleep 300 & until ${IS_SLEEP}; do :; done; echo $!; (trap "" TERM HUP; sleep 300; echo late) & echo done`,
        );
        assert.deepEqual([result.verdict, output], ['accept', `${Number.parseInt(output, 10)}\ndone\n`]);
        assert.ok(result.leftGroup.includes(`${Number.parseInt(output, 10)} sleep 300`));
        // The other one is a shell, or a shell and its sleep.
        assert.ok(result.leftGroup.length >= 2, String(result.leftGroup));
        assert.ok(performance.now() - began < 10_000);
      });

      it('and nothing that hides from the table of processes, where there are control groups (I40)', async () => {
        const { result, output } = await attempt(HIDE);
        const pid = Number(output);
        assert.equal(result.verdict, 'accept');
        assert.equal(stateOf(pid), hidden);
        assert.deepEqual(result.leftGroup, hidden === 'gone' ? [`${pid} sleep 300`] : []);
        if (hidden === 'there') process.kill(pid);
      });

      it('and not its control group', async () => {
        const parent = await ownControlGroup();
        const { result, output } = await attempt('cat /proc/self/cgroup');
        assert.equal(result.verdict, 'accept');
        const name = /^0::.*\/(spl-.*)$/m.exec(output)?.[1];
        assert.equal(name !== undefined, hidden === 'gone', output);
        // The next command has the same one.
        await launchers?.close();
        if (name !== undefined) assert.ok(!existsSync(join(parent!, name)));
      });

      it('and nothing of what has left it, which it names, at most twenty (I40)', async () => {
        const leave = `setsid sleep 300 & until ${IS_SLEEP}; do :; done; echo $!`;
        const { result, output } = await attempt(`i=0; while [ $i -lt 22 ]; do ${leave}; i=$((i + 1)); done`);
        const pids = output.match(/\d+/g)?.map(Number) ?? [];
        try {
          assert.equal(result.verdict, 'accept');
          assert.equal(pids.length, 22);
          assert.equal(result.leftGroup.length, 20);
          for (const entry of result.leftGroup) {
            assert.match(entry, /^\d+ sleep 300$/);
            assert.ok(pids.includes(Number.parseInt(entry, 10)));
          }
          assert.deepEqual(await table.find({ mark: `SPL_TEST_MARK=${mark}` }), []);
        } finally {
          for (const { pid } of await table.find({ mark: `SPL_TEST_MARK=${mark}` }))
            process.kill(pid, 'SIGKILL');
        }
      }).timeout(120_000);
    });

    describe('ends a command', () => {
      it('at its time-out, giving it the chance to finish', async () => {
        const run = `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`;
        const { result, output } = await attempt(run, { timeoutMs: 1_500 });
        assert.deepEqual(pick(result), {
          verdict: 'timeout',
          reason: 'ran longer than its time-out of 1.5 s',
          exitCode: 0,
          signal: null,
        });
        assert.match(output, /^ready\n(Terminated\n)?bye\n$/);
      });

      it('that ignores SIGTERM, with all its children (I40)', async () => {
        const run = `trap '' TERM; sleep 300 & sleep 300`;
        const began = performance.now();
        const { result } = await attempt(run, { timeoutMs: 1_000 }, { graceMs: 200 });
        assert.deepEqual([result.verdict, result.signal], ['timeout', 'SIGKILL']);
        assert.ok(performance.now() - began >= 1_190);
      });

      it('that has stopped itself', async () => {
        const began = performance.now();
        const { result } = await attempt('kill -s STOP $$', { timeoutMs: 100 }, { graceMs: 60_000 });
        assert.deepEqual([result.verdict, result.signal], ['timeout', 'SIGTERM']);
        assert.ok(performance.now() - began < 30_000);
      });

      it('that prints without end', async () => {
        const { result } = await attempt('yes', { timeoutMs: 200 }, {}, { write: () => sleep(1) });
        assert.equal(result.verdict, 'timeout');
        assert.ok(result.summary.startsWith('y\ny\n'));
      });

      it('when it is cancelled while it runs, with the reason', async () => {
        const cancel = new AbortController();
        const sink: OutputSink = { write: async () => cancel.abort('not needed any more') };
        const { result } = await attempt('echo ready; sleep 300', {}, {}, sink, cancel.signal);
        assert.deepEqual(pick(result), {
          verdict: 'cancelled',
          reason: 'not needed any more',
          exitCode: null,
          signal: 'SIGTERM',
        });
        assert.equal(result.summary, 'ready');
      });

      it('before it has begun, when it is cancelled before or at the gate', async () => {
        const cancel = new AbortController();
        const run = `touch '${join(dir, 'ran')}'`;
        const atGate = attempt(run, {}, {}, undefined, cancel.signal);
        cancel.abort('too late');
        const before = attempt(run, {}, {}, undefined, AbortSignal.abort('never'));
        const expected = { verdict: 'cancelled', exitCode: null, signal: null };
        assert.deepEqual(pick((await atGate).result), { ...expected, reason: 'too late' });
        assert.deepEqual(pick((await before).result), { ...expected, reason: 'never' });
      });

      it('when its guard is gone, for it would not be guarded any more', async () => {
        const sink: OutputSink = {
          write: async () => process.kill(Number.parseInt(guardsIn(dir), 10), 'SIGKILL') && undefined,
        };
        const { result } = await attempt('echo ready; sleep 300', {}, {}, sink);
        assert.deepEqual([result.verdict, result.reason], ['failed', 'its guard process was ended']);
      });
    });

    it('goes on when its guard was stopped, and somebody needs it', async () => {
      const sink: OutputSink = {
        write: async () => process.kill(Number.parseInt(guardsIn(dir), 10), 'SIGSTOP') && undefined,
      };
      const { result } = await attempt('echo ready', {}, {}, sink);
      assert.deepEqual([result.verdict, result.summary], ['accept', 'ready']);
    });

    it('starts the next command when its guard is gone', async () => {
      const sink: OutputSink = {
        write: async () => process.kill(Number.parseInt(guardsIn(dir), 10), 'SIGKILL') && undefined,
      };
      await attempt('echo ready; sleep 300', {}, {}, sink);
      assert.equal((await attempt('echo again')).output, 'again\n');
    });

    describe('has a guard that ends the group', () => {
      const run = `trap '' TERM HUP INT; (trap '' TERM HUP; echo deep; exec sleep 300) & wait; sleep 300`;

      it('when the worker is killed (I40)', () => worker(run, child => child.kill('SIGKILL')));
      it('when the worker exits', () => worker(run, child => child.stdin.write('exit')));
      it('and ends what has left it, when the worker is killed (I40)', () =>
        worker(`setsid sh -c 'echo away; exec sleep 300' & wait`, child => child.kill('SIGKILL')));
      it('and ends what hides, when the worker is killed, where there are control groups (I40)', async () => {
        let pid = 0;
        await worker(`${HIDE}; sleep 300 & sleep 300`, (child, said) => {
          pid = Number(said);
          child.kill('SIGKILL');
        });
        if (hidden === 'gone') await until(() => stateOf(pid) === 'gone');
        else process.kill(pid);
      });
      it('when the worker is stopped, then killed', () =>
        worker(run, child => {
          child.kill('SIGSTOP');
          child.kill('SIGKILL');
        }));

      async function worker(
        command: string,
        end: (child: ReturnType<typeof startHost>, said: string) => void,
      ): Promise<void> {
        const child = startHost(command);
        const exited = once(child, 'exit');
        try {
          const [said] = (await once(child.stdout, 'data')) as [Buffer];
          // The host, the shell and its child, which may begin only after what was said.
          await until(async () => (await table.find({ mark: `SPL_TEST_MARK=${mark}` })).length >= 3);
          end(child, String(said));
          await exited;
          await gone({ mark: `SPL_TEST_MARK=${mark}` });
          await until(() => guardsIn(dir) === '');
        } finally {
          child.kill('SIGKILL');
          await exited;
        }
      }

      function startHost(command: string) {
        return spawn(process.execPath, [host, command, '1', '', ...label(`${dir}/`)], {
          env: { ...process.env, SPL_TEST_MARK: mark },
          stdio: ['pipe', 'pipe', 'inherit'],
        });
      }
    });

    describe('is noted', () => {
      let home: string;
      let notes: string;
      beforeEach(async () => {
        home = await mkdtemp(join(tmpdir(), '..', 'spl-notes-'));
        notes = join(home, 'run', 'commands');
      });
      afterEach(() => rm(home, { recursive: true, force: true }));

      const run = `${HIDE}; setsid sh -c 'echo away; exec sleep 300' & sleep 300`;

      it('from before it begins until nothing of it is left', async () => {
        const seen: string[] = [];
        const looked = join(home, 'looked');
        const sink: OutputSink = {
          write: async () => {
            seen.push(...(await readdir(notes)));
            await writeFile(looked, '');
          },
        };
        await attempt(`echo ready; until [ -e '${looked}' ]; do :; done`, {}, { commandsDir: notes }, sink);
        // The note, and the FIFO that it prints through: a temporary folder may vanish while it runs.
        assert.equal(seen.filter(name => !name.endsWith('.out')).length, 1);
        const pipes = seen.filter(name => name.endsWith('.out'));
        assert.equal(pipes.length, 1);
        // The next command prints through the same one.
        assert.deepEqual(await readdir(notes), way === 'a gate' ? [] : pipes);
        await launchers?.close();
        assert.deepEqual(await readdir(notes), []);
      });

      it('or does not begin, where the home is gone, of which nothing is made anew', async () => {
        await rm(home, { recursive: true });
        const { result, output } = await attempt('echo ready', {}, { commandsDir: notes });
        assert.deepEqual([result.verdict, output], ['failed', '']);
        assert.match(result.reason ?? '', /^the command could not be started: ENOENT/);
        assert.ok(!existsSync(home));
      });

      it('with files that are removed where a worker was killed before it noted whose they are', async () => {
        await mkdir(notes, { recursive: true });
        await writeFile(join(notes, 'one.prompt'), 'goal');
        execFileSync('mkfifo', [join(notes, 'one.out')]);
        assert.deepEqual(await endNotedCommands(notes), []);
        assert.deepEqual(await readdir(notes), []);
      });

      it('no more when its guard has ended it', async () => {
        const { child, exited } = await begun();
        child.kill('SIGKILL');
        await exited;
        await until(async () => (await readdir(notes)).length === 0);
        assert.deepEqual(await table.find({ mark: `SPL_TEST_MARK=${mark}` }), []);
      });

      it('so that what a killed worker and a killed guard left can be ended (I40)', async () => {
        const { child, exited, pid } = await begun();
        killBoth(child);
        await exited;
        assert.notDeepEqual(await table.find({ mark: `SPL_TEST_MARK=${mark}` }), []);
        assert.deepEqual(await endNotedCommands(notes), []);
        assert.deepEqual(await table.find({ mark: `SPL_TEST_MARK=${mark}` }), []);
        assert.equal(stateOf(pid), hidden);
        if (hidden === 'there') process.kill(pid);
        assert.deepEqual(await readdir(notes), []);
      });

      it('and a note that is about nobody, or about nothing, ends nobody', async () => {
        await mkdir(notes, { recursive: true });
        const other = spawn('sleep', ['300'], { detached: true });
        const note = {
          group: other.pid,
          start: 'an earlier boot:1',
          mark: `SPL_ATTEMPT_ID=${mark}`,
          control: null,
        };
        await writeFile(join(notes, 'other'), JSON.stringify({ ...note, files: [] }));
        await writeFile(join(notes, 'half'), '{"group":');
        assert.deepEqual(await endNotedCommands(notes), []);
        assert.deepEqual(await readdir(notes), []);
        assert.equal(stateOf(other.pid!), 'there');
        other.kill('SIGKILL');
      });

      /** A worker at its command, which has started a process that hides; that one's pid. */
      async function begun() {
        const child = spawn(process.execPath, [host, run, '1', notes, ...label(`${notes}/`)], {
          env: { ...process.env, SPL_TEST_MARK: mark },
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        let said = '';
        for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
          said += String(chunk);
          if (/away\n/.test(said)) break;
        }
        return { child, exited: once(child, 'exit'), pid: Number.parseInt(said, 10) };
      }

      function killBoth(child: ChildProcess): void {
        child.kill('SIGSTOP');
        process.kill(Number.parseInt(guardsIn(notes), 10), 'SIGKILL');
        child.kill('SIGKILL');
      }
    });

    const label = (of: string): string[] => (way === 'a launcher' ? [of] : []);

    /** Runs one attempt to its end, with what it printed unless a sink is given. */
    async function attempt(
      run: string | null,
      spec: Partial<AttemptSpec> = {},
      options: CommandOptions = {},
      sink?: OutputSink,
      signal: AbortSignal = new AbortController().signal,
    ): Promise<{ result: AttemptResult; output: string }> {
      const chunks: Uint8Array[] = [];
      const collect: OutputSink = { write: async chunk => void chunks.push(chunk) };
      const env = { ...(options.env ?? process.env), SPL_TEST_MARK: mark };
      const result = await shellExecutor({
        ...options,
        env,
        ...(launchers !== undefined && { launchers }),
      }).start(anAttempt({ run, ...spec }), {
        output: sink ?? collect,
        signal,
        used: () => {},
      });
      return { result, output: Buffer.concat(chunks).toString() };
    }
  });

function pick({ verdict, reason, exitCode, signal }: AttemptResult) {
  return { verdict, reason, exitCode, signal };
}

function failed(reason: string) {
  return { verdict: 'failed', reason, exitCode: null, signal: null };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Returns the output and the exit code of a command run by a plain `/bin/sh -c`. */
function plainly(run: string): { output: string; code: number } {
  const script = 'exec 2>&1; exec /bin/sh -c -- "$1"';
  try {
    return { output: execFileSync('/bin/sh', ['-c', script, 'sh', run], { encoding: 'utf8' }), code: 0 };
  } catch (error) {
    const { stdout, status } = error as { stdout: string; status: number };
    return { output: stdout, code: status };
  }
}

/** The guards whose FIFO is in this folder, as lines that begin with the pid. */
function guardsIn(dir: string): string {
  const all = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,stat=,args='], { encoding: 'utf8' }).split('\n');
  return all
    .filter(line => line.includes(`${dir}/`) && line.includes('spl-guard') && !/^\s*\d+\s+Z/.test(line))
    .join('\n');
}

/** Returns 'there' for a process that runs, 'gone' for none and for a zombie. */
function stateOf(pid: number): 'there' | 'gone' {
  assert.ok(pid > 1);
  return processTable().birthOf(pid) === undefined ? 'gone' : 'there';
}

async function gone(query: { mark: string }): Promise<void> {
  await until(async () => (await table.find(query)).length === 0);
}

/** There is no event for the end of processes that are nobody's children here. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it does not come true');
    await sleep(20);
  }
}
