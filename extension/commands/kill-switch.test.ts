import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'mocha';
import { editor, enter, escape, pick, press, type } from '../../test/stubs/vscode.ts';
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

  it('freezes the picked namespace softly, with a reason', async () => {
    editor.person.will(pick('acme'), pick('Soft'), type(' bad release '), press('Freeze'));
    await on.window.run('fleet.killSwitch');
    assert.deepEqual(await frozen(), [['acme', 'soft', 60, 'bad release']]);
    assert.deepEqual(editor.statusTexts, ['Nothing new starts in acme until it is lifted']);
  });

  it('freezes hard with a valid grace, and without a reason', async () => {
    editor.person.will(pick('Hard'), type('', 'soon', '-1', '86401', '0'), enter, press('Freeze'));
    await on.window.run('fleet.freezeNamespace', { kind: 'namespace', id: 'acme/web' });
    assert.deepEqual(await frozen(), [['acme/web', 'hard', 0, null]]);
    assert.deepEqual(editor.person.faults, Array(4).fill('A number from 0 to 86400'));
    assert.match(editor.person.detail ?? '', /still runs there after 0 s is ended, as cancelled\./);
  });

  it('stops everything without asking for the strictness', async () => {
    editor.person.will(pick('Emergency Stop'), type('cost'), press('Stop'));
    await on.window.run('fleet.killSwitch');
    assert.deepEqual(await frozen(), [['everything', 'cost']]);
    assert.deepEqual(editor.statusTexts, ['Nothing new starts anywhere until it is lifted']);
  });

  it('shows before a freeze its effect, and the work under way', async () => {
    await on.fleet.fanOut('UNDER-WAY', ['wait']);
    await on.window.knows('UNDER-WAY', ({ fan_out: fanOut }) => fanOut !== null);
    editor.person.will(pick('beta'), pick('Soft'), enter, escape);
    await on.window.run('fleet.killSwitch');
    assert.equal(editor.person.texts.at(-1), 'Freeze beta, with all below it?');
    assert.equal(
      editor.person.detail,
      'What runs may end. Nothing new is let in and nothing starts until it is lifted. 1 fan-out under way in the fleet.',
    );
  });

  it('freezes nothing when a question is cancelled', async () => {
    const answers = [pick('acme'), pick('Hard'), enter, enter];
    for (let asked = 0; asked <= answers.length; asked++) {
      editor.person.will(...answers.slice(0, asked), escape);
      await on.window.run('fleet.killSwitch');
      assert.deepEqual(await frozen(), []);
    }
    assert.deepEqual(editor.statusTexts, []);
  });

  it('offers everything first, then the active namespaces', async () => {
    await on.fleet.namespaces('gone');
    await on.fleet.client.submit('namespace.archive', { namespace: 'gone' });
    editor.person.will(escape);
    await on.window.run('fleet.killSwitch');
    assert.deepEqual(editor.person.offered, ['Emergency Stop', 'default', 'acme', 'acme/web', 'beta']);
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
    editor.person.will(pick('acme'), pick('Soft'), enter, press('Freeze'), escape);
    await on.window.run('fleet.killSwitch');
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
