import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fleet, instance, task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { Clock } from '../../test/stubs/clock.ts';
import { keptLog } from '../../test/stubs/vscode.ts';
import { next, settled } from '../testing/editor.ts';
import { FakeSession } from '../testing/session.ts';
import type { Changed } from '../../engine/client/follow.ts';
import { FleetModel } from './fleet-model.ts';

const a = task({ thread: 'th_a', alias: 'A' });
const b = task({ thread: 'th_b', alias: 'B' });

describe('the model of the fleet', () => {
  let session: FakeSession;
  let model: FleetModel;
  let client: FakeClient;
  let changes: Changed[];
  const log = keptLog();

  beforeEach(async () => {
    session = new FakeSession();
    model = new FleetModel(session, log);
    changes = [];
    model.onDidChange(change => changes.push(change));
    client = engine([a, b]);
    const read = next(model.onDidChange);
    session.live(client);
    await read;
    client.asked.length = changes.length = 0;
  });
  afterEach(() => model.dispose());

  /** Returns an engine with these tasks, oldest first. */
  function engine(tasks: readonly TaskDocument[], more = {}): FakeClient {
    return new FakeClient({
      fleet: fleet(),
      tasks: { tasks },
      task: ({ task: thread }) => {
        const found = tasks.find(each => each.thread === thread);
        if (found === undefined) throw new FleetError('NOT_FOUND', 'no such task');
        return found;
      },
      ...more,
    });
  }
  /** Returns a task that is over. A higher number makes it newer. */
  const over = (i: number): TaskDocument =>
    task({ thread: `th_${i}`, alias: `T-${i}`, created_unix: 1000 + i, fan_out: null });
  const aliases = (): readonly string[] => [...model.tasks.values()].map(({ alias }) => alias);
  const tell = (...threads: readonly string[]): void => {
    for (const thread of threads) client.emit({ kind: 'task', thread, children: [0], complete: false });
  };

  it('is complete once an engine answers, with the newest task first', () => {
    assert.deepEqual(aliases(), ['B', 'A']);
    assert.equal(model.fleet?.live, 3);
    assert.deepEqual(
      [model.task('th_a')?.alias, model.task('A')?.thread, model.task('C')],
      ['A', 'th_a', undefined],
    );
  });

  it('reads only changed things again', async () => {
    client.change({ task: { ...a, goal: 'another one' } });
    tell('th_a');
    const change = await next(model.onDidChange);
    assert.deepEqual(
      [change.all, change.namespaces, [...change.tasks]],
      [false, false, [['th_a', new Set([0])]]],
    );
    assert.equal(model.task('A')?.goal, 'another one');
    assert.deepEqual(client.asked.map(({ name }) => name).toSorted(), ['fleet', 'task']);
  });

  it('gathers many changes, and loses none', async () => {
    tell('th_a');
    await next(model.onDidChange);
    for (let index = 0; index < 50; index++)
      client.emit({
        kind: 'task',
        thread: index % 2 === 0 ? 'th_a' : 'th_b',
        children: [index],
        complete: false,
      });
    const { tasks } = await next(model.onDidChange);
    assert.deepEqual([...tasks.keys()].toSorted(), ['th_a', 'th_b']);
    assert.equal(
      [...tasks.values()].reduce((sum, { size }) => sum + size, 0),
      50,
    );
    assert.equal(changes.length, 2);
  });

  it('puts a new task first, in whatever order answers come', async () => {
    const [c, d] = [task({ thread: 'th_c', alias: 'C' }), task({ thread: 'th_d', alias: 'D' })];
    client.change({ task: ({ task: thread }) => (thread === 'th_c' ? c : thread === 'th_d' ? d : a) });
    tell('th_c', 'th_a', 'th_d');
    await next(model.onDidChange, () => model.tasks.size === 4);
    assert.deepEqual(aliases(), ['D', 'C', 'B', 'A']);
  });

  it('drops a task that no longer exists', async () => {
    tell('th_gone', 'th_a');
    await next(model.onDidChange);
    assert.deepEqual(aliases(), ['B', 'A']);
  });

  it('keeps the newest 500 tasks', async () => {
    const many = Array.from({ length: 500 }, (_, i) => over(i));
    client.change({
      tasks: ({ limit }) => ({ tasks: many.slice(-Number(limit)) }),
      task: task({ thread: 'th_new' }),
    });
    client.emit({ kind: 'gap' });
    await next(model.onDidChange);
    tell('th_new');
    await next(model.onDidChange);
    assert.deepEqual(
      [model.tasks.size, model.tasks.has('th_new'), model.tasks.has('th_0')],
      [500, true, false],
    );
  });

  it('adds runs under way, however old, until they are over', async () => {
    const old = task({ thread: 'th_old', alias: 'OLD', created_unix: 1 });
    const many = [old, ...Array.from({ length: 500 }, (_, i) => over(i))];
    client.change({
      fleet: fleet({ open_fan_outs: 1 }),
      tasks: ({ limit }) => ({ tasks: many.slice(-Number(limit)) }),
      live: { fan_outs: [{ thread: 'th_old' }] },
      task: old,
    });
    client.emit({ kind: 'gap' });
    await next(model.onDidChange);
    assert.deepEqual([model.tasks.size, aliases().at(-1), model.underWay], [501, 'OLD', 1]);
    const failed = { ...old.fan_out!, complete: true, under_way: false, outcome: 'unsatisfiable' };
    client.change({ fleet: fleet({ open_fan_outs: 0 }), task: { ...old, fan_out: failed } });
    tell('th_old');
    await next(model.onDidChange);
    assert.equal(model.task('OLD')?.fan_out?.complete, true, 'its end is told');
    client.change({ task: over(7) });
    tell('th_7');
    await next(model.onDidChange);
    assert.deepEqual([model.tasks.size, model.underWay], [500, 0]);
  });

  it('puts a changed older task at its place', async () => {
    client.change({ task: task({ thread: 'th_old', alias: 'OLD', created_unix: 1 }) });
    tell('th_old');
    await next(model.onDidChange);
    assert.deepEqual(aliases(), ['B', 'A', 'OLD']);
  });

  it('counts runs under way as the engine does, shown or not', async () => {
    assert.equal(model.underWay, 2, 'an engine that tells of no count is taken at what is shown');
    client.change({ fleet: fleet({ open_fan_outs: 7 }) });
    client.emit({ kind: 'instance', did: 'any' });
    await next(model.onDidChange);
    assert.equal(model.underWay, 7);
  });

  it('reads everything again after missed events', async () => {
    client.change({ tasks: { tasks: [b] }, fleet: fleet({ live: 1 }) });
    client.emit({ kind: 'gap' });
    const change = await next(model.onDidChange);
    assert.deepEqual([change.all, change.namespaces, aliases(), model.fleet?.live], [true, true, ['B'], 1]);
  });

  it('reports namespaces and instances', async () => {
    client.emit({ kind: 'namespace', id: 'acme' });
    const first = await next(model.onDidChange);
    assert.deepEqual([first.namespaces, first.tasks.size], [true, 0]);
    client.change({ fleet: fleet({ instances: [instance()] }) });
    client.emit({ kind: 'instance', did: 'any' });
    const second = await next(model.onDidChange);
    assert.deepEqual([second.namespaces, model.fleet?.instances.length], [false, 1]);
  });

  it('is read again after a failed answer, and is then complete', async () => {
    client.change({ task: new FleetError('UNREACHABLE', 'nobody answers') });
    tell('th_a');
    await settled();
    assert.match(log.lines.at(-1)!, /^warn following the fleet: nobody answers/);
    client.change({ tasks: { tasks: [b] } });
    const change = await next(model.onDidChange);
    assert.deepEqual([change.all, aliases()], [true, ['B']]);
    assert.equal(client.watchers, 1);
  });

  it('follows another engine when it answers, and leaves the earlier one', async () => {
    const other = engine([task({ thread: 'th_o', alias: 'O' })]);
    session.live(other);
    await next(model.onDidChange);
    await settled();
    assert.deepEqual([aliases(), client.watchers, other.watchers], [['O'], 0, 1]);
    tell('th_a');
    await settled();
    assert.equal(changes.length, 1, 'what the earlier one still tells counts no more');
  });

  it('drops an answer of an engine that has gone', async () => {
    let answer: (document: object) => void = () => undefined;
    client.change({ task: () => new Promise<object>(resolve => (answer = resolve)) });
    tell('th_a');
    await settled();
    session.none();
    answer({ ...a, goal: 'too late' });
    await settled();
    assert.deepEqual([model.fleet, aliases()], [undefined, []]);
    assert.deepEqual(
      changes.map(({ all }) => all),
      [true],
      'all is gone at once',
    );
  });

  it('keeps what has ended when the fleet is stopped', async () => {
    const fanOut = { ...a.fan_out!, complete: true, under_way: false };
    const ended = { ...a, goal: 'it has ended', fan_out: fanOut };
    const draining = { ...b, fan_out: { ...fanOut, under_way: true } };
    const other = engine([ended, draining]);
    session.live(other);
    await next(model.onDidChange, () => model.tasks.size === 2 && model.fleet !== undefined);
    session.none();
    await settled();
    assert.deepEqual([model.fleet, aliases(), model.underWay], [undefined, ['A'], 0]);
    session.live(client);
    await next(model.onDidChange, () => model.fleet !== undefined);
    assert.deepEqual(aliases(), ['B', 'A'], 'the next engine says what there is');
  });

  it('ends with its window', async () => {
    model.dispose();
    await settled();
    assert.equal(client.watchers, 0);
  });

  describe('can be awaited', () => {
    it('until it has a task that satisfies a condition', async () => {
      let isKnown = false;
      const waiting = model.known('th_c', ({ status }) => status === 'approved').then(() => (isKnown = true));
      const c = task({ thread: 'th_c', alias: 'C' });
      client.change({ task: c });
      tell('th_c');
      await next(model.onDidChange);
      await settled();
      assert.equal(isKnown, false);
      client.change({ task: { ...c, status: 'approved' } });
      tell('th_c');
      await waiting;
    });

    it('without a wait if it already does', async () => {
      await model.known('th_a');
      assert.deepEqual(client.asked, []);
    });

    it('for a limited time', async () => {
      const clock = new Clock();
      try {
        const waiting = model.known('th_never');
        clock.pass(2000);
        await waiting;
        assert.equal(clock.size, 0);
      } finally {
        clock.restore();
      }
    });
  });
});
