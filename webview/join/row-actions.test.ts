import assert from 'node:assert/strict';
import type * as Lit from 'lit';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { findAll, textOf } from '../../test/webview/dom-queries.ts';
import { child, ended, runningSince, underWay } from '../../test/webview/fan-outs.ts';
import { childRow, type ChildRow } from '../protocol.ts';
import type * as RowActions from './row-actions.ts';

describe('the actions of a row', () => {
  const strings = viewStrings();
  let actions: typeof RowActions;
  let lit: typeof Lit;
  const dom = useDom(async () => {
    lit = await import('lit');
    actions = await import('./row-actions.ts');
  });

  async function draw(row: ChildRow, words: boolean): Promise<readonly HTMLButtonElement[]> {
    const place = await dom.draw('div', {});
    const { actionButton, ROW_ACTIONS } = actions;
    lit.render(
      ROW_ACTIONS.map(action => actionButton(action, row, strings, { words, tabindex: -1 })),
      place,
    );
    return findAll<HTMLButtonElement>(place, 'button');
  }

  const retried = underWay().children[2]!;
  const offered: readonly [string, ChildRow, readonly string[]][] = [
    ['waits', childRow(child(0)), ['cancel']],
    [
      'waits to be tried again',
      childRow({ ...retried, state: 'pending', started_unix: null }),
      ['output', 'cancel'],
    ],
    ['was handed to a worker', childRow(child(0, { state: 'running', worker: 'a' })), ['cancel']],
    ['runs', childRow(runningSince(0, 'a', 0)), ['output', 'cancel']],
    ['was accepted', childRow(ended(0, 'a', [0, 1])), ['output']],
    ['was rejected', childRow(ended(0, 'a', [0, 1], 'reject')), ['output', 'retry']],
    ['failed', childRow(ended(0, 'a', [0, 1], 'failed')), ['output', 'retry']],
    ['ran too long', childRow(ended(0, 'a', [0, 1], 'timeout')), ['output', 'retry']],
    ['was cancelled', childRow(child(0, { state: 'done', verdict: 'cancelled' })), ['output', 'retry']],
    ['was not needed', childRow(child(0, { state: 'done', verdict: 'skipped' })), ['output']],
  ];
  for (const [state, row, expected] of offered) {
    it(`offers ${expected.join(' and ')} for a subtask that ${state}`, () => {
      const { mayDo, ROW_ACTIONS } = actions;
      assert.deepEqual(
        ROW_ACTIONS.filter(action => mayDo(action, row)),
        expected,
      );
    });
  }

  it('reports the chosen action and its subtask, and selects no row', async () => {
    const [output, retry, cancel] = await draw(childRow(ended(7, 'a', [0, 1], 'failed')), false);
    let clicks = 0;
    const row = output!.parentElement!;
    row.addEventListener('click', () => (clicks += 1));
    const events = await dom.eventsOf<RowActions.ActionChosen>('action-chosen', () => {
      for (const each of [output, retry, cancel]) each!.click();
    });
    assert.deepEqual(
      events.map(({ action, index }) => [action, index]),
      [
        ['output', 7],
        ['retry', 7],
      ],
      'what makes no sense is disabled',
    );
    assert.equal(clicks, 0);
  });

  it('names the subtask for screen readers, with a word beside the icon or without', async () => {
    const row = childRow(ended(7, 'a', [0, 1], 'failed', { name: 'lint' }));
    const names = ['Show the output of lint', 'Retry lint', 'Cancel lint'];
    for (const words of [true, false]) {
      const buttons = await draw(row, words);
      assert.deepEqual(
        buttons.map(each => each.getAttribute('aria-label')),
        names,
      );
      assert.deepEqual(buttons.map(textOf), words ? ['Output', 'Retry', 'Cancel'] : ['', '', '']);
    }
  });
});
