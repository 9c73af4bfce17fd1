import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { satisfied, speedup, statusOf, underWay } from '../../test/webview/fan-outs.ts';
import { OUTCOMES, type Outcome } from '../../engine/contract/fan-out-documents.ts';
import { joinRow, speedupRow } from '../protocol.ts';
import type { CensusElement } from './census.ts';

const WORDS: Readonly<Record<Outcome, string>> = {
  satisfied: 'Satisfied',
  unsatisfiable: 'Unsatisfiable',
  timed_out: 'Timed out',
  cancelled: 'Cancelled',
};

/** The subtask state that gives each outcome its colour. */
const LOOKS: Readonly<Record<Outcome, string>> = {
  satisfied: 'accepted',
  unsatisfiable: 'failed',
  timed_out: 'timedOut',
  cancelled: 'cancelled',
};

describe('the census', () => {
  const strings = viewStrings();
  let census: CensusElement;
  const dom = useDom(() => import('./census.ts'));

  async function draw(told: Partial<CensusElement> = {}): Promise<void> {
    census = await dom.draw<CensusElement>('fleet-census', {
      strings,
      join: joinRow(underWay().status),
      speedup: null,
      costUsd: 0.0421,
      wallSecs: 75,
      ...told,
    });
  }
  const figures = (): readonly string[] => findAll(census, '.figures > div').map(textOf);

  it('notes that nothing was run', async () => {
    await draw({ join: joinRow({ ...underWay().status, echo: 'echo: nothing was run' }) });
    assert.equal(textOf(find(census, '.echo')), 'echo: nothing was run');
    await draw();
    assert.equal(findAll(census, '.echo').length, 0);
  });

  it('counts each present state, in a fixed order, with an icon and a word', async () => {
    await draw();
    const counts = ['2 accepted', '1 rejected', '1 failed', '1 timed out', '3 running', '2 pending'];
    assert.deepEqual(findAll(census, '.chips li').map(textOf), counts);
    assert.equal(findAll(census, '.chips svg').length, counts.length);
    assert.equal(find(census, '.bar').getAttribute('aria-label'), `Census: ${counts.join(', ')}`);
  });

  it('shows that of the join with a label, and the present one if members went on', async () => {
    const { counts } = underWay().status;
    const joined = { ...counts, failed: counts.failed + 1, running: counts.running - 1 };
    const status = {
      ...underWay().status,
      complete: true,
      outcome: 'unsatisfiable',
      under_way: true,
    } as const;
    await draw({ join: joinRow({ ...status, census: joined }) });
    assert.deepEqual(findAll(census, '.moment').map(textOf), ['At the join', 'Now']);
    const [atJoin, now] = findAll(census, '.bar').map(each => each.getAttribute('aria-label') ?? '');
    assert.match(atJoin!, new RegExp(`^At the join: .*\\b${joined.failed} failed`));
    assert.match(now!, new RegExp(`^Now: .*\\b${counts.running} running`));
    assert.equal(textOf(find(census, '.goes-on')), 'Subtasks run on after the join');
    await draw({ join: joinRow({ ...status, census: counts, under_way: false }) });
    assert.deepEqual([findAll(census, '.moment'), findAll(census, '.goes-on')], [[], []]);
  });

  it('omits follow-ups, and shows their number', async () => {
    const status = { ...underWay().status, subtasks: 12, follow_ups: 2, completed: 4 };
    await draw({ join: joinRow(status) });
    assert.match(figures()[0] ?? '', /4 \/ 10 ?and 2 after the join$/);
  });

  it('offers to retry failed subtasks, if there are any', async () => {
    const { status } = underWay();
    const clean = { ...status.counts, rejected: 0, failed: 0, timed_out: 0, cancelled: 0 };
    await draw({ join: joinRow({ ...status, counts: clean }) });
    assert.equal(findAll(census, 'button').length, 0);
    await draw({ join: joinRow({ ...status, counts: { ...clean, timed_out: 1 } }) });
    let requests = 0;
    census.addEventListener('retry-requested', () => (requests += 1));
    button(census, 'Retry All Failed').click();
    assert.equal(requests, 1);
  });

  it('draws the width of each state by its number of subtasks', async () => {
    await draw();
    assert.deepEqual(
      findAll(census, '.bar > span').map(({ className, style }) => [className, style.flexGrow]),
      [
        ['accepted', '2'],
        ['rejected', '1'],
        ['failed', '1'],
        ['timedOut', '1'],
        ['running', '3'],
        ['pending', '2'],
      ],
    );
    census.join = joinRow(satisfied().status);
    await dom.settled();
    assert.deepEqual(
      findAll(census, '.bar > span').map(({ className, style }) => [className, style.flexGrow]),
      [
        ['accepted', '7'],
        ['cancelled', '1'],
      ],
    );
  });

  it('shows the predicate, the treatment of losers, and that it waits', async () => {
    await draw();
    assert.equal(textOf(find(census, '.terms')), 'Predicate k_of_n:6 Losers drain');
    assert.equal(textOf(find(census, '.outcome')), 'Waiting for the join');
    assert.match(textOf(find(census, '.reason')), /^2 of 10, needs 4 more/);
  });

  it('omits unknown values', async () => {
    await draw({
      join: { ...joinRow(underWay().status), predicate: null, losers: null, reason: null },
      wallSecs: null,
    });
    assert.equal(textOf(find(census, '.terms')), '');
    assert.equal(textOf(find(census, '.reason')), '');
    assert.deepEqual(figures(), ['Ended 5 / 10', 'Cost $0.0421']);
  });

  it('shows the round from the second on', async () => {
    await draw({ join: joinRow(statusOf([], { round: 1 })) });
    assert.doesNotMatch(textOf(census), /Round/);
    census.join = joinRow(statusOf([], { round: 3 }));
    await dom.settled();
    assert.match(textOf(find(census, '.terms')), /Round 3$/);
  });

  it('shows the ended members, the wall time and the cost', async () => {
    await draw();
    assert.deepEqual(figures(), ['Ended 5 / 10', 'Wall 1m 15s', 'Cost $0.0421']);
    census.speedup = speedupRow(speedup({ extra_cost_usd: 0.01 }));
    await dom.settled();
    assert.equal(figures()[2], 'Cost $0.0421 $0.0100 not counted');
  });

  it('shows each outcome with its own word, icon and colour', async () => {
    await draw();
    const icons = new Set<string>();
    for (const outcome of OUTCOMES) {
      census.join = { ...joinRow(satisfied().status), outcome };
      await dom.settled();
      assert.equal(textOf(find(census, '.outcome')), WORDS[outcome]);
      const look = find(census, '.verdict .look');
      assert.equal(look.className, `look ${LOOKS[outcome]}`);
      icons.add(look.innerHTML);
    }
    assert.equal(icons.size, OUTCOMES.length);
  });
});
