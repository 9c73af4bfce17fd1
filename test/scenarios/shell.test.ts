import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { isThere, scenario, type Scenario } from '../harness/fleet.ts';
import { processesOfGroup } from '../harness/processes.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const MIB = 1024 * 1024;
const CAP_BYTES = 2 * MIB;
const onFleet = sharedFleet({ echoMs: 0 });
/** Prints its pid and ignores requests to end. */
const STUBBORN = (name: string): string =>
  `trap "" TERM INT HUP; echo $$ > ${name}; (trap "" TERM; sleep 60) & while :; do sleep 1; done`;

describe('a shell command', function () {
  this.timeout(120_000);
  /** Its settings: checks for signs of life, keeps little output, and masks a secret. */
  const onWatchfulFleet = sharedFleet({
    heartbeatSecs: 0.3,
    fleet: ['stall_secs = 1', 'slots = 2', `output_cap_bytes = ${CAP_BYTES}`],
    env: { SPL_TOKEN: 'a-secret', PLAIN: 'plain' },
  });

  it(
    'that ignores SIGTERM is ended with its group, at its time-out and when it is cancelled',
    onFleet(async fleet => {
      await fleet.fanOut('STUBBORN', [
        { goal: 'outlast its time', run: STUBBORN('timed'), timeout_secs: 0.5 },
        { goal: 'outlast a cancel', run: STUBBORN('cancelled') },
      ]);
      const groups = [await fleet.text(fleet.at('timed')), await fleet.text(fleet.at('cancelled'))].map(
        Number,
      );
      const words = ['task', 'cancel', 'STUBBORN', '--subtask', '1', '--reason', 'enough'];
      assert.equal((await fleet.spl(...words)).code, 0);
      const { children, outcome } = await fleet.joinWhen(
        'STUBBORN',
        'both have ended',
        ({ completed }) => completed === 2,
      );
      for (const group of groups) assert.deepEqual(processesOfGroup(group), [], `group ${group}`);
      assert.equal(outcome, 'unsatisfiable');
      assert.deepEqual(children.map(shortly), [
        ['timeout', 'ran longer than its time-out of 0.5 s', null, 'SIGKILL'],
        ['cancelled', 'enough', null, 'SIGKILL'],
      ]);
    }),
  );

  it(
    'that passes its share of seconds is ended with its group, its output kept and its time booked',
    onFleet(async fleet => {
      const { code } = await fleet.spl('task', 'add', 'Spend', '--alias', 'SPEND');
      assert.equal(code, 0);
      const subtasks = [
        `goal=overrun,run="echo $$ > spender; echo begun; sleep 60",budget-secs=0.5,dir=${fleet.cwd}`,
        'goal=too late,run=true,budget-secs=0.9',
      ].flatMap(text => ['--subtask', text]);
      const words = ['task', 'fan-out', 'SPEND', ...subtasks, '--budget-secs', '1', '--losers', 'keep'];
      assert.equal((await fleet.spl(...words)).code, 0);
      const { children, budget } = await fleet.joined('SPEND');
      const group = Number(await fleet.text(fleet.at('spender')));
      assert.deepEqual(processesOfGroup(group), []);
      const [over, late] = children;
      assert.deepEqual([over!.verdict, over!.reason], ['failed', 'passed its budget of 0.5s']);
      assert.deepEqual([late!.verdict, late!.attempt], ['cancelled', 0]);
      assert.match(
        late!.reason ?? '',
        /^the budget is used up: it wants 0\.9s, and of 1s are 0\.\d+s booked$/,
      );
      assert.equal((await output(fleet, 'SPEND')).toString(), 'begun\n');
      assert.deepEqual([budget!.usd, budget!.secs!.limit, budget!.secs!.reserved], [null, 1, 0]);
      assert.ok(budget!.secs!.booked >= 0.5, 'what it took is booked');
      const { out } = await fleet.spl('task', 'join-status', 'SPEND');
      assert.match(out, /^ {2}Budget: {10}0\.\d+s booked, 0s reserved of 1s$/m);
    }),
  );

  it(
    'that only sleeps is stalled until it does something, and one that works is not',
    onWatchfulFleet(async fleet => {
      const works = 'while [ ! -e woken ]; do :; done';
      await fleet.fanOut('QUIET', [
        {
          goal: 'sleep',
          run: 'until [ -e woken ]; do sleep 300 & echo $! > sleeper; wait $!; done; echo up',
        },
        { goal: 'work', run: works },
      ]);
      const isStalled = ({ children: [child] }: JoinStatus): boolean => child!.stalled_secs !== null;
      const { children } = await fleet.joinWhen('QUIET', 'it is stalled', isStalled);
      assert.equal(children[0]!.state, 'running');
      assert.ok(children[0]!.stalled_secs! >= 1);
      assert.equal(children[1]!.stalled_secs, null, 'what uses the processor lives');
      assert.match((await fleet.spl('task', 'join-status', 'QUIET')).out, /, stalled \d/);
      assert.match(
        (await fleet.spl('fleet', 'status')).out,
        /QUIET \[0\] on worker-\w shows no sign of life/,
      );
      await writeFile(fleet.at('woken'), '');
      process.kill(Number(await fleet.text(fleet.at('sleeper'))));
      assert.equal((await fleet.joined('QUIET')).outcome, 'satisfied');
    }),
  );

  it(
    'that is stalled is ended where that is the policy',
    scenario({ fleet: ['stall_secs = 0.5', 'stall_policy = "end"'] }, async fleet => {
      await fleet.startFleet(1);
      await fleet.fanOut('STALLED', [{ goal: 'sleep', run: 'echo $$ > group; sleep 300' }]);
      const child = onlyChild(await fleet.joined('STALLED'));
      assert.equal(child.verdict, 'failed');
      assert.match(child.reason ?? '', /^stalled: no sign of life for /);
      assert.deepEqual(processesOfGroup(Number(await fleet.text(fleet.at('group')))), []);
    }),
  );

  it(
    'that is stalled is nudged where that is the policy, once each time, and not ended when that is no use',
    scenario({ fleet: ['stall_secs = 0.5', 'stall_policy = "nudge"', 'slots = 3'] }, async fleet => {
      execFileSync('mkfifo', [fleet.at('go')]);
      await fleet.startFleet(1);
      const count =
        'trap "n=x\\$n; echo nudged" WINCH; until [ "$n" = xx ]; do sleep 300 & wait $!; done; exit 0';
      await fleet.fanOut('NUDGED', [
        { goal: 'be stopped', run: 'kill -STOP $$; echo goes on' },
        { goal: 'count', run: count },
        { goal: 'sleep', run: 'read go <go' },
      ]);
      const { children } = await fleet.joinWhen(
        'NUDGED',
        'two are woken',
        ({ completed }) => completed === 2,
      );
      const [stopped, counted, asleep] = children;
      assert.deepEqual([stopped!.verdict, stopped!.summary], ['accept', 'goes on']);
      assert.deepEqual([counted!.verdict, counted!.summary], ['accept', 'nudged\nnudged']);
      assert.equal(asleep!.state, 'running');
      assert.ok(asleep!.stalled_secs! >= 0.5, 'it is told of all the same');
      await writeFile(fleet.at('go'), 'go\n');
      assert.equal((await fleet.joined('NUDGED')).outcome, 'satisfied');
    }),
  );

  it(
    'that prints 100 MB is carried, and kept as far as the settings say, its end included',
    onWatchfulFleet(async fleet => {
      const run = `echo first; yes 0123456789abcde | head -c ${100 * MIB}; echo; echo last`;
      await fleet.fanOut('LOUD', [{ goal: 'print', run }]);
      const child = onlyChild(await fleet.joined('LOUD'));
      assert.equal(child.verdict, 'accept');
      assert.match(child.summary ?? '', /\nlast$/);
      const printed = await output(fleet, 'LOUD');
      assert.ok(
        printed.length > CAP_BYTES / 2 && printed.length < CAP_BYTES + 1024,
        `${printed.length} bytes`,
      );
      const text = printed.toString('latin1');
      assert.match(text, /^first\n0123456789abcde\n/);
      assert.match(text, /\nlast\n$/);
      assert.match(text, /\[.*\b\d+ bytes.*left out.*\]|… .*left out/);
    }),
  );

  it(
    'that prints what is no text is kept byte for byte, and summed up in text',
    onFleet(async fleet => {
      await fleet.fanOut('BYTES', [
        { goal: 'print', run: "printf 'caf\\303\\251 \\377\\376\\000 \\342\\202 end\\n'" },
      ]);
      const child = onlyChild(await fleet.joined('BYTES'));
      assert.equal(child.summary, 'café \ufffd\ufffd \ufffd end');
      const bytes = await output(fleet, 'BYTES');
      assert.equal(bytes.toString('hex'), Buffer.from('café ').toString('hex') + 'fffe0020e28220656e640a');
      const { out } = await fleet.spl('task', 'join-status', 'BYTES');
      assert.match(out, /accept \(\$0\.00, /);
    }),
  );

  it(
    'that ends by a signal or with a code says so; one that left its group or ran on in it is ended and named; none sees the token',
    onWatchfulFleet(async fleet => {
      const env = 'pwd; echo "$SPL_TASK $SPL_SUBTASK $SPL_ATTEMPT $PLAIN ${SPL_TOKEN:-none}"; cat';
      await fleet.fanOut('ENDINGS', [
        { goal: 'by signal', run: 'echo before; kill -SEGV $$' },
        { goal: 'by code', run: 'echo said >&2; exit 7' },
        { goal: 'leave', run: 'setsid sleep 61 >/dev/null 2>&1 & sleep 0.3; echo left' },
        { goal: 'see', run: env },
        { goal: 'nowhere', run: 'touch ran', dir: '/nonexistent/folder' },
      ]);
      const { children } = await fleet.joinWhen(
        'ENDINGS',
        'all have ended',
        ({ completed }) => completed === 5,
      );
      assert.deepEqual(children.map(shortly), [
        ['failed', 'killed by SIGSEGV', null, 'SIGSEGV'],
        ['failed', 'exit 7', 7, null],
        ['accept', null, 0, null],
        ['accept', null, 0, null],
        ['failed', "folder '/nonexistent/folder' does not exist", null, null],
      ]);
      assert.deepEqual(
        children.map(({ summary }) => summary),
        ['before', 'said', 'left', `${fleet.cwd}\nENDINGS 3 1 plain none`, ''],
      );
      const [left, ...more] = children[2]!.left_group;
      assert.match(left ?? '', /^\d+ sleep 61$/);
      assert.deepEqual(more, []);
      assert.match(
        (await fleet.spl('task', 'join-status', 'ENDINGS')).out,
        /⚠ outlived its command, and was ended: \d+ sleep 61/,
      );
      assert.equal(isThere(parseInt(left!, 10)), false);
    }),
  );

  it(
    'is followed while it prints, from wherever the follower comes in',
    onFleet(async fleet => {
      await fleet.fanOut('FOLLOWED', [
        { goal: 'print', run: 'echo one; while [ ! -e go ]; do sleep 0.1; done; echo two' },
      ]);
      const follower = fleet.start(['task', 'output', 'FOLLOWED', '--subtask', '0', '--follow']);
      let text = '';
      follower.stdout!.setEncoding('utf8');
      const closed = once(follower, 'close');
      for await (const chunk of follower.stdout! as AsyncIterable<string>) {
        text += chunk;
        if (text === 'one\n') await fleet.write('go', '');
      }
      assert.deepEqual([text, (await closed)[0]], ['one\ntwo\n', 0]);
      assert.equal((await fleet.joined('FOLLOWED')).outcome, 'satisfied');
    }),
  );
});

describe('a command', function () {
  this.timeout(120_000);

  it(
    'runs in the environment of the shell that submits it, and one that is retried in that of who retries',
    onFleet(async fleet => {
      const inShell = { FROM_SHELL: 'one', GIT_DIR: '/elsewhere/.git' };
      await fleet.json('task', 'add', 'Look around', '--alias', 'AROUND');
      const run = 'echo "[$FROM_SHELL $LEVEL ${GIT_DIR-none}]"; [ "$FROM_SHELL" = two ]';
      const subtask = JSON.stringify({ goal: 'look', run, env: { LEVEL: '1' } });
      await fleet.splWith(inShell, 'task', 'fan-out', 'AROUND', '--subtask', subtask, '--wait');
      assert.equal(onlyChild(await fleet.joined('AROUND')).summary, '[one 1 none]');
      await fleet.splWith({ FROM_SHELL: 'two' }, 'task', 'retry', 'AROUND', '--subtask', '0', '--wait');
      const { verdict, summary } = onlyChild(await fleet.joined('AROUND'));
      assert.deepEqual([verdict, summary], ['accept', '[two 1 none]']);
    }),
  );
});

const shortly = ({ verdict, reason, exit_code: code, signal }: ChildDocument): unknown[] => [
  verdict,
  reason,
  code,
  signal,
];

function onlyChild({ children }: JoinStatus): ChildDocument {
  assert.equal(children.length, 1);
  return children[0]!;
}

/** Returns the output of `spl task output`, byte for byte, as a slow reader gets it. */
async function output(fleet: Scenario, task: string): Promise<Buffer> {
  const child = fleet.start(['task', 'output', task, '--subtask', '0']);
  const chunks: Buffer[] = [];
  const closed = once(child, 'close');
  for await (const chunk of child.stdout! as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    await delay(2);
  }
  const [code] = (await closed) as [number | null];
  assert.equal(code, 0);
  return Buffer.concat(chunks);
}
