import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { FleetError } from '../../engine/errors.ts';
import { fleet as fleetDocument } from '../../engine/cli/testing/documents.ts';
import { Fleet } from '../testing/fleet.ts';
import { knownOf } from './known.ts';

describe('the facts for the check of a plan', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await Fleet.open();
    await fleet.namespaces('acme', 'acme/web', 'beta');
    const kill = { emergency: false, level: null, grace_secs: null, reason: null };
    await fleet.client.submit('kill', { ...kill, namespace: 'acme' });
    await fleet.client.submit('namespace.archive', { namespace: 'beta' });
  });
  after(() => fleet.close());

  it('include the fleet’s executors and workers', async () => {
    const known = await knownOf(fleet.client, new Set());
    assert.equal(known.defaultExecutor, 'echo');
    assert.deepEqual(known.executors?.slice(0, 2), ['echo', 'shell']);
    assert.deepEqual(
      known.workers?.map(({ alias }) => alias),
      ['worker-a'],
      'the coordinator runs nothing',
    );
  });

  it('include the agents that are not installed here', async () => {
    const programs = { 'agent:none': 'no-such-agent', 'agent:sh': '/bin/sh' };
    const client = new FakeClient({
      fleet: fleetDocument({ programs }),
      namespaces: { namespaces: [], explicit: 0 },
    });
    assert.deepEqual((await knownOf(client, new Set())).missing, { 'agent:none': 'no-such-agent' });
  });

  it('include each namespace, its status and its freeze', async () => {
    const { namespaces } = await knownOf(fleet.client, new Set());
    assert.deepEqual(
      namespaces?.map(({ id, status, archived_by: by, frozenBy }) => [id, status, by, frozenBy]),
      [
        ['default', 'active', null, null],
        ['acme', 'active', null, 'acme'],
        ['acme/web', 'active', null, 'acme'],
        ['beta', 'archived', 'beta', null],
      ],
    );
  });

  it('include the policies of only the namespaces that plans name', async () => {
    const { namespaces } = await knownOf(fleet.client, new Set(['acme/web', 'nowhere']));
    const told = namespaces?.flatMap(({ policy }) => policy?.namespace ?? []);
    assert.deepEqual(told, ['acme/web']);
  });

  it('include no policy of a deleted namespace, and no guess if the engine fails', async () => {
    const acme = { id: 'acme', status: 'active', archived_by: null };
    const client = new FakeClient({
      fleet: fleetDocument(),
      namespaces: { namespaces: [acme], explicit: 1 },
      'namespace.effective': new FleetError('NOT_FOUND', 'no such namespace'),
    });
    assert.equal((await knownOf(client, new Set(['acme']))).namespaces?.[0]?.policy, null);
    client.change({ 'namespace.effective': new FleetError('UNREACHABLE', 'nobody answers') });
    await assert.rejects(knownOf(client, new Set(['acme'])), { code: 'UNREACHABLE' });
  });
});
