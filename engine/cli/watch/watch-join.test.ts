import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { main } from '../program.ts';
import { child, done, fannedOut, join, pending, running, THREAD } from '../testing/documents.ts';
import { FakeHost, type FakeOptions } from '../testing/fake-host.ts';

/** Plays a run through these states: one per reading after the first, each with an event. */
function play(
  states: readonly JoinStatus[],
  options: FakeOptions = {},
): { host: FakeHost; readings: () => number } {
  let reading = 0;
  const host: FakeHost = new FakeHost({
    ...options,
    answers: {
      'task.fan-out': fannedOut(),
      join: ({ summary }) => {
        const state = states[Math.min(Math.max(reading - 1, 0), states.length - 1)]!;
        reading += 1;
        if (reading > 1 && reading <= states.length) {
          const event = { kind: 'task' as const, thread: THREAD, children: [0], complete: true };
          setImmediate(() => host.engine.emit(event));
        }
        return summary ? { ...state, children: [] } : state;
      },
      ...options.answers,
    },
  });
  return { host, readings: () => reading };
}

const WATCH = ['task', 'join-status', 'FIRST-001', '--watch'];
const steps = (...children: ChildDocument[][]): JoinStatus[] => children.map(list => join(list));
const two = steps(
  [pending(0), pending(1)],
  [running(0), pending(1)],
  [done(0), running(1)],
  [done(0), done(1)],
);

describe('spl task join-status --watch', () => {
  it('prints a line for each change of state, then the status', async () => {
    const { host } = play(two);
    assert.equal(await main(WATCH, host), 0);
    assert.deepEqual(host.out.lines.slice(0, 7), [
      '· 2 pending: waiting for a free slot',
      '→ [0] Part 0: in progress (worker-a, 3s)',
      '✓ [0] Part 0: accept ($0.00, 1s)',
      '→ [1] Part 1: in progress (worker-a, 3s)',
      '✓ [1] Part 1: accept ($0.00, 1s)',
      '',
      `Fan-out join status: ${THREAD}`,
    ]);
    assert.deepEqual(
      host.engine.watched.map(({ thread, kinds }) => [thread, kinds]),
      [[THREAD, ['record', 'task']]],
    );
  });

  it('prints once the reasons to wait, except dependencies, and that nothing was run', async () => {
    const quota = (secs: number) => `agent:claude is out of quota; next try in ${secs}s`;
    const after = { ...pending(2), depends_on: [1] };
    const echo = 'echo: nothing was run for 1 of 3 subtasks';
    const states = [
      join([running(0), pending(1, quota(9)), after]),
      join([done(0), pending(1, quota(8)), after], { echo }),
      join([done(0), running(1), after], { echo }),
      join([done(0), done(1), done(2)], { echo }),
    ];
    const lines = async (options: FakeOptions): Promise<string> => {
      const { host } = play(states, options);
      assert.equal(await main(WATCH, host), 0);
      return host.out.text.split('Fan-out join status')[0]!;
    };
    assert.deepEqual((await lines({})).split('\n').slice(0, 3), [
      '→ [0] Part 0: in progress (worker-a, 3s)',
      '· 1 pending: agent:claude is out of quota; next try in 9s',
      '✓ [0] Part 0: accept ($0.00, 1s)',
    ]);
    const drawn = await lines({ isTTY: true, env: { NO_COLOR: '1' } });
    assert.match(drawn, /  · 1 pending: agent:claude is out of quota; next try in 8s/);
    assert.match(drawn, /  ⚠ echo: nothing was run for 1 of 3 subtasks/);
  });

  it('reads a finished join once, after asking for its size', async () => {
    const { host, readings } = play([join([done(0)])]);
    assert.equal(await main(WATCH, host), 0);
    assert.equal(readings(), 2);
  });

  it('asks nothing while nothing happens, and gathers simultaneous events', async () => {
    const { host, readings } = play([join([running(0)])]);
    const watching = main(WATCH, host);
    while (readings() < 2) await new Promise(resolve => setImmediate(resolve));
    const event = { kind: 'task' as const, thread: THREAD, children: [0], complete: false };
    for (let i = 0; i < 100; i += 1) host.engine.emit(event);
    while (readings() < 3) await new Promise(resolve => setImmediate(resolve));
    host.interrupt.abort();
    assert.equal(await watching, 130);
    assert.equal(readings(), 3);
  });

  it('prints one document per line with --json, at each change', async () => {
    const again = [
      two[0]!,
      two[1]!,
      { ...two[1]!, children: [{ ...running(0), wall_time_secs: 9 }, pending(1)] },
      two[3]!,
    ];
    const { host } = play(again);
    assert.equal(await main([...WATCH, '--json'], host), 0);
    const documents = host.out.lines.map(line => JSON.parse(line) as JoinStatus);
    assert.deepEqual(
      documents.map(({ completed }) => completed),
      [0, 0, 2],
    );
    assert.deepEqual(documents.at(-1), two[3]);
  });

  for (const outcome of ['unsatisfiable', 'timed_out', 'cancelled'] as const) {
    it(`exits with 1 when the join is ${outcome}`, async () => {
      const { host } = play([join([done(0, 'failed')], { outcome, reason: 'because' })]);
      assert.equal(await main(WATCH, host), 1);
      assert.match(host.out.text, new RegExp(`Outcome: +${outcome} — because`));
    });
  }

  it('leaves the run going at Ctrl-C, and prints how to come back', async () => {
    const { host, readings } = play([join([running(0)])]);
    const watching = main(WATCH, host);
    while (readings() < 2) await new Promise(resolve => setImmediate(resolve));
    host.interrupt.abort();
    assert.equal(await watching, 130);
    assert.equal(
      host.err.text,
      '· FIRST-001 goes on; to come back: spl task join-status FIRST-001 --watch\n',
    );
    assert.ok(host.engine.asked.every(({ name }) => name === 'join'));
  });

  it('prints the next step when the coordinator goes away', async () => {
    for (const end of [new FleetError('UNREACHABLE', 'gone'), null]) {
      const { host, readings } = play([join([running(0)])]);
      const watching = main(WATCH, host);
      while (readings() < 2) await new Promise(resolve => setImmediate(resolve));
      host.engine.emit(end);
      assert.equal(await watching, 5);
      assert.match(
        host.err.text,
        /went away while we watched; workers go on\n {2}→ spl fleet start takes it up again/,
      );
    }
  });

  it('does not wait for a missing fan-out', async () => {
    const { host } = play([join([], { predicate: null, complete: false, outcome: null })]);
    assert.equal(await main(WATCH, host), 3);
    assert.match(host.err.text, /task 'FIRST-001' has no fan-out to watch/);
  });

  it('reads only the counts while a large fan-out runs, and all of it at the end', async () => {
    const many = Array.from({ length: 501 }, (_, i) => running(i));
    const finished = many.map((_, i) => done(i));
    const { host } = play([join(many), join(finished), join(finished)]);
    assert.equal(await main(WATCH, host), 0);
    const summaries = host.engine.asked.map(({ input }) => input['summary']);
    assert.deepEqual(summaries, [true, true, true, false]);
    assert.deepEqual(host.out.lines.slice(0, 3), [
      '· 0 / 501 completed: 501 running',
      '· 501 / 501 completed: 501 accepted',
      '',
    ]);
    assert.equal(host.out.lines.filter(line => line.includes('accept ($0.00, 1s)')).length, 501);
  });

  it('redraws in place on a terminal, and leaves only the status', async () => {
    const { host } = play(two, { isTTY: true, env: { NO_COLOR: '1' } });
    assert.equal(await main(WATCH, host), 0);
    const frames = host.out.text.split('\u001b[0J');
    assert.match(frames[1] ?? '', /^░{24} 0\/2 FIRST-001 · 2 pending · 0s\n/);
    assert.match(
      frames[2] ?? '',
      /^░{24} 0\/2 FIRST-001 · 1 running, 1 pending · 0s\n {2}\[0\] Part 0 +worker-a {2}3s\n/,
    );
    assert.match(frames[3] ?? '', /^█{12}░{12} 1\/2 /);
    assert.ok((frames.at(-1) ?? '').startsWith(`Fan-out join status: ${THREAD}\n`));
    const widths = frames.slice(0, -1).flatMap(frame => frame.split('\n').map(line => line.length));
    assert.ok(Math.max(...widths) <= 80 + '\u001b[2A\r'.length);
  });
});

describe('an attempt without a sign of life', () => {
  const silent = (secs: number) => join([{ ...running(0), stalled_secs: secs }]);
  const states = [join([running(0)]), silent(300), silent(310), join([done(0)])];

  it('is named once', async () => {
    const { host } = play(states);
    await main(WATCH, host);
    assert.deepEqual(host.out.lines.slice(0, 3), [
      '→ [0] Part 0: in progress (worker-a, 3s)',
      '· [0] Part 0: no sign of life for 5m 00s',
      '✓ [0] Part 0: accept ($0.00, 1s)',
    ]);
  });

  it('is named beside its time on a terminal', async () => {
    const { host } = play(states, { isTTY: true, env: { NO_COLOR: '1' } });
    await main(WATCH, host);
    assert.match(host.out.text, /\[0\] Part 0 {2}worker-a {2}3s, no sign of life for 5m 00s\n/);
  });
});

describe('spl task fan-out --wait', () => {
  const words = ['task', 'fan-out', 'FIRST-001', '--subtask', 'goal=a', '--wait'];

  it('prints the fan-out and its changes, and exits by the outcome', async () => {
    const { host } = play(two);
    assert.equal(await main(words, host), 0);
    assert.match(
      host.out.text,
      /^◇ Fan-out parent INTEND created\n(.|\n)*✓ Part 1 passed .*\n2 of 2 passed in 2s · FIRST-001\n$/,
    );
    const failing = play([join([done(0, 'failed')], { outcome: 'unsatisfiable' })]);
    assert.equal(await main(words, failing.host), 1);
  });

  it('prints one document with --json: the fan-out with its join status', async () => {
    const { host } = play(two);
    assert.equal(await main([...words, '--json'], host), 0);
    assert.equal(host.out.lines.length, 1);
    assert.deepEqual(JSON.parse(host.out.text), { ...fannedOut(), ...two[3] });
  });

  it('does not cancel at Ctrl-C', async () => {
    const { host, readings } = play([join([child({ state: 'running', verdict: null })])]);
    const waiting = main(words, host);
    while (readings() < 2) await new Promise(resolve => setImmediate(resolve));
    host.interrupt.abort();
    assert.equal(await waiting, 130);
    assert.deepEqual(new Set(host.engine.asked.map(({ name }) => name)), new Set(['task.fan-out', 'join']));
    assert.match(host.err.text, /FIRST-001 goes on/);
  });
});

describe('spl task retry --wait', () => {
  it('waits for the join of the new round', async () => {
    const { host } = play(two, { answers: { 'task.retry': join([pending(0)], { round: 2 }) } });
    assert.equal(
      await main(['task', 'retry', 'FIRST-001', '--subtask', '0', '--hint', 'h', '--wait'], host),
      0,
    );
    assert.match(host.out.text, /^◇ Retry of subtask 0 recorded\n {2}thread: th_1+\n {2}round: {2}2\n/);
    assert.match(
      host.out.text,
      /\n\n✓ Part 0 passed .*\n✓ Part 1 passed .*\n2 of 2 passed in 2s · FIRST-001\n$/,
    );
    assert.deepEqual(host.engine.asked[0]?.input, { task: 'FIRST-001', subtasks: ['0'], hint: 'h' });
  });
});
