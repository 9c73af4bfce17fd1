import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { ended, modelOf, satisfied, speedup, statusOf, underWay } from '../../test/webview/fan-outs.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import { speedupRow, type SerialRow } from '../protocol.ts';
import type { SerialRequested, SpeedupElement } from './speedup.ts';

const MEASURED = satisfied().speedup;
const RUN: SerialRow = {
  thread: 'th_serial',
  alias: 'BUILD-042-serial',
  completed: 3,
  subtasks: 10,
  follow_ups: 2,
  complete: false,
  outcome: null,
};

/** A run of which each subtask passed. */
function passed(told: Partial<JoinStatus> = {}, first: Partial<ChildDocument> = {}): FanOutModel {
  const children = [0, 1].map(index =>
    ended(index, 'worker-a', [index, 1], 'accept', index === 0 ? first : {}),
  );
  const status = statusOf(children, { complete: true, outcome: 'satisfied', ...told });
  return modelOf({ status, children });
}
const DONE = passed({}, { cost_usd: 0.1 });

describe('the speedup', () => {
  const strings = viewStrings();
  let card: SpeedupElement;
  const dom = useDom(() => import('./speedup.ts'));

  async function draw(told: Partial<SpeedupElement> = {}): Promise<void> {
    card = await dom.draw<SpeedupElement>('fleet-speedup', {
      strings,
      report: speedupRow(speedup()),
      problem: null,
      serial: null,
      refused: null,
      enabled: true,
      model: DONE,
      version: 1,
      isSerial: false,
      ...told,
    });
  }
  /** Returns the name of each wall, its time, and the share of its bar in the longest. */
  const walls = (): readonly string[] => {
    const cells = findAll(card, '.walls > *');
    return findAll(card, '.wall').map(
      (wall, at) =>
        `${textOf(cells[at * 3]!)} ${textOf(cells[at * 3 + 2]!)} ${Math.round(parseFloat(wall.style.width))}%`,
    );
  };
  const facts = (): readonly string[] => findAll(card, '.facts > div').map(textOf);
  const buttons = (): readonly string[] => findAll(card, 'button, vscode-button').map(textOf);
  const requests = async (name: string): Promise<readonly string[]> => {
    const events = await dom.eventsOf<SerialRequested>('serial-requested', () => button(card, name).click());
    return events.map(({ action }) => action);
  };

  it('marks an estimate, and says what bounds it', async () => {
    await draw();
    assert.match(textOf(find(card, '.title')), /^≈ 3\.01× Estimate speedup over one at a time$/);
    assert.match(textOf(find(card, '.estimate')), /at most 4 at a time\. A serial run measures it\.$/);
    assert.deepEqual(walls(), ['One by one 27.4s 100%', 'This run 9.6s 35%', 'Critical path 9.1s 33%']);
    assert.ok(find(card, '.wall.serial').classList.contains('estimated'));
    assert.deepEqual(facts(), []);
  });

  it('says in one sentence why there is neither, and shows nothing else', async () => {
    const weak = { ...speedup().weak, speedup: null, caveat: 'no estimate' };
    const report = speedupRow(speedup({ weak, notes: ['the walls do not cover all work'] }));
    const used = { task: 'A', thread: 'th_a', subtask: 0, name: null, attempt: 1 };
    const sentences: [FanOutModel, string][] = [
      [modelOf(underWay()), 'The speedup is known when the run has ended.'],
      [modelOf(satisfied()), 'No speedup: not every subtask passed.'],
      [passed({}, { reused: used }), 'No speedup: some subtasks were reused and did not run.'],
      [passed({ round: 2 }, { attempt: 2 }), 'No speedup: some subtasks ran more than once.'],
      [passed({ round: 2 }), 'No speedup can be told for this run.'],
    ];
    for (const [model, sentence] of sentences) {
      await draw({ report, model });
      assert.equal(textOf(card), sentence);
    }
  });

  it('shows no estimate while subtasks run, and none against a serial run that differs', async () => {
    await draw({ model: modelOf(underWay()) });
    assert.deepEqual(walls(), []);
    await draw({ serial: { ...RUN, complete: true, outcome: 'unsatisfiable' } });
    assert.match(textOf(find(card, '.estimate')), /ended differently, so the two cannot be compared\.$/);
  });

  it('marks a measurement, against its ceiling', async () => {
    await draw({ report: speedupRow(MEASURED) });
    assert.equal(textOf(find(card, '.title')), '2.38× Measured speedup over the serial run');
    assert.deepEqual(walls(), ['Serial run 21.9s 100%', 'This run 9.2s 42%', 'Critical path 8.8s 40%']);
    assert.ok(!find(card, '.wall.serial').classList.contains('estimated'));
    assert.deepEqual(facts(), [
      'Ceiling 2.49×',
      'Of the ceiling 96%',
      'Efficiency 79%',
      'Slots used 3',
      'Overhead 0.4s',
      'Cost ratio 1.04×',
    ]);
    assert.equal(findAll(card, '.caveat').length, 0);
  });

  it('shows dashes for figures that the measurement lacks', async () => {
    const measured = {
      ...MEASURED.measured!,
      speedup: null,
      ceiling: null,
      efficiency: null,
      cost_ratio: null,
    };
    await draw({ report: speedupRow({ ...MEASURED, measured }) });
    assert.deepEqual(facts().slice(0, 3), ['Ceiling –', 'Of the ceiling –', 'Efficiency –']);
    assert.match(textOf(find(card, '.title')), /^– Measured/);
  });

  it('lists the notes on a measurement', async () => {
    const notes = ['subtask 3 did not run', 'two attempts were lost'];
    await draw({ report: speedupRow({ ...MEASURED, notes }) });
    assert.deepEqual(findAll(card, '.notes li').map(textOf), notes);
    card.report = speedupRow(speedup());
    await dom.settled();
    assert.equal(findAll(card, '.notes').length, 0);
  });

  it('shows why there is no report', async () => {
    const problem = { code: 'NOT_FOUND', message: 'no such task', hint: 'Open another.' };
    await draw({ report: null, problem });
    assert.equal(textOf(find(card, '[role="alert"]')), 'no such task Open another.');
    assert.match(textOf(card), /No report yet/);
    card.problem = { ...problem, hint: null };
    await dom.settled();
    assert.equal(textOf(find(card, '[role="alert"]')), 'no such task');
  });

  it('runs serially once the run has passed and an engine answers', async () => {
    await draw({ model: modelOf(underWay()) });
    assert.deepEqual(buttons(), []);
    const run = (): HTMLButtonElement => button(card, 'Run Serially to Measure');
    Object.assign(card, { model: DONE, enabled: false });
    await dom.settled();
    assert.equal(run().disabled, true);
    card.enabled = true;
    await dom.settled();
    assert.equal(run().disabled, false);
    assert.deepEqual(await requests('Run Serially to Measure'), ['run']);
  });

  it('shows the progress of the serial run, which can be cancelled or opened', async () => {
    await draw({ serial: RUN });
    const progress = find(card, '[role="progressbar"]');
    assert.deepEqual(
      ['aria-valuemin', 'aria-valuenow', 'aria-valuemax', 'aria-label'].map(name =>
        progress.getAttribute(name),
      ),
      ['0', '3', '8', 'Serial run: 3 of 8 ended'],
    );
    assert.equal(find(progress, 'div').style.width, '37.5%');
    assert.deepEqual(buttons(), ['Cancel the Serial Run', 'Open BUILD-042-serial']);
    assert.deepEqual(await requests('Cancel the Serial Run'), ['cancel']);
    assert.deepEqual(await requests('Open BUILD-042-serial'), ['open']);
    card.enabled = false;
    await dom.settled();
    assert.equal(button(card, 'Cancel the Serial Run').disabled, true);
    card.serial = { ...RUN, completed: 0, subtasks: 0, follow_ups: 0 };
    await dom.settled();
    assert.equal(find(progress, 'div').style.width, '0%');
  });

  it('runs serially again after a serial run, and opens the last one', async () => {
    await draw({ serial: { ...RUN, completed: 8, complete: true, outcome: 'satisfied' } });
    assert.equal(findAll(card, '[role="progressbar"]').length, 0);
    assert.deepEqual(buttons(), ['Run Serially Again', 'Open BUILD-042-serial']);
    assert.deepEqual(await requests('Run Serially Again'), ['run']);
    assert.deepEqual(await requests('Open BUILD-042-serial'), ['open']);
  });

  it('shows why a request was refused', async () => {
    await draw({ refused: { code: 'CONFLICT', message: 'no worker is live', hint: 'Start the fleet.' } });
    assert.equal(textOf(find(card, '[role="alert"]')), 'no worker is live Start the fleet.');
    assert.deepEqual(buttons(), ['Run Serially to Measure'], 'it can be asked for again');
  });

  it('runs no serial run serially', async () => {
    await draw({ isSerial: true });
    assert.deepEqual(buttons(), []);
    assert.match(textOf(card), /Estimate/);
  });
});
