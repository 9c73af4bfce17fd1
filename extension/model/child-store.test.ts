import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { done, pending, running } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { PAGE } from '../../engine/client/fan-out.ts';
import { settled } from '../testing/editor.ts';
import { ChildStore } from './child-store.ts';

describe('the subtasks that a tree keeps', () => {
  let store: ChildStore;
  let children: ChildDocument[];
  let engine: FakeClient;
  beforeEach(() => {
    store = new ChildStore();
    children = Array.from({ length: 300 }, (_, i) => pending(i));
    engine = new FakeClient({
      children: ({ offset, limit, indices }) => ({
        ...{ thread: 'th', alias: 'A', round: 1, total: children.length },
        children:
          (indices as number[] | undefined)?.map(index => children[index]!) ??
          children.slice(Number(offset), Number(offset) + Number(limit)),
      }),
    });
  });

  it('are the shown ones, each read once', async () => {
    await store.load(engine, 'th', 100, 200);
    await store.load(engine, 'th', 150, 200);
    assert.equal(engine.asked.length, 1);
    assert.equal(store.get('th', 199)?.index, 199);
    assert.equal(store.get('th', 99), undefined);
    await store.load(engine, 'th', 150, 250);
    assert.equal(engine.asked.length, 2);
  });

  it('are read again if they changed', async () => {
    await store.load(engine, 'th', 0, 100);
    children[3] = running(3);
    children[200] = running(200);
    assert.deepEqual(await store.refresh(engine, 'th', new Set([3, 200])), [3]);
    assert.deepEqual(engine.asked.at(-1)?.input['indices'], [3]);
    assert.deepEqual([store.get('th', 3)?.state, store.get('th', 200)], ['running', undefined]);
    assert.deepEqual(await store.refresh(engine, 'th_other', undefined), []);
  });

  it('are read again one page at a time', async () => {
    for (const from of [0, 100, 200]) await store.load(engine, 'th', from, from + 100);
    engine.asked.length = 0;
    assert.equal((await store.refresh(engine, 'th', undefined)).length, 300);
    assert.deepEqual(
      engine.asked.map(({ input }) => (input['indices'] as number[]).length),
      [PAGE, 300 - PAGE],
    );
  });

  it('are not kept again by an answer that comes after they were forgotten', async () => {
    await store.load(engine, 'th', 0, 10);
    const reading = store.refresh(engine, 'th', undefined);
    store.forget('th', 0, 5);
    await reading;
    assert.deepEqual([store.get('th', 4), store.get('th', 5)?.index], [undefined, 5]);
    store.clear();
    assert.equal(store.get('th', 5), undefined);
  });

  describe('with answers out of order', () => {
    /** Delays each answer until the test releases it. The answer has the state from the time of the question. */
    function slowly(): (() => void)[] {
      const answers: (() => void)[] = [];
      const told = engine;
      engine = new FakeClient({
        children: async input => {
          const document = await told.report('children', input as never);
          await new Promise<void>(resolve => answers.push(resolve));
          return document;
        },
      });
      return answers;
    }

    it('are those of the last question', async () => {
      const answers = slowly();
      const loading = store.load(engine, 'th', 0, 10);
      await settled();
      children[3] = done(3);
      const refreshing = store.refresh(engine, 'th', new Set([3]));
      await settled();
      answers[1]?.();
      assert.deepEqual(await refreshing, [3], 'what is being read for the first time may change meanwhile');
      answers[0]?.();
      await loading;
      assert.deepEqual([store.get('th', 3)?.state, store.get('th', 4)?.state], ['done', 'pending']);
    });

    it('are none from before everything was forgotten', async () => {
      const answers = slowly();
      const loading = store.load(engine, 'th', 0, 10);
      await settled();
      store.clear();
      answers[0]?.();
      await loading;
      assert.equal(store.get('th', 3), undefined);
    });
  });

  it('show which of them run, and which are open', async () => {
    children = [done(0), running(1), pending(2)];
    await store.load(engine, 'th', 0, 3);
    assert.deepEqual(
      [...store.running()].map(({ child }) => child.index),
      [1],
    );
    assert.deepEqual(store.open(), new Map([['th', new Set([1, 2])]]));
    children = [done(0), done(1), done(2)];
    await store.refresh(engine, 'th', undefined);
    assert.deepEqual(store.open(), new Map());
  });
});
