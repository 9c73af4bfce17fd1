import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { child, ended, OPENED, underWay } from '../../test/webview/fan-outs.ts';
import { ViewClock } from '../components/clock.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { localTime } from '../model/format.ts';
import { childRow } from '../protocol.ts';
import type { DetailElement } from './detail.ts';
import type { ActionChosen } from './row-actions.ts';

describe('the detail of a subtask', () => {
  const strings = viewStrings();
  let detail: DetailElement;
  const dom = useDom(() => import('./detail.ts'));

  async function draw(document: ChildDocument, rows: readonly ChildDocument[] = []): Promise<void> {
    const clock = new ViewClock();
    clock.sync(OPENED + 6.2);
    detail = await dom.draw<DetailElement>('fleet-detail', {
      strings,
      row: childRow(document),
      rows: rows.map(childRow),
      clock,
      version: 1,
    });
  }
  /** Returns the terms with their descriptions. */
  const terms = (): Readonly<Record<string, string>> => {
    const values = findAll(detail, 'dd').map(textOf);
    return Object.fromEntries(findAll(detail, 'dt').map((term, at) => [textOf(term), values[at] ?? '']));
  };
  const attempts = (): readonly string[] => findAll(detail, 'ol li').map(textOf);

  it('names its dependencies, and marks a follow-up', async () => {
    const follower = child(2, { depends_on: [0, 1], when: 'failed' });
    await draw(follower, [child(0, { name: 'lint' }), child(1, { name: null, goal: 'Check types' })]);
    assert.deepEqual(
      [terms()['Waits for'], terms()['State']],
      ['lint, Check types', 'afterwards, if any failed'],
    );
  });

  it('shows everything that is known', async () => {
    await draw(
      ended(3, 'worker-b', [2.2, 2.4], 'failed', {
        name: 'unit tests',
        goal: 'Test the engine',
        target: 'worker-b',
        reason: 'exited with 1',
        summary: '3 failing',
        exit_code: 1,
        signal: 'SIGTERM',
        depends_on: [0, 2],
        left_group: ['pid 7'],
        after_join: true,
      }),
    );
    assert.equal(textOf(find(detail, 'h3')), 'unit tests');
    assert.equal(find(detail, 'section').getAttribute('aria-label'), 'Subtask: unit tests');
    assert.deepEqual(terms(), {
      Goal: 'Test the engine',
      Reason: 'exited with 1',
      Started: localTime(OPENED + 2.2),
      Summary: '3 failing',
      Target: 'worker-b',
      Executor: 'shell',
      'Exit code': '1',
      Signal: 'SIGTERM',
      'Waits for': '#0, #2',
      'Ended with it': 'pid 7',
      State: 'Ended after the result was known, and does not count',
    });
  });

  it('omits absent values, and shows an exit code of zero', async () => {
    await draw(child(0));
    assert.deepEqual(Object.keys(terms()), ['Target', 'Executor']);
    assert.deepEqual(attempts(), []);
    detail.row = childRow(ended(0, 'worker-a', [0, 1], 'accept', { exit_code: 0 }));
    await dom.settled();
    assert.equal(terms()['Exit code'], '0');
  });

  it('lists the attempts, the present one last, with time and cost', async () => {
    await draw(underWay().children[2]!);
    assert.deepEqual(attempts(), [
      'attempt 1: failed worker-b 1.4s $0.0012 worker lost: worker-b ended while it ran this',
      'attempt 2: running worker-a 3.6s',
    ]);
  });

  it('lists only the earlier attempts of a subtask that waits for the next', async () => {
    const earlier = { ...underWay().children[2]!.earlier_attempts[0]!, worker: null };
    await draw(child(2, { attempt: 1, earlier_attempts: [earlier] }));
    assert.deepEqual(attempts(), [
      'attempt 1: failed no worker 1.4s $0.0012 worker lost: worker-b ended while it ran this',
    ]);
  });

  it('counts the dependencies that do not fit', async () => {
    await draw(child(300, { depends_on: Array.from({ length: 250 }, (_, index) => index) }));
    assert.match(terms()['Waits for'] ?? '', /^#0, #1, .*#199 and 50 more$/);
  });

  it('offers the possible actions, and to close it', async () => {
    await draw(ended(3, 'worker-b', [0, 1], 'failed', { name: 'lint' }));
    const [chosen] = await dom.eventsOf<ActionChosen>('action-chosen', () =>
      button(detail, 'Retry lint').click(),
    );
    assert.deepEqual([chosen?.action, chosen?.index], ['retry', 3]);
    assert.equal(button(detail, 'Cancel lint').disabled, true);
    const closed = await dom.eventsOf('detail-closed', () => button(detail, 'Close the detail').click());
    assert.equal(closed.length, 1);
  });
});
