import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { satisfied, speedup, statusOf, underWay } from '../../test/webview/fan-outs.ts';
import { OUTCOMES, packJoin, packSpeedup, type Outcome } from '../protocol.ts';
import type { CensusElement } from './census.ts';

const WORDS: Readonly<Record<Outcome, string>> = {
  satisfied: 'Satisfied',
  unsatisfiable: 'Unsatisfiable',
  timed_out: 'Timed out',
  cancelled: 'Cancelled',
};

/** The state of a subtask that each outcome has its colour from. */
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
      join: packJoin(underWay().status),
      speedup: null,
      costUsd: 0.0421,
      wallSecs: 75,
      ...told,
    });
  }
  const figures = (): readonly string[] => findAll(census, '.figures > div').map(textOf);

  it('says that nothing was run where this is so', async () => {
    await draw({ join: packJoin({ ...underWay().status, echo: 'echo: nothing was run' }) });
    assert.equal(textOf(find(census, '.echo')), 'echo: nothing was run');
    await draw();
    assert.equal(findAll(census, '.echo').length, 0);
  });

  it('counts each state that any subtask is in, in one order, with an icon and a word', async () => {
    await draw();
    const counts = ['2 accepted', '1 rejected', '1 failed', '1 timed out', '3 running', '2 pending'];
    assert.deepEqual(findAll(census, '.chips li').map(textOf), counts);
    assert.equal(findAll(census, '.chips svg').length, counts.length);
    assert.equal(find(census, '.bar').getAttribute('aria-label'), `Census: ${counts.join(', ')}`);
  });

  it('draws each state as wide as it has subtasks', async () => {
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
    census.join = packJoin(satisfied().status);
    await dom.settled();
    assert.deepEqual(
      findAll(census, '.bar > span').map(({ className, style }) => [className, style.flexGrow]),
      [
        ['accepted', '7'],
        ['cancelled', '1'],
      ],
    );
  });

  it('says what must hold, what becomes of the losers, and that it waits', async () => {
    await draw();
    assert.equal(textOf(find(census, '.terms')), 'Predicate k_of_n:6 Losers drain');
    assert.equal(textOf(find(census, '.outcome')), 'Waiting for the join');
    assert.match(textOf(find(census, '.reason')), /^2 of 10, needs 4 more/);
  });

  it('says nothing of what is not known', async () => {
    await draw({
      join: { ...packJoin(underWay().status), predicate: null, losers: null, reason: null },
      wallSecs: null,
    });
    assert.equal(textOf(find(census, '.terms')), '');
    assert.equal(textOf(find(census, '.reason')), '');
    assert.deepEqual(figures(), ['Ended 5 / 10', 'Cost $0.0421']);
  });

  it('says which round it is from the second on', async () => {
    await draw({ join: packJoin(statusOf([], { round: 1 })) });
    assert.doesNotMatch(textOf(census), /Round/);
    census.join = packJoin(statusOf([], { round: 3 }));
    await dom.settled();
    assert.match(textOf(find(census, '.terms')), /Round 3$/);
  });

  it('says how many ended, how long it took, and what it cost', async () => {
    await draw();
    assert.deepEqual(figures(), ['Ended 5 / 10', 'Wall 1m 15s', 'Cost $0.0421']);
    census.speedup = packSpeedup(speedup({ extra_cost_usd: 0.01 }));
    await dom.settled();
    assert.equal(figures()[2], 'Cost $0.0421 $0.0100 not counted');
  });

  it('says how the join ended, each way with a word, an icon and a colour of its own', async () => {
    await draw();
    const icons = new Set<string>();
    for (const outcome of OUTCOMES) {
      census.join = { ...packJoin(satisfied().status), outcome };
      await dom.settled();
      assert.equal(textOf(find(census, '.outcome')), WORDS[outcome]);
      const look = find(census, '.verdict .look');
      assert.equal(look.className, `look ${LOOKS[outcome]}`);
      icons.add(look.innerHTML);
    }
    assert.equal(icons.size, OUTCOMES.length);
  });
});
