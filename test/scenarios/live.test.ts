import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { LiveDocument } from '../../engine/contract/documents.ts';
import { linesOf, scenario, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const onFleet = sharedFleet({ echoMs: 0 });

/** Runs until the file `go` exists. */
const WAITS = 'while [ ! -e go ]; do sleep 0.1; done';

/** `spl fleet status --live` on a real fleet, without a terminal. */

describe('the live status of a fleet', function () {
  this.timeout(120_000);

  it(
    'prints running subtasks, progress and freezes line by line, until it is interrupted',
    onFleet(async fleet => {
      const live = watch(fleet);
      await live.line('· worker-a is live');
      await fleet.fanOut('SEEN', [{ goal: 'waits', run: WAITS, target: 'worker-a' }]);
      await live.lines('→ SEEN [0] waits runs on worker-a', '· SEEN 0 / 1 completed: 1 running');
      await fleet.json('kill', '--emergency', '--reason', 'look first');
      await live.line('⚠ [emergency stop] — look first');
      await fleet.json('unkill', '--emergency');
      await live.line('· undone: [emergency stop] — look first');
      await writeFile(fleet.at('go'), '');
      await live.lines(
        '· SEEN [0] waits has ended on worker-a',
        '· SEEN is over; spl task join-status SEEN tells how',
      );
      assert.equal(await live.leave(), 0);
    }),
  );

  it(
    'is one document per line with --json, and reconnects after a coordinator was killed',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const live = watch(fleet, '--json');
      const first = await live.document(({ live: count }) => count === 2);
      assert.deepEqual([first.running, first.fan_outs_total], [[], 0]);
      await fleet.fanOut('SEEN', [{ goal: 'waits', name: 'first', run: WAITS }]);
      const [running] = (await live.document(({ running }) => running.length === 1)).running;
      assert.deepEqual(
        [running?.alias, running?.index, running?.name, running?.worker, running?.attempt, running?.cost_usd],
        ['SEEN', 0, 'first', 'worker-a', 1, 0],
      );
      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.startFleet(1);
      await writeFile(fleet.at('go'), '');
      await live.document(({ fan_outs }) => fan_outs.length === 0);
      assert.equal(await live.leave(), 0);
    }),
  );
});

/** Starts the command, and reads its output. */
function watch(fleet: Scenario, ...words: readonly string[]) {
  const child = fleet.start(['fleet', 'status', '--live', ...words]);
  const next = linesOf(child);
  return {
    line: (wanted: string) => next(line => line === wanted),
    /** Waits for lines in any order: an assigned subtask is shown as running a moment before it runs. */
    lines: (...wanted: readonly string[]) => {
      const missing = new Set(wanted);
      return next(line => missing.delete(line) && missing.size === 0);
    },
    document: async (isIt: (live: LiveDocument) => boolean): Promise<LiveDocument> =>
      JSON.parse(await next(line => isIt(JSON.parse(line) as LiveDocument))) as LiveDocument,
    leave: async (): Promise<number | null> => {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}
