import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, pick, press, textOf, type } from '../../test/webview/dom-queries.ts';
import {
  child,
  ended,
  many,
  modelOf,
  OPENED,
  satisfied,
  statusOf,
  underWay,
  unsatisfiable,
  type Story,
} from '../../test/webview/fan-outs.ts';
import { ViewClock } from '../components/clock.ts';
import { childRow, joinRow } from '../protocol.ts';
import { EVERYTHING } from '../model/filter.ts';
import type { ActionChosen } from './row-actions.ts';
import type { ListingChanged, RowChosen, SubtasksElement } from './subtasks.ts';

describe('the list of subtasks', () => {
  const strings = viewStrings();
  let subtasks: SubtasksElement;
  const dom = useDom(() => import('./subtasks.ts'));

  async function draw(story: Pick<Story, 'at' | 'status' | 'children'>, told: Partial<SubtasksElement> = {}) {
    const clock = new ViewClock();
    clock.sync(OPENED + story.at);
    subtasks = await dom.draw<SubtasksElement>('fleet-subtasks', {
      strings,
      model: modelOf(story),
      version: 1,
      clock,
      moving: false,
      listing: EVERYTHING,
      selected: null,
      ...told,
    });
  }
  const grid = (): HTMLElement => find(subtasks, '.grid');
  const rows = (): readonly string[] => findAll(subtasks, '.row').map(({ id }) => id);
  const cells = (index: number): readonly string[] =>
    findAll(subtasks, `#row-${index} [role="gridcell"]`).map(textOf);
  const list = (change: Partial<SubtasksElement['listing']>) => {
    subtasks.listing = { ...subtasks.listing, ...change };
    return dom.settled();
  };
  /** Presses a key. @returns the subtasks that it chose */
  const go = async (key: string): Promise<readonly number[]> => {
    const events = await dom.eventsOf<RowChosen>('row-chosen', () =>
      assert.ok(press(grid(), key), `${key} is taken`),
    );
    return events.map(({ index }) => index);
  };

  describe('shows', () => {
    it('of each its name, state, worker, attempt, times, cost and reason', async () => {
      await draw(underWay());
      assert.deepEqual(cells(2).slice(0, 7), ['2', 'types', 'running', 'worker-a', '2', '3.6s', '$0.0012']);
      assert.equal(cells(3)[7], 'exited with 1: 3 failing');
      assert.deepEqual(cells(8).slice(2, 7), ['waiting', '', '', '–', '']);
      assert.equal(rows().length, 10);
    });

    it('neither costs nor attempts where there are none', async () => {
      await draw(unsatisfiable());
      const headings = findAll(subtasks, '[role="columnheader"]').map(textOf);
      assert.deepEqual(headings, ['#', 'Subtask', 'State', 'Worker', 'Time', 'Reason', 'Actions']);
      assert.deepEqual(cells(1).slice(0, 6), ['1', 'migrate', 'failed', 'worker-b', '2.8s', 'exited with 3']);
      assert.equal(grid().getAttribute('aria-colcount'), '7');
    });

    it('the question of one that needs a person, and that another was reused', async () => {
      const used = { task: 'A', thread: 'th_a', subtask: 0, name: null, attempt: 1 };
      const children = [
        child(0, { needs_you: 'Which port?', reason: 'needs you: Which port?; answer with: spl task retry' }),
        ended(1, 'worker-a', [0, 0], 'accept', { reused: used, reason: 'reused' }),
      ];
      await draw({ at: 1, status: statusOf(children), children });
      assert.deepEqual([cells(0)[2], cells(0).at(-2)], ['needs you', 'Which port?']);
      assert.equal(cells(1).at(-2), 'reused: not run again');
    });

    it('what was handed to a worker and has not started', async () => {
      const children = [child(0, { state: 'running', worker: 'worker-a' })];
      await draw({ at: 1, status: statusOf(children), children });
      assert.equal(cells(0)[2], 'waiting');
    });

    it('each row where it stood, as long as one is pointed at', async () => {
      const [first, second] = [child(0, { name: 'b' }), child(1, { name: 'a' })];
      const listing = { ...EVERYTHING, sort: 'state' } as const;
      await draw({ at: 1, status: statusOf([first, second]), children: [first, second] }, { listing });
      find(subtasks, '.body').dispatchEvent(new Event('pointerenter'));
      const over = ended(1, 'worker-a', [0, 1]);
      subtasks.model.apply({
        join: joinRow(statusOf([first, over])),
        children: [childRow(over)],
        reset: false,
      });
      subtasks.version = 2;
      await dom.settled();
      assert.deepEqual([rows(), cells(1)[2]], [['row-0', 'row-1'], 'passed']);
      find(subtasks, '.body').dispatchEvent(new Event('pointerleave'));
      await dom.settled();
      assert.deepEqual(rows(), ['row-1', 'row-0']);
    });

    it('what ended after the join', async () => {
      await draw(satisfied());
      assert.equal(cells(7)[6], 'ended late · the join was satisfied (losers: drain)');
    });

    it('that nothing has come, or that nothing matches', async () => {
      await draw({ at: 0, status: statusOf([]), children: [] });
      assert.equal(textOf(find(subtasks, '.none')), 'No subtask has come yet');
      subtasks.remove();
      await draw(underWay(), { listing: { ...EVERYTHING, text: 'nowhere' } });
      assert.equal(textOf(find(subtasks, '.none')), 'No subtask matches the filter');
      assert.equal(textOf(find(subtasks, '.shown')), '0 of 10');
    });

    it('elapsed times as they go on, as long as something moves', async () => {
      await draw(underWay(), { moving: true });
      subtasks.clock.go();
      assert.equal(cells(7)[5], '1.8s');
      await dom.advance(1000);
      assert.equal(cells(7)[5], '2.8s');
      subtasks.moving = false;
      await dom.advance(1000);
      const stopped = cells(7)[5];
      await dom.advance(5000);
      assert.equal(cells(7)[5], stopped);
    });

    it('the longest running one first as they overtake each other', async () => {
      const children = [
        ended(0, 'worker-a', [0, 3], 'accept'),
        child(1, { state: 'running', worker: 'worker-b', started_unix: OPENED + 4 }),
      ];
      const listing = { ...EVERYTHING, sort: 'elapsed', descending: true } as const;
      await draw({ at: 6, status: statusOf(children), children }, { moving: true, listing });
      subtasks.clock.go();
      assert.deepEqual(rows(), ['row-0', 'row-1']);
      await dom.advance(2000);
      assert.deepEqual(rows(), ['row-1', 'row-0']);
    });
  });

  describe('is filtered and sorted', () => {
    it('by the words that are typed', async () => {
      await draw(underWay());
      const [changed] = await dom.eventsOf<ListingChanged>('listing-changed', () =>
        type(find(subtasks, 'vscode-textfield'), 'unit'),
      );
      assert.deepEqual(changed?.listing, { ...EVERYTHING, text: 'unit' });
      await list({ text: 'unit' });
      assert.deepEqual(rows(), ['row-3', 'row-5']);
      assert.equal(textOf(find(subtasks, '.shown')), '2 of 10');
    });

    it('by the state that is picked', async () => {
      await draw(underWay());
      const select = find<HTMLSelectElement>(subtasks, 'select');
      const picked = async (value: string): Promise<string | undefined> => {
        const [changed] = await dom.eventsOf<ListingChanged>('listing-changed', () => pick(select, value));
        return changed?.listing.state;
      };
      assert.equal(await picked('failed'), 'failed');
      assert.equal(await picked('unaccepted'), 'unaccepted');
      await list({ state: 'unaccepted' });
      assert.deepEqual(rows(), ['row-3', 'row-4', 'row-6']);
      assert.equal(await picked('all'), 'all');
      assert.deepEqual(findAll(select, 'option').map(textOf).slice(0, 3), [
        'All states',
        'did not pass',
        'passed',
      ]);
    });

    it('by a column, and the other way round when it is chosen again', async () => {
      await draw(underWay());
      const choose = async (name: string): Promise<string> => {
        const [changed] = await dom.eventsOf<ListingChanged>('listing-changed', () =>
          button(subtasks, name).click(),
        );
        const { sort, descending } = changed!.listing;
        await list({ sort, descending });
        return `${sort} ${descending ? 'descending' : 'ascending'}`;
      };
      for (const [name, key] of [
        ['Subtask', 'title'],
        ['State', 'state'],
        ['Worker', 'worker'],
        ['Attempt', 'attempt'],
        ['Time', 'elapsed'],
        ['Cost', 'cost'],
        ['#', 'index'],
      ] as const) {
        for (const order of ['ascending', 'descending']) {
          assert.equal(await choose(name), `${key} ${order}`);
          const sorted = findAll(subtasks, `[aria-sort="${order}"]`);
          assert.deepEqual(sorted.map(textOf), [name]);
        }
      }
      assert.equal(rows()[0], 'row-9');
    });

    it('with one column heading to tab to, and arrows to the others', async () => {
      await draw(underWay());
      const headings = findAll<HTMLButtonElement>(subtasks, '.header button');
      assert.deepEqual(
        headings.map(({ tabIndex }) => tabIndex),
        [0, -1, -1, -1, -1, -1, -1],
      );
      const focused = (): string => textOf(subtasks.shadowRoot!.activeElement!);
      headings[0]!.focus();
      assert.ok(press(headings[0]!, 'ArrowRight'));
      assert.equal(focused(), 'Subtask');
      assert.ok(press(headings[1]!, 'ArrowLeft'));
      assert.equal(focused(), '#');
      assert.equal(press(headings[0]!, 'ArrowDown'), false, 'no row is gone to from there');
    });
  });

  describe('is gone through with the keyboard', () => {
    it('row by row, page by page, and to its ends', async () => {
      await draw(many(100));
      assert.deepEqual(await go('ArrowUp'), [0]);
      assert.deepEqual(await go('ArrowDown'), [1]);
      assert.deepEqual(await go('ArrowDown'), [2]);
      assert.deepEqual(await go('PageDown'), [15], 'fourteen are in sight, and one of them stays');
      assert.deepEqual(await go('PageUp'), [2]);
      assert.deepEqual(await go('End'), [99]);
      assert.deepEqual(await go('ArrowDown'), [99]);
      assert.deepEqual(await go('Home'), [0]);
      assert.deepEqual(await go('ArrowUp'), [0]);
    });

    it('in the order in which it is sorted', async () => {
      await draw(underWay(), { listing: { ...EVERYTHING, descending: true } });
      assert.deepEqual(await go('Home'), [9]);
      assert.deepEqual(await go('ArrowDown'), [8]);
    });

    it('with a key that is held down, quicker than it is drawn', async () => {
      await draw(many(100));
      const events = await dom.eventsOf<RowChosen>('row-chosen', () => {
        for (let n = 0; n < 5; n += 1) press(grid(), 'ArrowDown');
      });
      assert.deepEqual(
        events.map(({ index }) => index),
        [0, 1, 2, 3, 4],
      );
    });

    it('and says which row it is at', async () => {
      await draw(underWay(), { selected: 3 });
      assert.equal(grid().getAttribute('aria-activedescendant'), 'row-3');
      assert.equal(find(subtasks, '#row-3').getAttribute('aria-selected'), 'true');
      assert.equal(find(subtasks, '#row-3').getAttribute('aria-rowindex'), '5');
      assert.equal(grid().getAttribute('aria-rowcount'), '11');
      await list({ text: 'install' });
      assert.equal(grid().getAttribute('aria-activedescendant'), null, 'it is out of sight');
    });

    it('and does what the keys say, if it makes sense for the row', async () => {
      await draw(underWay(), { selected: 3 });
      const actions = async (...keys: readonly string[]): Promise<readonly (readonly [string, number])[]> => {
        const events = await dom.eventsOf<ActionChosen>('action-chosen', () => {
          for (const key of keys) assert.ok(press(grid(), key), `${key} is taken`);
        });
        return events.map(({ action, index }) => [action, index] as const);
      };
      assert.deepEqual(await actions('Enter', 'o', 'r', 'Delete'), [
        ['output', 3],
        ['output', 3],
        ['retry', 3],
      ]);
      subtasks.selected = 8;
      await dom.settled();
      assert.deepEqual(await actions('Enter', 'r', 'Delete'), [['cancel', 8]]);
    });

    it('and leaves other keys to the page', async () => {
      await draw(underWay(), { selected: 3 });
      assert.equal(press(grid(), 'x'), false);
      for (const held of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }]) {
        assert.equal(press(grid(), 'r', held), false);
      }
    });
  });

  describe('is used with the pointer', () => {
    it('chooses a row by a click, and shows its output by two', async () => {
      await draw(underWay());
      const row = find(subtasks, '#row-4');
      assert.deepEqual(
        (await dom.eventsOf<RowChosen>('row-chosen', () => row.click())).map(({ index }) => index),
        [4],
      );
      const twice = new MouseEvent('dblclick');
      const shown = await dom.eventsOf<ActionChosen>('action-chosen', () => row.dispatchEvent(twice));
      assert.deepEqual(
        shown.map(({ action, index }) => [action, index]),
        [['output', 4]],
      );
    });

    it('offers each row its actions, out of the way of the Tab key', async () => {
      await draw(underWay());
      const buttons = findAll<HTMLButtonElement>(subtasks, '#row-3 .actions button');
      assert.deepEqual(
        buttons.map(({ disabled, tabIndex }) => [disabled, tabIndex]),
        [
          [false, -1],
          [false, -1],
          [true, -1],
        ],
      );
    });
  });

  describe('has elements only for what is in sight', () => {
    const ROW_PX = 26;

    it('at its beginning, in its middle and at its end', async () => {
      await draw(many(1000));
      const body = find(subtasks, '.body');
      assert.equal(body.style.height, `${14 * ROW_PX}px`);
      assert.equal(find(subtasks, '.spacer').style.height, `${1000 * ROW_PX}px`);
      for (const top of [0, 500, 986]) {
        body.scrollTop = top * ROW_PX;
        await dom.settled();
        const drawn = rows();
        assert.ok(drawn.length >= 14 && drawn.length < 40, `${drawn.length} rows`);
        for (let row = top; row < top + 14; row += 1) assert.ok(drawn.includes(`row-${row}`), `row ${row}`);
        const first = Number(drawn[0]?.slice('row-'.length));
        assert.equal(find(subtasks, '.rows').style.transform, `translateY(${first * ROW_PX}px)`);
      }
    });

    it('and scrolls no more than it must to the row that is chosen', async () => {
      await draw(many(1000));
      const body = find(subtasks, '.body');
      const select = async (index: number): Promise<number> => {
        subtasks.selected = index;
        await dom.settled();
        assert.ok(rows().includes(`row-${index}`));
        return body.scrollTop;
      };
      assert.equal(await select(13), 0);
      assert.equal(await select(14), ROW_PX);
      assert.equal(await select(999), 986 * ROW_PX);
      assert.equal(await select(990), 986 * ROW_PX);
      assert.equal(await select(0), 0);
    });

    it('in a narrow column with two lines each, which say what columns would', async () => {
      await draw(underWay());
      await dom.resize(subtasks, 400);
      assert.ok(grid().classList.contains('narrow'));
      assert.equal(find(subtasks, '.spacer').style.height, '440px');
      assert.equal(cells(2)[3], 'attempt 2 · $0.0012 · worker-a');
      assert.equal(cells(3)[3], 'exited with 1: 3 failing · $0.0030 · worker-b');
      await dom.resize(subtasks, 900);
      assert.ok(!grid().classList.contains('narrow'));
      assert.equal(cells(2)[3], 'worker-a');
    });
  });
});
