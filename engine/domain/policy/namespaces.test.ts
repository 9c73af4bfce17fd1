import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { chainOf, isWithin } from '../../contract/namespaces.ts';
import type { FleetError } from '../../errors.ts';
import { RESERVED } from '../../record/ids.ts';
import { admitWork } from './admission.ts';
import { TOPIC } from '../model/record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import { namespaceDocument, namespacesDocument } from './namespaces.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { SELF, TestFleet, USER } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

function refuses(run: () => unknown, code: FleetError['code'], message: RegExp, hint?: RegExp): void {
  assert.throws(run, (error: FleetError) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
}

function fleetWith(...ids: string[]): TestFleet {
  const fleet = new TestFleet(1);
  for (const id of ids) fleet.createNamespace(id);
  return fleet;
}

describe('a namespace', () => {
  it('has the ancestors of its segments, and default last', () => {
    assert.deepEqual(chainOf('a/b/c'), ['a/b/c', 'a/b', 'a', 'default']);
    assert.deepEqual(chainOf('default'), ['default']);
    assert.deepEqual(
      ['a', 'a/b', 'ab', 'b'].map(id => isWithin(id, 'a')),
      [true, true, false, false],
    );
    assert.equal(isWithin('b', 'default'), true);
  });

  it('is registered by one record of the coordinator, which names the issuer', () => {
    const fleet = fleetWith('acme');
    const [{ record }] = fleet.log.slice(-1) as [(typeof fleet.log)[0]];
    assert.deepEqual([record.act, record.actor, record.thread], ['LEARN', SELF, RESERVED.namespaceRegistry]);
    assert.deepEqual(record.body, {
      ...{ topic: TOPIC.namespaceStatus, id: 'acme', status: 'active', issued_by: USER },
    });
    fleet.createNamespace('acme');
    assert.equal(fleet.bodiesOf(TOPIC.namespaceStatus).length, 1, 'it was there as it is wanted');
    fleet.createNamespace('acme', 'all of Acme');
    fleet.createNamespace('acme');
    assert.equal(namespaceDocument(fleet.core.state.namespaces, 'acme').description, 'all of Acme');
  });

  it('needs its parent, and writes nothing without it', () => {
    const fleet = fleetWith('acme');
    const before = fleet.log.length;
    refuses(
      () => fleet.createNamespace('acme/web/staging'),
      'NAMESPACE_REJECTED',
      /^parent namespace 'acme\/web' does not exist or is not active$/,
      /spl namespace create acme\/web$/,
    );
    fleet.do(() => undefined);
    assert.equal(fleet.log.length, before);
  });

  for (const [id, why] of [
    ['default', /always exists/],
    ['default/x', /begins with 'default'/],
    ['a/b/c/d/e', /5 levels/],
    ['Acme', /segment 'Acme'/],
    ['a//b', /segment ''/],
    ['-a', /segment '-a'/],
    ['x'.repeat(64), /1 to 63/],
    [`${'x'.repeat(63)}/`.repeat(4) + 'y', /5 levels|256/],
    ['a b', /segment 'a b'/],
  ] as const)
    it(`must not be called '${id.slice(0, 20)}'`, () => {
      refuses(() => fleetWith().createNamespace(id), 'INVALID_RECORD', why);
    });

  it('may have four segments of 63', () => {
    const segment = 'x'.repeat(63);
    const ids = [1, 2, 3, 4].map(n => Array<string>(n).fill(segment).join('/'));
    const { namespaces } = fleetWith(...ids).core.state;
    assert.deepEqual(
      ids.map(id => namespaceDocument(namespaces, id).level),
      ['ORG', 'PROJECT', 'ENV', 'JOB'],
    );
  });

  it('is listed below its parent, default first', () => {
    const { namespaces } = fleetWith('b', 'a', 'a-b', 'a/z', 'a/b', 'a/b/c').core.state;
    const document = namespacesDocument(namespaces);
    assert.deepEqual(
      document.namespaces.map(({ id, depth }) => `${depth} ${id}`),
      ['0 default', '1 a', '2 a/b', '3 a/b/c', '2 a/z', '1 a-b', '1 b'],
    );
    assert.equal(document.explicit, 6);
    refuses(() => namespaceDocument(namespaces, 'c'), 'NOT_FOUND', /'c'/, /spl namespace create c$/);
  });

  it('is listed in pages below its parent, with the number of its children', () => {
    const fleet = fleetWith('a', 'a/z', 'a/b', 'a/b/c', 'a/c', 'b');
    fleet.deleteNamespace('a/c');
    fleet.archiveNamespace('a/z');
    const below = (parent: string, offset?: number, limit?: number) => {
      const asked = { parent, ...(offset === undefined ? {} : { offset }), ...(limit && { limit }) };
      const { namespaces, explicit } = namespacesDocument(fleet.core.state.namespaces, asked);
      return [namespaces.map(({ id, children }) => `${id} ${children}`), explicit];
    };
    assert.deepEqual(below('default'), [['a 2', 'b 0'], 2]);
    assert.deepEqual(below('a'), [['a/b 1', 'a/z 0'], 2]);
    assert.deepEqual(below('a', 1), [['a/z 0'], 2]);
    assert.deepEqual(below('a', 0, 1), [['a/b 1'], 2]);
    assert.deepEqual(below('b'), [[], 0]);
  });

  it('survives a restart of the coordinator, from the log and from a checkpoint', () => {
    const fleet = fleetWith('acme', 'acme/web');
    fleet.restart();
    fleet.createNamespace('acme/web/x');
    assert.equal(
      new Set(fleet.log.map(({ record: { thread, actor, clock } }) => `${thread} ${actor} ${clock}`)).size,
      fleet.log.length,
      'I14',
    );
    const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    assert.deepEqual(
      namespacesDocument(restored.namespaces),
      namespacesDocument(fleet.core.state.namespaces),
    );
    assert.deepEqual(restored.ownClocks, fleet.core.state.ownClocks);
  });
});

describe('an archived namespace', () => {
  const statusOf = (fleet: TestFleet, id: string) => {
    const { status, own_status: own, archived_by: by } = namespaceDocument(fleet.core.state.namespaces, id);
    return [status, own, by];
  };

  it('closes all namespaces below it, and no siblings', () => {
    const fleet = fleetWith('a', 'a/b', 'a/b/c', 'a/d', 'ab');
    fleet.archiveNamespace('a/b');
    assert.deepEqual(statusOf(fleet, 'a/b'), ['archived', 'archived', 'a/b']);
    assert.deepEqual(statusOf(fleet, 'a/b/c'), ['archived', 'active', 'a/b']);
    for (const id of ['a', 'a/d', 'ab', 'default'])
      assert.deepEqual(statusOf(fleet, id), ['active', 'active', null]);
    refuses(
      () => fleet.addTask({ namespace: 'a/b/c' }),
      'NAMESPACE_REJECTED',
      /^namespace 'a\/b\/c' is rejected: 'a\/b' is archived$/,
      /^Make it active again with: spl namespace create a\/b$/,
    );
    fleet.addTask({ namespace: 'a/d' });
  });

  it('reopens the namespaces that it closed, but not those archived themselves', () => {
    const fleet = fleetWith('a', 'a/b', 'a/c', 'a/c/d');
    fleet.archiveNamespace('a/b');
    fleet.archiveNamespace('a');
    fleet.createNamespace('a');
    assert.deepEqual(statusOf(fleet, 'a/b'), ['archived', 'archived', 'a/b']);
    assert.deepEqual(statusOf(fleet, 'a/c/d'), ['active', 'active', null]);
    fleet.createNamespace('a/b');
    assert.deepEqual(statusOf(fleet, 'a/b'), ['active', 'active', null]);
  });

  it('keeps its description, and is archived only once', () => {
    const fleet = new TestFleet();
    fleet.createNamespace('a', 'all of it');
    fleet.archiveNamespace('a');
    const { length } = fleet.log;
    fleet.archiveNamespace('a');
    assert.equal(fleet.log.length, length);
    fleet.createNamespace('a');
    assert.equal(namespaceDocument(fleet.core.state.namespaces, 'a').description, 'all of it');
  });

  it('is never default, nor an unknown one', () => {
    const fleet = fleetWith('a');
    for (const change of ['archiveNamespace', 'deleteNamespace'] as const) {
      refuses(() => fleet[change]('default'), 'INVALID_RECORD', /'default'.*can't be changed or archived/);
      refuses(() => fleet[change]('b'), 'NOT_FOUND', /'b' is not registered/);
    }
  });

  it('starts nothing, which is the reason of waiting work, and continues when it is active again (I47)', () => {
    const fleet = fleetWith('a', 'a/b');
    const held = fleet.fanOut(3, {}, undefined, fleet.addTask({ namespace: 'a/b' }));
    const free = fleet.fanOut(1);
    fleet.archiveNamespace('a');
    fleet.sent = [];
    fleet.report(held, 0);
    assert.deepEqual(fleet.delivered(), [0], 'the one in default has its turn');
    fleet.report(free, 0);
    const why = "namespace 'a' is archived; make it active again with: spl namespace create a";
    const { children } = joinDocument(fleet.core, held.task, false, fleet.now);
    assert.deepEqual(
      children.map(({ state, reason }) => [state, reason]),
      [
        ['done', null],
        ['pending', why],
        ['pending', why],
      ],
    );
    refuses(() => fleet.retry(held.task, 1), 'NAMESPACE_REJECTED', /'a' is archived/);
    fleet.createNamespace('a');
    fleet.report(held, 1);
    fleet.report(held, 2);
    assert.equal(held.joined?.outcome, 'satisfied');
  });

  it('is sent to workers while it has open work (I47)', () => {
    const fleet = fleetWith('a', 'b', 'b/c');
    const told = (): unknown => {
      const permits = fleet.sent.flatMap(({ message }) => (message.type === 'permit' ? [message] : []));
      fleet.sent = [];
      return permits.at(-1)?.frozen;
    };
    const fanOut = fleet.fanOut(1, {}, undefined, fleet.addTask({ namespace: 'b/c' }));
    fleet.archiveNamespace('a');
    assert.deepEqual(told(), []);
    fleet.archiveNamespace('b');
    assert.deepEqual(told(), [{ namespace: 'b', words: "namespace 'b' is archived", endsInMs: null }]);
    fleet.report(fanOut, 0);
    fleet.hello(0);
    assert.deepEqual(told(), []);
  });

  it('survives a restart of the coordinator, from the log and from a checkpoint', () => {
    const fleet = fleetWith('a', 'a/b');
    fleet.archiveNamespace('a');
    fleet.restart();
    assert.deepEqual(statusOf(fleet, 'a/b'), ['archived', 'active', 'a']);
    const { namespaces } = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    assert.deepEqual(namespaces, fleet.core.state.namespaces);
  });
});

describe('a deleted namespace', () => {
  const listed = (fleet: TestFleet, all = false) =>
    namespacesDocument(fleet.core.state.namespaces, { all }).namespaces.map(({ id }) => id);

  it('is archived, loses its description, and is no longer listed, nor anything below it', () => {
    const fleet = fleetWith('a', 'a/b', 'c');
    fleet.createNamespace('a', 'what it was for');
    fleet.archiveNamespace('a/b');
    fleet.deleteNamespace('a');
    assert.deepEqual(listed(fleet), ['default', 'c']);
    assert.deepEqual(listed(fleet, true), ['default', 'a', 'a/b', 'c']);
    refuses(() => fleet.addTask({ namespace: 'a' }), 'NAMESPACE_REJECTED', /'a' was deleted/, /create a$/);
    refuses(() => fleet.deleteNamespace('a'), 'NOT_FOUND', /'a'/);
    fleet.createNamespace('a');
    assert.deepEqual(listed(fleet), ['default', 'a', 'a/b', 'c']);
    assert.equal(namespaceDocument(fleet.core.state.namespaces, 'a').description, null);
  });

  it('must have no active namespace below it', () => {
    const fleet = fleetWith('a', 'a/b', 'a/b/c');
    const hint = /spl namespace delete a\/b\/c$/;
    refuses(
      () => fleet.deleteNamespace('a'),
      'CONFLICT',
      /'a' can't be deleted: 2 below it are active/,
      hint,
    );
    fleet.deleteNamespace('a/b/c');
    fleet.deleteNamespace('a/b');
    fleet.deleteNamespace('a');
    assert.deepEqual(listed(fleet), ['default']);
  });

  it('must have no open work, also where a fan-out is below its task', () => {
    const fleet = fleetWith('a', 'a/b');
    const task = fleet.addTask({ namespace: 'a' });
    const fanOut = fleet.fanOut(1, { namespace: 'a/b' }, undefined, task);
    const why = new RegExp(`'a/b' can't be deleted: a task in it is not finished, as '${task.alias}'`);
    refuses(() => fleet.deleteNamespace('a/b'), 'CONFLICT', why, /spl task cancel/);
    fleet.report(fanOut, 0);
    fleet.deleteNamespace('a/b');
    assert.deepEqual(listed(fleet), ['default', 'a']);
  });
});

describe('the narrowing rule', () => {
  it('admits work to a namespace whose whole chain is registered', () => {
    const fleet = fleetWith('acme', 'acme/web');
    const task = fleet.addTask({ namespace: 'acme/web' });
    assert.equal(task.facts.namespace, 'acme/web');
    assert.equal(fleet.fanOut(1, {}, undefined, task).namespace, 'acme/web');
    const delivered = fleet.sent.flatMap(({ message }) =>
      message.type === 'deliver' ? message.records : [],
    );
    assert.deepEqual(
      delivered.map(({ record: { body } }) => body['namespace']),
      ['acme/web'],
    );
  });

  it('refuses any other namespace, naming the claim and the highest failing link', () => {
    const { state } = fleetWith('acme').core;
    refuses(
      () => admitWork(state, 'acme/web/x', 0),
      'NAMESPACE_REJECTED',
      /^namespace 'acme\/web\/x' is rejected: 'acme\/web' is not registered$/,
      /spl namespace create acme\/web$/,
    );
    refuses(() => admitWork(state, 'A!', 0), 'NAMESPACE_REJECTED', /'A!'/, /namespace list/);
    admitWork(state, 'default', 0);
  });

  it('applies to archived ancestors', () => {
    const fleet = fleetWith('acme', 'acme/web');
    fleet.archiveNamespace('acme');
    refuses(() => admitWork(fleet.core.state, 'acme/web', 0), 'NAMESPACE_REJECTED', /'acme' is archived/);
    refuses(() => fleet.createNamespace('acme/api'), 'NAMESPACE_REJECTED', /parent namespace 'acme'/);
  });

  it('keeps a fan-out within its task’s namespace, and its serial baseline too', () => {
    const fleet = fleetWith('acme', 'acme/web', 'other');
    const task = fleet.addTask({ namespace: 'acme' });
    for (const namespace of ['other', 'default'])
      refuses(
        () => fleet.fanOut(1, { namespace }, undefined, task),
        'NAMESPACE_REJECTED',
        new RegExp(`'${namespace}'.*'acme'`),
      );
    assert.equal(fleet.fanOut(1, { namespace: 'acme/web' }, undefined, task).namespace, 'acme/web');
  });

  it('accepts only the coordinator’s records', () => {
    const fleet = fleetWith();
    const body = { topic: TOPIC.namespaceStatus, id: 'acme', status: 'active', issued_by: USER };
    const forged = fleet.sealAs(USER, RESERVED.namespaceRegistry, 'LEARN', body);
    fleet.do(now => fleet.core.writeForeign(forged, now));
    refuses(() => admitWork(fleet.core.state, 'acme', 0), 'NAMESPACE_REJECTED', /'acme'/);
  });
});
