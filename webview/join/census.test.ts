import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import {
  child,
  modelOf,
  satisfied,
  speedup,
  statusOf,
  underWay,
  unsatisfiable,
} from '../../test/webview/fan-outs.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { OUTCOMES, type Outcome } from '../../engine/contract/fan-out-documents.ts';
import { joinRow, speedupRow } from '../protocol.ts';
import type { CensusElement } from './census.ts';

const WORDS: Readonly<Record<Outcome, string>> = {
  satisfied: 'Passed',
  unsatisfiable: 'Failed',
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

  /** Draws a run under way, with a status of its own and other rows if they are given. */
  async function draw(
    status: Partial<JoinStatus> = {},
    { rows = underWay().children, ...told }: { rows?: readonly ChildDocument[]; wallSecs?: null } = {},
  ): Promise<void> {
    census = await dom.draw<CensusElement>('fleet-census', {
      strings,
      model: modelOf({ status: { ...underWay().status, ...status }, children: rows }),
      version: 1,
      speedup: null,
      wallSecs: 75,
      ...told,
    });
  }
  /** Applies another status. */
  async function move(status: JoinStatus): Promise<void> {
    census.model.apply({ join: joinRow(status), children: [], reset: false });
    census.version += 1;
    await dom.settled();
  }
  const figures = (): readonly string[] => findAll(census, '.figures > div').map(textOf);

  it('notes that nothing was run', async () => {
    await draw({ echo: 'echo: nothing was run' });
    assert.equal(textOf(find(census, '.echo')), 'echo: nothing was run');
    await draw();
    assert.equal(findAll(census, '.echo').length, 0);
  });

  it('counts each present state, in a fixed order, with an icon and a word', async () => {
    await draw();
    const counts = ['2 passed', '1 rejected', '1 failed', '1 timed out', '3 running', '2 waiting'];
    assert.deepEqual(findAll(census, '.chips li').map(textOf), counts);
    assert.equal(findAll(census, '.chips svg').length, counts.length);
    assert.equal(find(census, '.bar').getAttribute('aria-label'), `Subtasks by state: ${counts.join(', ')}`);
  });

  it('counts subtasks that wait for a person apart, and says that the run needs one', async () => {
    const { children } = underWay();
    const asking = children.map(each => (each.index === 8 ? { ...each, needs_you: 'Which version?' } : each));
    await draw({}, { rows: asking });
    assert.deepEqual(findAll(census, '.chips li').map(textOf).slice(-2), ['1 needs you', '1 waiting']);
    assert.equal(textOf(find(census, '.outcome')), 'Needs you');
  });

  it('shows the present counts, and that subtasks run on, once the run is decided', async () => {
    const { counts } = underWay().status;
    const joined = { ...counts, failed: counts.failed + 1, running: counts.running - 1 };
    const decided = { complete: true, outcome: 'unsatisfiable', under_way: true } as const;
    await draw({ ...decided, census: joined });
    const bars = findAll(census, '.bar').map(each => each.getAttribute('aria-label') ?? '');
    assert.equal(bars.length, 1);
    assert.match(bars[0]!, new RegExp(`\\b${counts.running} running`));
    assert.equal(textOf(find(census, '.goes-on')), 'Some subtasks still run');
    await draw({ ...decided, census: counts, under_way: false });
    assert.deepEqual(findAll(census, '.goes-on'), []);
  });

  it('omits follow-ups, and shows their number', async () => {
    await draw({ subtasks: 12, follow_ups: 2, completed: 4 });
    assert.match(figures()[0] ?? '', /4 \/ 10 ?and 2 afterwards$/);
  });

  it('draws the width of each state by its number of subtasks', async () => {
    await draw();
    const widths = (): readonly (readonly [string, string])[] =>
      findAll(census, '.bar > span').map(({ className, style }) => [className, style.flexGrow]);
    assert.deepEqual(widths(), [
      ['accepted', '2'],
      ['rejected', '1'],
      ['failed', '1'],
      ['timedOut', '1'],
      ['running', '3'],
      ['pending', '2'],
    ]);
    await move(satisfied().status);
    assert.deepEqual(widths(), [
      ['accepted', '7'],
      ['cancelled', '1'],
    ]);
  });

  it('says when it is done, what becomes of the rest, and how far it is', async () => {
    await draw();
    const terms = (): readonly string[] => findAll(census, '.terms > div').map(textOf);
    assert.deepEqual(terms(), ['Done when 6 of 10 pass', 'The rest runs to its end, nothing more starts']);
    assert.equal(textOf(find(census, '.outcome')), 'Running');
    assert.equal(textOf(find(census, '.reason')), '2 of 10 passed, 4 more needed');
    for (const [predicate, losers, shown] of [
      ['all', 'cancel', ['Done when all pass', 'The rest is cancelled']],
      ['any', 'keep', ['Done when one passes', 'The rest still runs']],
      ['accepted * 2 > total', 'keep', ['Done when accepted * 2 > total', 'The rest still runs']],
    ] as const) {
      await move({ ...underWay().status, predicate, losers });
      assert.deepEqual(terms(), shown);
    }
  });

  it('waits while nothing runs', async () => {
    const children = [child(0)];
    await draw(statusOf(children), { rows: children });
    assert.equal(textOf(find(census, '.outcome')), 'Waiting');
  });

  it('omits unknown values', async () => {
    await draw({ predicate: null, losers: null, reason: null }, { wallSecs: null, rows: [] });
    assert.equal(textOf(find(census, '.terms')), '');
    assert.equal(textOf(find(census, '.reason')), '2 of 10 passed');
    assert.deepEqual(figures(), ['Ended 5 / 10']);
  });

  it('says which retry it is', async () => {
    await draw();
    assert.doesNotMatch(textOf(census), /Retry/);
    await move(statusOf(underWay().children, { round: 3 }));
    assert.equal(textOf(find(census, '.outcome')), 'Running · Retry 2');
  });

  it('shows the ended members, the time, and the cost where there is one', async () => {
    await draw();
    assert.deepEqual(figures(), ['Ended 5 / 10', 'Time 1m 15s', 'Cost $0.0102']);
    census.speedup = speedupRow(speedup({ extra_cost_usd: 0.01 }));
    await dom.settled();
    assert.equal(figures()[2], 'Cost $0.0102 $0.0100 not counted');
    await draw({}, { rows: unsatisfiable().children });
    assert.equal(figures().length, 2);
  });

  it('shows each outcome with its own word, icon and colour', async () => {
    await draw();
    const icons = new Set<string>();
    for (const outcome of OUTCOMES) {
      await move({ ...satisfied().status, outcome });
      assert.equal(textOf(find(census, '.outcome')), WORDS[outcome]);
      const look = find(census, '.verdict .look');
      assert.equal(look.className, `look ${LOOKS[outcome]}`);
      icons.add(look.innerHTML);
    }
    assert.equal(icons.size, OUTCOMES.length);
  });

  it('explains each outcome: what passed, what was needed, what failed by name, and a reason', async () => {
    const { children, status } = underWay();
    await draw();
    const reasons: [Partial<JoinStatus>, string][] = [
      [{ outcome: 'satisfied' }, '2 of 10 passed'],
      [
        { outcome: 'unsatisfiable' },
        '2 of 10 passed, 6 were needed · failed: unit tests: engine, licence check, docs',
      ],
      [
        { outcome: 'unsatisfiable', predicate: 'accepted > 5', reason: 'no such key: x (2 of 10 accepted)' },
        '2 of 10 passed · no such key: x (2 of 10 accepted) · failed: unit tests: engine, licence check, docs',
      ],
      [
        { outcome: 'unsatisfiable', predicate: 'all', census: { ...status.counts, failed: 5 } },
        '2 of 10 passed · failed: unit tests: engine, licence check, docs and 4 more',
      ],
      [
        { outcome: 'timed_out', reason: 'not decided within 3s: 2 of 10' },
        '2 of 10 passed in the time given',
      ],
      [{ outcome: 'cancelled', reason: 'cancelled by request' }, '2 of 10 passed'],
      [{ outcome: 'cancelled', reason: 'the wrong branch' }, '2 of 10 passed · the wrong branch'],
    ];
    for (const [told, shown] of reasons) {
      await move({ ...statusOf(children, { predicate: 'k_of_n:6' }), complete: true, ...told });
      assert.equal(textOf(find(census, '.reason')), shown);
    }
  });
});
