import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { coordinator, fleet, instance, task } from '../../engine/cli/testing/documents.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { editor, keptLog } from '../../test/stubs/vscode.ts';
import { FleetModel } from '../model/fleet-model.ts';
import { memento, next, useEditor } from '../testing/editor.ts';
import { FakeSession } from '../testing/session.ts';
import { contextKeys } from './context-keys.ts';
import { Scope } from './scope.ts';

describe('the context keys', () => {
  let home: string;
  let session: FakeSession;
  let model: FleetModel;
  let scope: Scope;
  let owned: ReturnType<typeof contextKeys>;
  useEditor();
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'spl-keys-'));
    session = new FakeSession(home);
    model = new FleetModel(session, keptLog());
    scope = new Scope(model, memento());
    owned = contextKeys(session, model, scope);
  });
  afterEach(async () => {
    for (const each of [...owned, scope]) each.dispose();
    model.dispose();
    await rm(home, { recursive: true });
  });

  const keys = (): object =>
    Object.fromEntries([...editor.contextKeys].map(([key, value]) => [key.slice(6), value]));
  /** Waits until the editor has this value of a context key. */
  async function told(key: string, value: unknown): Promise<void> {
    const isTold = (): boolean => editor.contextKeys.get(key) === value;
    if (!isTold()) await next(editor.contextSet.event, isTold);
  }

  it('describe the window, and are set only when they change', async () => {
    await told('fleet.hasHome', false);
    assert.deepEqual(keys(), {
      state: 'none',
      workers: 0,
      isFrozen: false,
      hasTasks: false,
      hasFanOuts: false,
      hasJoined: false,
      isEverywhere: true,
      isFiltered: false,
      hasHome: false,
    });
    const joined = { ...task(), fan_out: { ...task().fan_out!, complete: true } };
    const emergency = { reason: null, issued_by: 'x', issued_at_unix: 1 };
    const instances = [coordinator(), instance(), instance({ did: 'd', status: 'stale' })];
    const client = new FakeClient({
      fleet: fleet({ instances, emergency }),
      tasks: { tasks: [joined] },
    });
    await writeFile(homePaths(home).homeJson, '{}');
    session.live(client);
    await next(model.onDidChange);
    await told('fleet.hasHome', true);
    assert.deepEqual(keys(), {
      state: 'live',
      workers: 1,
      isFrozen: true,
      hasTasks: true,
      hasFanOuts: true,
      hasJoined: true,
      isEverywhere: true,
      isFiltered: false,
      hasHome: true,
    });
    const before = editor.executed.length;
    client.emit({ kind: 'gap' });
    await next(model.onDidChange);
    assert.equal(editor.executed.length, before);
  });
});
