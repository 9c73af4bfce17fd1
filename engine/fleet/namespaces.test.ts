import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetError } from '../errors.ts';
import { RESERVED } from '../record/ids.ts';
import { admitWork } from './admission.ts';
import { TOPIC } from './bodies.ts';
import { celCompiler } from './cel.ts';
import { chainOf, isWithin, namespaceDocument, namespacesDocument } from './namespaces.ts';
import { restoreState, saveState } from './snapshot.ts';
import { SELF, TestFleet, USER } from './testing/test-fleet.ts';

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
  it('has above it what its segments say, and default at last', () => {
    assert.deepEqual(chainOf('a/b/c'), ['a/b/c', 'a/b', 'a', 'default']);
    assert.deepEqual(chainOf('default'), ['default']);
    assert.deepEqual(
      ['a', 'a/b', 'ab', 'b'].map(id => isWithin(id, 'a')),
      [true, true, false, false],
    );
    assert.equal(isWithin('b', 'default'), true);
  });

  it('is registered by one record, in the coordinator’s name, that says who asked', () => {
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
    ['default', /always there/],
    ['default/x', /begins with 'default'/],
    ['a/b/c/d/e', /5 levels/],
    ['Acme', /segment 'Acme'/],
    ['a//b', /segment ''/],
    ['-a', /segment '-a'/],
    ['x'.repeat(64), /1 to 63/],
    [`${'x'.repeat(63)}/`.repeat(4) + 'y', /5 levels|256/],
    ['a b', /segment 'a b'/],
  ] as const)
    it(`is not '${id.slice(0, 20)}'`, () => {
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

  it('outlives the coordinator, in its log as in a snapshot', () => {
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

describe('the narrowing rule', () => {
  it('lets work into a namespace that is there with all above it', () => {
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

  it('refuses any other, naming what was claimed and the highest link that fails', () => {
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

  it('holds for what is archived above it', () => {
    const fleet = fleetWith('acme', 'acme/web');
    const body = { topic: TOPIC.namespaceStatus, id: 'acme', status: 'archived', issued_by: USER } as const;
    fleet.do(now => fleet.core.write({ act: 'LEARN', thread: RESERVED.namespaceRegistry, body }, now));
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

  it('believes nobody but the coordinator', () => {
    const fleet = fleetWith();
    const body = { topic: TOPIC.namespaceStatus, id: 'acme', status: 'active', issued_by: USER };
    const forged = fleet.sealAs(USER, RESERVED.namespaceRegistry, 'LEARN', body);
    fleet.do(now => fleet.core.writeForeign(forged, now));
    refuses(() => admitWork(fleet.core.state, 'acme', 0), 'NAMESPACE_REJECTED', /'acme'/);
  });
});
