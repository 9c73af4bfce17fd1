import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FanOutRequest } from '../../contract/commands.ts';
import { runSerial } from '../commands/fan-out.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { celCompiler } from '../join/cel.ts';
import type { ThreadId } from '../../record/ids.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';
import type { Reusable } from './record-bodies.ts';
import { MAX_CANDIDATES } from './reuse.ts';
import type { FanOut } from './state.ts';

const SUBTASK = { goal: 'g', run: 'make', inputs: ['src'], outputs: ['out'], dir: '/w' };

/** Opens a fan-out of one subtask. @returns it, and the attempts that its delivery may reuse */
function open(
  fleet: TestFleet,
  changed: object = {},
  limits: Partial<FanOutRequest> = {},
): { readonly fanOut: FanOut; readonly reuse: readonly Reusable[] | null } {
  const fanOut = fleet.fanOut([{ ...SUBTASK, ...changed }], limits);
  const { state, reuse } = fanOut.children[0]!;
  assert.equal(state, 'assigned');
  return { fanOut, reuse };
}

/** Accepts the subtask of a new fan-out, with these digests. */
function accept(fleet: TestFleet, inputs: string, changed: object = {}): void {
  const { fanOut } = open(fleet, changed);
  fleet.report(fanOut, 0, { inputs_digest: inputs, outputs_digest: 'out' });
}

/** Enough that every subtask is delivered at once. */
const SLOTS = 100;

const inputsOf = (reuse: readonly Reusable[] | null): readonly string[] =>
  (reuse ?? []).map(({ inputs_digest: inputs }) => inputs);

describe('the attempts that a subtask may reuse', () => {
  it('are the accepted ones of the same work, the newest first, and only so many', () => {
    const fleet = new TestFleet(1, SLOTS);
    for (let n = 0; n <= MAX_CANDIDATES; n++) accept(fleet, `in-${n}`);
    const newest = Array.from({ length: MAX_CANDIDATES }, (_, n) => `in-${MAX_CANDIDATES - n}`);
    assert.deepEqual(inputsOf(open(fleet).reuse), newest);
  });

  it('begin with the one that was reused last', () => {
    const fleet = new TestFleet(1, SLOTS);
    accept(fleet, 'old');
    accept(fleet, 'new');
    const { fanOut, reuse } = open(fleet);
    const { inputs_digest: _, outputs_digest: __, ...reused } = reuse![1]!;
    fleet.report(fanOut, 0, { inputs_digest: 'old', outputs_digest: 'out', reused });
    const after = open(fleet).reuse!;
    assert.deepEqual(inputsOf(after), ['old', 'new']);
    assert.equal(after[0]!.thread, reuse![1]!.thread, 'the attempt that ran, not the one that reused it');
  });

  it('are none of those that did not pass', () => {
    const fleet = new TestFleet(1, SLOTS);
    for (const verdict of ['failed', 'reject', 'timeout'] as const) {
      const { fanOut } = open(fleet);
      fleet.report(fanOut, 0, { verdict });
    }
    assert.equal(open(fleet).reuse, null);
  });

  const other: Readonly<Record<string, object>> = {
    command: { run: 'make all' },
    folder: { dir: '/other' },
    inputs: { inputs: ['src', 'lib'] },
    outputs: { outputs: ['bin'] },
    environment: { env: { A: '1' } },
  };
  for (const [what, changed] of Object.entries(other))
    it(`are none with another ${what}`, () => {
      const fleet = new TestFleet(1, SLOTS);
      accept(fleet, 'in');
      assert.equal(open(fleet, changed).reuse, null);
      assert.deepEqual(inputsOf(open(fleet).reuse), ['in']);
    });

  it('may have another goal, name and limit', () => {
    const fleet = new TestFleet(1, SLOTS);
    accept(fleet, 'in');
    assert.deepEqual(inputsOf(open(fleet, { goal: 'h', name: 'n', timeout_secs: 5 }).reuse), ['in']);
  });

  it('are none with another environment of the fan-out, or in another namespace', () => {
    const fleet = new TestFleet(1, SLOTS);
    fleet.createNamespace('acme');
    accept(fleet, 'in');
    assert.equal(open(fleet, {}, { env: { A: '1' } }).reuse, null);
    assert.equal(open(fleet, {}, { namespace: 'acme' }).reuse, null);
  });

  it('are none where everything is to run, and in a serial baseline', () => {
    const fleet = new TestFleet(1, SLOTS);
    accept(fleet, 'in');
    const { fanOut, reuse } = open(fleet, {}, { force: true });
    assert.equal(reuse, null);
    fleet.report(fanOut, 0, { inputs_digest: 'forced', outputs_digest: 'out' });
    assert.deepEqual(inputsOf(open(fleet).reuse), ['forced', 'in']);
    const thread = 'th_serial' as ThreadId;
    fleet.do(now =>
      runSerial(fleet.core, fanOut.task.alias, { worker: null }, thread, {
        actor: USER,
        key: undefined,
        now,
      }),
    );
    assert.equal(fleet.core.state.tasks.get(thread)!.fanOut!.children[0]!.reuse, null);
  });

  it('are of the same outputs and results of its dependencies', () => {
    const fleet = new TestFleet(1, SLOTS);
    const run = (outputs: string, made: string): readonly string[] => {
      const fanOut = fleet.fanOut([
        { ...SUBTASK, name: 'make' },
        { ...SUBTASK, run: 'use', outputs: null, depends_on: ['make'] },
      ]);
      const results = { results: { made } };
      fleet.report(fanOut, 0, { inputs_digest: 'in', outputs_digest: outputs, ...results });
      const offered = inputsOf(fanOut.children[1]!.reuse);
      fleet.report(fanOut, 1, { inputs_digest: 'used', outputs_digest: 'none' });
      return offered;
    };
    assert.deepEqual(run('1', 'a'), []);
    assert.deepEqual(run('1', 'a'), ['used']);
    assert.deepEqual(run('2', 'a'), []);
    assert.deepEqual(run('1', 'b'), []);
  });

  it('are the same after a restart, from the log and from a checkpoint', () => {
    const fleet = new TestFleet(1, SLOTS);
    accept(fleet, 'one');
    accept(fleet, 'two');
    const saved = saveState(fleet.core.state, celCompiler);
    for (const state of [fleet.replayed(), restoreState(saved, celCompiler)!]) {
      fleet.restart(state);
      fleet.admit(0);
      fleet.beat(0, { slots: SLOTS });
      fleet.hello(0);
      const { fanOut, reuse } = open(fleet);
      assert.deepEqual(inputsOf(reuse), ['two', 'one']);
      fleet.report(fanOut, 0, { verdict: 'failed' });
    }
  });
});
