import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { LiveDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { main } from '../program.ts';
import { fleet, instance, join, pending, running, THREAD, WORKER_A_DID } from '../testing/documents.ts';
import { FakeHost, type FakeOptions } from '../testing/fake-host.ts';

const LIVE = ['fleet', 'status', '--live'];

const attempt = (change: Partial<LiveDocument['running'][number]> = {}): LiveDocument['running'][number] => ({
  thread: THREAD,
  alias: 'FIRST-001',
  index: 0,
  name: null,
  goal: 'Draft the notes',
  worker: 'worker-a',
  worker_did: WORKER_A_DID,
  attempt: 1,
  started_unix: 1_750_000_000,
  elapsed_secs: 3,
  cost_usd: 0.25,
  ...change,
});

const fanOut = (
  change: Partial<LiveDocument['fan_outs'][number]> = {},
): LiveDocument['fan_outs'][number] => ({
  thread: THREAD,
  alias: 'FIRST-001',
  namespace: 'default',
  round: 1,
  subtasks: 2,
  completed: 0,
  counts: join([running(0), pending(1)]).counts,
  predicate: 'all',
  progress: '0 of 2 accepted, needs 2 more of 2',
  complete: false,
  opened_unix: 1_750_000_000,
  cost_usd: 0.25,
  ...change,
});

const live = (change: Partial<LiveDocument> = {}): LiveDocument => ({
  ...fleet(),
  at_unix: 1_750_000_004,
  running: [attempt()],
  running_total: 1,
  fan_outs: [fanOut()],
  fan_outs_total: 1,
  ...change,
});

/** Plays a fleet through these states: one per reading, each with an event. Then the state stays. */
function play(
  states: readonly LiveDocument[],
  options: FakeOptions = {},
): { host: FakeHost; read: (times: number) => Promise<void> } {
  let reading = 0;
  const host: FakeHost = new FakeHost({
    ...options,
    answers: {
      live: () => {
        const state = states[Math.min(reading, states.length - 1)]!;
        reading += 1;
        if (reading < states.length)
          setImmediate(() => host.engine.emit({ kind: 'instance', did: WORKER_A_DID }));
        return state;
      },
    },
  });
  const read = async (times: number): Promise<void> => {
    while (reading < times) await new Promise(resolve => setImmediate(resolve));
    // Each state is shown before anything else happens.
    await new Promise(resolve => setImmediate(resolve));
  };
  return { host, read };
}

const onTerminal: FakeOptions = { isTTY: true, env: { NO_COLOR: '1' } };
const SHOWS = '\u001b[H';

/** Returns the lines of each drawn screen. */
const pictures = (host: FakeHost): string[][] =>
  host.out.text
    .split(SHOWS)
    .slice(1)
    .map(picture => picture.split('\u001b[0J')[0]!.replaceAll('\u001b[K', '').split('\r\n'));

describe('spl fleet status --live', () => {
  it('draws instances, their running subtasks, and the progress of fan-outs on the alternate screen', async () => {
    const { host, read } = play([live()], onTerminal);
    const watching = main(LIVE, host);
    await read(1);
    host.terminal!.use!.onKey('q');
    assert.equal(await watching, 0);
    assert.deepEqual(pictures(host)[0], [
      'Fleet  http://127.0.0.1:9100  3 live · 0 stale · 0 archived',
      'q or Ctrl-C quits; the fleet keeps running',
      '',
      'INSTANCE     STATUS  HEALTH   LOAD  HEARTBEAT  UPTIME',
      'coordinator  live    healthy  –     –          1h 02m',
      'worker-a     live    healthy  1/1   4s ago     12s',
      '  FIRST-001 [0]  3s  $0.25  Draft the notes',
      'worker-b     live    healthy  0/1   4s ago     12s',
      '',
      '░░░░░░░░░░░░ 0/2  FIRST-001  4s  $0.2500  0 of 2 accepted, needs 2 more of 2',
    ]);
    assert.deepEqual(host.engine.watched[0]?.kinds, ['task', 'instance', 'heartbeat']);
  });

  it('notes unknown costs, and that nothing was run', async () => {
    const echo = 'echo: nothing was run for 1 of 2 subtasks';
    const state = live({
      running: [attempt({ cost_usd: 0, unknown_costs: 1 }), attempt({ index: 1, unknown_costs: 1 })],
      fan_outs: [fanOut({ unknown_costs: 2, echo })],
    });
    const { host, read } = play([state], onTerminal);
    const watching = main(LIVE, host);
    await read(1);
    host.terminal!.use!.onKey('q');
    await watching;
    const lines = pictures(host)[0]!;
    assert.match(lines.join('\n'), /\[0\]  3s  unknown  /);
    assert.match(lines.join('\n'), /\[1\]  3s  at least \$0\.25  /);
    assert.match(lines.at(-2)!, /  at least \$0\.2500  /);
    assert.equal(lines.at(-1), '  ⚠ echo: nothing was run for 1 of 2 subtasks');
  });

  for (const [how, leave] of [
    ['q', host => host.terminal!.use!.onKey('q')],
    ['Ctrl-C', host => host.terminal!.use!.onKey('\u0003')],
    ['an interrupt', host => host.interrupt.abort()],
  ] as const satisfies readonly (readonly [string, (host: FakeHost) => void])[])
    it(`exits with 0 at ${how}, and restores the terminal`, async () => {
      const { host, read } = play([live()], onTerminal);
      const watching = main(LIVE, host);
      await read(1);
      assert.ok(host.out.text.startsWith('\u001b[?1049h\u001b[?25l'));
      leave(host);
      assert.equal(await watching, 0);
      assert.ok(host.out.text.endsWith('\u001b[?25h\u001b[?1049l'));
      assert.equal(host.terminal!.use, null);
    });

  it('restores the terminal when the coordinator is gone for good, and reports that', async () => {
    const { host, read } = play([live()], onTerminal);
    const watching = main(LIVE, host);
    await read(1);
    host.engine.emit(new FleetError('UNREACHABLE', 'nobody answers'));
    assert.equal(await watching, 5);
    assert.ok(host.out.text.endsWith('\u001b[?25h\u001b[?1049l'));
    assert.match(host.err.text, /nobody answers/);
  });

  it('redraws for another size, within its width and height', async () => {
    const freezes = [
      {
        namespace: 'acme',
        level: 'soft',
        grace_secs: 60,
        reason: 'x'.repeat(99),
        issued_by: 'a',
        issued_at_unix: 1,
      },
    ];
    const { host, read } = play([live({ freezes })], onTerminal);
    const watching = main(LIVE, host);
    await read(1);
    Object.assign(host.out, { columns: 40, rows: 6 });
    host.terminal!.use!.onResize();
    host.terminal!.use!.onKey('q');
    await watching;
    const [first, second] = pictures(host) as [string[], string[]];
    assert.match(first[2] ?? '', /^\[soft\] acme — x+…$/);
    assert.deepEqual([second.length, second.at(-1)], [6, '… 6 more']);
    assert.ok(second.every(line => line.length < 40));
  });

  it('prints a line for each change without a terminal, and asks nothing while nothing happens', async () => {
    const counts = join([running(1)]).counts;
    const states = [
      live(),
      live({
        instances: [instance({ health: 'draining' })],
        running: [attempt({ index: 1, attempt: 2 })],
        fan_outs: [fanOut({ completed: 1, counts })],
      }),
      live({ instances: [], running: [], fan_outs: [] }),
    ];
    const { host, read } = play(states);
    const watching = main(LIVE, host);
    await read(3);
    host.interrupt.abort();
    assert.equal(await watching, 0);
    const { lines } = host.out;
    assert.equal(lines[0], 'Fleet status');
    assert.deepEqual(lines.slice(lines.indexOf('· coordinator is live')), [
      '· coordinator is live',
      '· worker-a is live',
      '· worker-b is live',
      '→ FIRST-001 [0] Draft the notes runs on worker-a',
      '· FIRST-001 0 / 2 completed: 1 running, 1 pending',
      '· coordinator is gone',
      '· worker-b is gone',
      '· worker-a is live, draining',
      '· FIRST-001 [0] Draft the notes has ended on worker-a',
      '→ FIRST-001 [1] Draft the notes runs on worker-a, attempt 2',
      '· FIRST-001 1 / 2 completed: 1 running',
      '· worker-a is gone',
      '· FIRST-001 [1] Draft the notes has ended on worker-a',
      '· FIRST-001 is over; spl task join-status FIRST-001 tells how',
    ]);
    assert.equal(host.engine.asked.length, 3);
    assert.deepEqual(host.engine.watched[0]?.kinds, ['task', 'instance']);
  });

  it('prints one document per line with --json, and none if only times changed', async () => {
    const states = [
      live(),
      live({ at_unix: 1_750_000_005, running: [attempt({ elapsed_secs: 4 })] }),
      live({ running: [] }),
    ];
    const { host, read } = play(states, onTerminal);
    const watching = main([...LIVE, '--json'], host);
    await read(3);
    host.interrupt.abort();
    assert.equal(await watching, 0);
    assert.deepEqual(
      host.out.lines.map(line => JSON.parse(line) as unknown),
      [states[0], states[2]],
    );
  });
});
