import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { task } from '../engine/cli/testing/documents.ts';
import { FleetError } from '../engine/errors.ts';
import { wayOut } from './failures.ts';
import { sentences } from './plain.ts';

describe('a failure', () => {
  const failed = new FleetError('CONFLICT', "task 'A' has failed subtasks", {
    hint: 'Retry its failed subtasks: spl task retry A --failed',
    details: { task: 'A' },
  });

  it('has a button for the command that its hint names, with its task', () => {
    const { command, title, arguments: target } = wayOut(failed, { task: () => task({ thread: 'th' }) })!;
    assert.deepEqual(
      [command, title, target],
      ['fleet.retryFailed', 'Retry Failed', [{ kind: 'task', thread: 'th' }]],
    );
    const unserved = new FleetError('UNREACHABLE', 'nobody answers', { hint: 'Start one: spl fleet start' });
    assert.equal(wayOut(unserved)?.command, 'fleet.start');
    assert.equal(wayOut(new Error('spl fleet start')), undefined);
  });

  it('is told in sentences without advice for a command line', () => {
    assert.equal(sentences(failed), "Task 'A' has failed subtasks.");
    const named = new FleetError('INVALID_RECORD', 'fleet.namespace is no namespace', { hint: 'Change it.' });
    assert.equal(sentences(named), 'fleet.namespace is no namespace. Change it.');
  });
});
