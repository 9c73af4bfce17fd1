import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'mocha';
import { editor, enter, escape, freshEditor, pick, type } from '../../test/stubs/vscode.ts';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fleet } from '../../engine/cli/testing/documents.ts';
import { Window } from '../testing/window.ts';
import { useFleet } from '../testing/suite.ts';

describe('the kill switch', () => {
  const on = useFleet();
  before(() => on.fleet.namespaces('acme', 'acme/web', 'beta'));
  afterEach(async () => {
    const { freezes, emergency } = await on.fleet.client.report('fleet', {});
    for (const { namespace } of freezes)
      await on.fleet.client.submit('unkill', { namespace, emergency: false });
    if (emergency !== null) await on.fleet.client.submit('unkill', { namespace: null, emergency: true });
  });

  const frozen = async (): Promise<readonly unknown[]> => {
    const { freezes, emergency } = await on.fleet.client.report('fleet', {});
    const stop = emergency === null ? [] : [['everything', emergency.reason]];
    return [...stop, ...freezes.map(each => [each.namespace, each.level, each.grace_secs, each.reason])];
  };

  it('stops everything in two steps, and leaves what runs', async () => {
    editor.person.will(pick('Start nothing new'), type(' cost '));
    await on.window.run('fleet.killSwitch');
    assert.deepEqual(await frozen(), [['everything', 'cost']]);
    assert.deepEqual(editor.statusTexts, ['Nothing new starts anywhere until it is lifted']);
  });

  it('stops everything in two steps, and ends what runs', async () => {
    await on.fleet.fanOut('ENDED', ['wait']);
    editor.person.will(pick('Start nothing new, and end what runs now'), enter);
    await on.window.run('fleet.killSwitch');
    assert.deepEqual(await frozen(), [['default', 'hard', 0, null]]);
    assert.deepEqual(editor.statusTexts, ['Nothing new starts anywhere until it is lifted']);
  });

  it('freezes a namespace at each level', async () => {
    for (const [level, expected] of [
      ['Start nothing new', ['acme/web', 'soft', 60, null]],
      ['Start nothing new, and end what still runs after 60 s', ['acme/web', 'hard', 60, null]],
      ['Start nothing new, and end what runs now', ['acme/web', 'hard', 0, null]],
    ] as const) {
      editor.person.will(pick(level), enter);
      await on.window.run('fleet.freezeNamespace', { kind: 'namespace', id: 'acme/web' });
      assert.deepEqual(await frozen(), [expected]);
      await on.fleet.client.submit('unkill', { namespace: 'acme/web', emergency: false });
    }
  });

  it('says of each level what becomes of the work that runs', async () => {
    const nothing = 'What waits stays waiting; nothing runs now.';
    for (const [running, expected] of [
      [0, [nothing, nothing, nothing]],
      [
        2,
        [
          'What waits stays waiting; 2 running subtasks go on to their end.',
          'What waits stays waiting; 2 running subtasks may finish; what does not is cancelled.',
          'What waits stays waiting; 2 running subtasks are cancelled, with their processes.',
        ],
      ],
    ] as const) {
      freshEditor();
      const window = await Window.open(
        new FakeClient({ fleet: fleet(), tasks: { tasks: [] }, live: { running_total: running } }),
      );
      editor.person.will(escape);
      await window.run('fleet.killSwitch');
      assert.deepEqual(editor.person.details, expected);
      window.close();
    }
  });

  it('freezes nothing when a step is cancelled', async () => {
    for (const command of ['fleet.killSwitch', 'fleet.freezeNamespace'] as const) {
      for (const answers of [[escape], [pick('Start nothing new'), escape]]) {
        editor.person.will(...answers);
        await on.window.run(
          command,
          command === 'fleet.killSwitch' ? undefined : { kind: 'namespace', id: 'acme' },
        );
        assert.deepEqual(await frozen(), []);
      }
    }
    assert.deepEqual(editor.statusTexts, []);
  });

  it('offers the active namespaces for a freeze', async () => {
    await on.fleet.namespaces('gone');
    await on.fleet.client.submit('namespace.archive', { namespace: 'gone' });
    editor.person.will(escape);
    await on.window.run('fleet.freezeNamespace');
    assert.deepEqual(editor.person.offered, ['default', 'acme', 'acme/web', 'beta']);
  });

  it('lifts the picked hold, the emergency stop first, whoever set it', async () => {
    const { client } = on.fleet;
    const kill = { namespace: null, emergency: false, level: null, grace_secs: null, reason: null };
    await client.submit('kill', { ...kill, namespace: 'acme', reason: 'bad release' });
    await client.submit('kill', { ...kill, emergency: true, reason: 'cost' });
    editor.person.will(enter);
    await on.window.run('fleet.liftKillSwitch');
    assert.deepEqual(await frozen(), [['acme', 'soft', 60, 'bad release']]);
    assert.deepEqual(editor.statusTexts, ['Lifted: emergency stop — cost']);
    editor.person.will(pick('soft freeze of acme — bad release'));
    await on.window.run('fleet.liftKillSwitch');
    assert.deepEqual(await frozen(), []);
  });

  it('lifts nothing without a pick, even if there is only one freeze', async () => {
    editor.person.will(pick('Start nothing new'), enter, escape);
    await on.window.run('fleet.freezeNamespace', { kind: 'namespace', id: 'acme' });
    await on.window.run('fleet.liftKillSwitch');
    assert.deepEqual(await frozen(), [['acme', 'soft', 60, null]]);
  });

  it('asks nothing where nothing is frozen', async () => {
    await on.window.run('fleet.liftKillSwitch');
    assert.deepEqual(editor.person.told('info'), ['Nothing is frozen.']);
  });

  it('lifts the freeze of a namespace, and offers only those with their own freeze', async () => {
    for (const namespace of ['acme', 'beta'])
      await on.fleet.client.submit('kill', {
        ...{ namespace, emergency: false, level: null, grace_secs: null, reason: null },
      });
    await on.window.until(() => on.window.model.fleet?.freezes.length === 2);
    editor.person.will(pick('beta'));
    await on.window.run('fleet.unfreezeNamespace');
    assert.deepEqual(editor.person.offered, ['acme', 'beta']);
    assert.deepEqual(await frozen(), [['acme', 'soft', 60, null]]);
    await on.window.run('fleet.unfreezeNamespace', { kind: 'namespace', id: 'acme' });
    assert.deepEqual(await frozen(), []);
  });
});
