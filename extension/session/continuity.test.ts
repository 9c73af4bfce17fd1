import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fleet, task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { Clock } from '../../test/stubs/clock.ts';
import { editor, keptLog } from '../../test/stubs/vscode.ts';
import { FleetModel } from '../model/fleet-model.ts';
import { next, settled, useEditor } from '../testing/editor.ts';
import { FakeSession } from '../testing/session.ts';
import { Continuity } from './continuity.ts';

/** Returns an open fan-out, or one that is over with this number of running subtasks. */
function run(complete: boolean, running = 0): TaskDocument {
  const bare = task();
  const { counts } = bare.fan_out!;
  const under_way = !complete || running > 0;
  return { ...bare, fan_out: { ...bare.fan_out!, complete, under_way, counts: { ...counts, running } } };
}

describe('a run that outlives its window', () => {
  let session: FakeSession;
  let model: FleetModel;
  let client: FakeClient;
  let continuity: Continuity;
  let clock: Clock;
  /** The calls on the standby, and the commands that the engine received meanwhile. */
  let done: string[];
  let lose: () => void;
  const log = keptLog();
  useEditor();

  beforeEach(async () => {
    clock = new Clock();
    done = [];
    client = new FakeClient({
      fleet: fleet(),
      tasks: { tasks: [] },
      'fleet.stop': input => {
        done.push(`stop ${String(input['scope'])} ${String(input['grace_secs'])}`);
        return { stopped: [], coordinator_stopping: true };
      },
    });
    session = new FakeSession();
    model = new FleetModel(session, log);
    const standby = async (onLost: () => void) => {
      lose = onLost;
      return { begin: async () => void done.push('begin'), end: async () => void done.push('end') };
    };
    continuity = new Continuity(session, model, standby, log);
    session.live(client);
    await next(model.onDidChange);
    done.length = 0;
    editor.settings.set('fleet.onWindowClose', 'continue');
  });
  afterEach(() => {
    clock.restore();
    continuity.dispose();
    model.dispose();
  });

  /** Sets the tasks of the engine. */
  async function has(...tasks: readonly TaskDocument[]): Promise<void> {
    client.change({ tasks: { tasks } });
    const read = next(model.onDidChange);
    client.emit({ kind: 'gap' });
    await read;
    await settled();
  }

  it('has a standby while it is open and this window hosts it', async () => {
    await has(run(false));
    assert.deepEqual(done, ['begin']);
    done.length = 0;
    session.live(client, false);
    await has(run(false));
    assert.deepEqual(done, []);
  });

  it('has none if nothing is open', async () => {
    await has(run(true), { ...task(), thread: 'th_bare', fan_out: null });
    clock.pass(10_000);
    assert.deepEqual(done, []);
  });

  it('has one as long as subtasks run on after the join', async () => {
    await has(run(true, 1));
    assert.deepEqual(done, ['begin']);
  });

  it('has one for a run that the views do not show', async () => {
    client.change({ fleet: fleet({ open_fan_outs: 1 }), live: { fan_outs: [] } });
    await has(run(true));
    assert.deepEqual(done, ['begin']);
  });

  it('has none a few seconds after its end, unless another run has begun', async () => {
    await has(run(false));
    await has(run(true));
    clock.pass(2000);
    await has(run(false));
    clock.pass(2000);
    assert.deepEqual(done, ['begin', 'begin'], 'to begin again does nothing while it waits');
    await has(run(true));
    clock.pass(2999);
    assert.ok(!done.includes('end'));
    clock.pass(1);
    assert.equal(done.at(-1), 'end');
  });

  it('gets another standby a moment after one was lost', async () => {
    await has(run(false));
    lose();
    lose();
    await has(run(false));
    assert.deepEqual(done, ['begin'], 'one that can not live is not begun in a row');
    clock.pass(1000);
    await settled();
    assert.deepEqual(done, ['begin', 'begin']);
    assert.ok(log.lines.includes('warn the standby is gone'));
  });

  it('continues if its standby took over', async () => {
    await has(run(false));
    session.live(client, false);
    lose();
    clock.pass(10_000);
    await settled();
    assert.deepEqual(done, ['begin']);
  });

  it('asks nobody, and needs no standby if runs stop with the window', async () => {
    editor.settings.set('fleet.onWindowClose', 'stop');
    await has(run(false));
    assert.deepEqual([editor.person.texts, done], [[], []]);
    editor.settings.set('fleet.onWindowClose', undefined);
    await settled();
    assert.deepEqual([editor.person.texts, done], [[], ['begin']]);
  });
});
