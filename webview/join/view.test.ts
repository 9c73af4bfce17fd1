import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { DomPanel } from '../../test/webview/dom-panel.ts';
import { button, find, findAll, press, textOf, type } from '../../test/webview/dom-queries.ts';
import {
  child,
  empty,
  ended,
  many,
  OPENED,
  passed,
  runningSince,
  satisfied,
  statusOf,
  underWay,
  unsatisfiable,
  type Story,
} from '../../test/webview/fan-outs.ts';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { MAX_PICTURE_CHARS, joinRow } from '../protocol.ts';
import type { TimelineElement } from './timeline.ts';

describe('the view of a fan-out', () => {
  const dom = useDom(() => import('./view.ts'));
  const strings = viewStrings();
  let panel: DomPanel;

  afterEach(() => assert.deepEqual(panel.errors, []));

  /** Opens a panel, and sends it the story. */
  async function open(story?: Story, saved?: unknown): Promise<void> {
    panel = await DomPanel.open(dom, saved);
    if (story !== undefined) await panel.show(story);
  }
  const text = (selector: string): string => textOf(find(panel.view, selector));
  const row = (index: number): HTMLElement => find(panel.view, `#row-${index}`);
  const elapsed = (index: number): string => text(`#row-${index} .cell-elapsed`);
  const notices = (): readonly string[] => findAll(panel.view, '.notice').map(textOf);
  const click = async (element: HTMLElement): Promise<void> => {
    element.click();
    await dom.settled();
  };
  const kinds = (): readonly string[] => panel.requests.map(({ kind }) => kind);

  describe('shows', () => {
    it('nothing before it has texts, and then that it reads', async () => {
      await open();
      assert.equal(panel.isReady, true);
      assert.equal(textOf(panel.view), '');
      await panel.send({ type: 'init', strings });
      assert.equal(text('.loading'), 'Reading the fan-out…');
    });

    it('why there is nothing to show where no engine answers', async () => {
      await open();
      await panel.send({ type: 'init', strings });
      await panel.send({ type: 'stream', state: 'disconnected', note: 'No engine answers.' });
      assert.equal(text('.loading'), 'No engine answers.');
      await panel.send({ type: 'stream', state: 'disconnected', note: null });
      assert.equal(text('.loading'), 'Not connected');
    });

    it('when it is done, the counts as they move, and why', async () => {
      await open(underWay());
      const census = text('fleet-census');
      for (const part of [
        'Running',
        '2 of 10 passed, 4 more needed',
        'Done when 6 of 10 pass',
        'The rest runs to its end',
        '5 / 10',
        '3 running',
        '$0.0102',
      ]) {
        assert.ok(census.includes(part), `${part} in ${census}`);
      }
      const moved = [...underWay().children];
      moved[7] = ended(7, 'worker-c', [4.4, 2], 'accept', { name: 'bundle' });
      const status = statusOf(moved, { predicate: 'k_of_n:6' });
      await panel.change({ at: 6.5, status, children: [moved[7]] }, false);
      for (const part of ['3 of 10 passed, 3 more needed', '6 / 10', '2 running', '3 passed']) {
        assert.ok(text('fleet-census').includes(part), part);
      }
      assert.match(textOf(row(7)), /passed/);
      assert.match(textOf(row(0)), /install/, 'what did not change stays');
    });

    it('how the join ended, and what of it is not counted', async () => {
      await open(satisfied());
      assert.match(text('fleet-census'), /Passed 7 of 8 passed/);
      assert.match(textOf(row(7)), /ended late/);
      assert.doesNotMatch(textOf(row(6)), /ended late/);
      await panel.show(unsatisfiable());
      assert.match(text('fleet-census'), /Failed 1 of 4 passed · failed: migrate/);
      assert.equal(findAll(panel.view, '.row').length, 4, 'the rows of the fan-out before are gone');
    });

    it('subtasks as they come, and counts those that have', async () => {
      const { at, status, children, ...story } = underWay();
      await open({ ...story, at, status, children: children.slice(0, 4) });
      assert.match(text('.shown'), /^4 of 4$/);
      assert.match(text('fleet-census'), /5 \/ 10/);
      await panel.change({ at, status, children: children.slice(4) }, false);
      assert.match(text('.shown'), /^10 of 10$/);
      assert.match(textOf(row(9)), /smoke test/);
    });

    it('no speedup where not all passed, and why', async () => {
      await open(unsatisfiable());
      assert.equal(text('fleet-speedup'), 'No speedup: not every subtask passed.');
    });

    it('a measurement against its ceiling', async () => {
      await open(satisfied());
      const report = text('fleet-speedup');
      for (const part of ['2.38×', 'Measured', '21.9s', '2.49×', '96%', '79%', '0.4s', '1.04×']) {
        assert.ok(report.includes(part), `${part} in ${report}`);
      }
      assert.ok(!report.includes('Estimate'));
    });

    it('why there is no report', async () => {
      await open(underWay());
      const problem = { code: 'CONFLICT', message: 'the fan-out has no subtask that ran', hint: 'Wait.' };
      await panel.send({ type: 'speedup', report: null, problem });
      assert.match(text('fleet-speedup'), /the fan-out has no subtask that ran Wait\./);
    });

    it('that there is nothing yet', async () => {
      await open(empty());
      assert.match(textOf(panel.view), /This task has no fan-out yet/);
      await panel.show({ ...underWay(), children: [child(0)], status: statusOf([child(0)]) });
      assert.match(text('fleet-timeline'), /No attempt has started yet/);
    });

    it('texts of a fan-out as texts', async () => {
      const evil = '<img src=x onerror="document.title=1"><script>1</script>';
      const children = [
        ended(0, evil, [0, 1], 'failed', { name: evil, goal: evil, reason: evil, summary: evil }),
      ];
      await open({
        ...underWay(),
        goal: evil,
        children,
        status: statusOf(children, { reason: evil, predicate: evil, complete: true, outcome: 'cancelled' }),
      });
      await click(row(0));
      for (const place of ['#row-0', 'fleet-detail', 'fleet-census', 'fleet-header', 'fleet-timeline']) {
        assert.ok(text(place).includes(evil), place);
      }
      assert.deepEqual(findAll(panel.view, 'img, script'), []);
    });

    it('running subtasks and the wall as they grow, until the picture is paused', async () => {
      await open(underWay());
      assert.equal(elapsed(7), '1.8s');
      assert.match(text('fleet-census'), /Time 6\.2s/);
      await dom.advance(1000);
      assert.equal(elapsed(7), '2.8s');
      assert.match(text('fleet-census'), /Time 7\.2s/);
      await click(button(panel.view, 'Pause View'));
      assert.deepEqual(panel.requests, [{ kind: 'pause' }]);
      await panel.send({ type: 'stream', state: 'paused', note: null });
      await dom.advance(5000);
      await click(row(7));
      assert.equal(elapsed(7), '2.8s');
      assert.match(text('fleet-census'), /Time 7\.2s/);
      await click(button(panel.view, 'Resume View'));
      assert.deepEqual(kinds(), ['pause', 'resume']);
    });

    it('nothing of time that goes on once the join is there', async () => {
      await open(satisfied());
      assert.match(text('fleet-census'), /Time 9\.2s/);
      await dom.advance(5000);
      assert.match(text('fleet-census'), /Time 9\.2s/);
    });

    it('the subtask that is chosen, until its detail is closed', async () => {
      await open(underWay());
      assert.equal(findAll(panel.view, 'fleet-detail').length, 0);
      await click(row(3));
      assert.match(text('fleet-detail h3'), /unit tests: engine/);
      await click(button(panel.view, 'Close the detail'));
      assert.equal(findAll(panel.view, 'fleet-detail').length, 0);
      assert.equal(row(3).getAttribute('aria-selected'), 'false');
    });

    it('the attempt that is chosen in the timeline', async () => {
      await open(underWay());
      const timeline = find(panel.view, '.viewport');
      press(timeline, 'End');
      press(timeline, 'End');
      press(timeline, 'Enter');
      await dom.settled();
      assert.match(text('fleet-detail h3'), /types/);
      assert.equal(row(2).getAttribute('aria-selected'), 'true');
    });

    it('the critical path of the report', async () => {
      await open(satisfied());
      const active = (): string => text('#active');
      const timeline = find(panel.view, '.viewport');
      press(timeline, 'ArrowRight');
      await dom.settled();
      assert.match(active(), /install.*critical path/);
      press(timeline, 'ArrowDown');
      await dom.settled();
      assert.doesNotMatch(active(), /critical path/);
    });
  });

  describe('does', () => {
    it('what a row offers, and nothing that makes no sense for it', async () => {
      await open(underWay());
      await click(button(row(3), /^Retry/));
      await click(button(row(2), /^Cancel/));
      row(0).dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
      await dom.settled();
      assert.deepEqual(panel.requests, [
        { kind: 'retry', index: 3 },
        { kind: 'cancel', index: 2 },
        { kind: 'output', index: 0 },
      ]);
      assert.equal(button(row(0), /^Retry/).disabled, true);
      assert.equal(button(row(8), /output/).disabled, true);
    });

    it('say why something was refused and how to go on, until that is put away or done', async () => {
      await open(underWay());
      panel.answer = () => ({
        ok: false,
        message: 'subtask 3 was cancelled',
        hint: 'Retry the task instead.',
      });
      await click(button(row(3), /^Retry/));
      assert.deepEqual(notices(), ['subtask 3 was cancelled Retry the task instead.']);
      await click(button(panel.view, 'Dismiss'));
      assert.deepEqual(notices(), []);
      await click(button(row(3), /^Retry/));
      assert.equal(notices().length, 1);
      panel.answer = () => ({ ok: true, value: null });
      await click(button(row(3), /^Retry/));
      assert.deepEqual(notices(), []);
    });

    it('run serially to measure: asks, shows the way there, and what was refused', async () => {
      await open(passed());
      const refusals = (): readonly string[] =>
        findAll(panel.view, 'fleet-speedup [role="alert"]').map(textOf);
      panel.answer = () => ({ ok: false, message: 'no worker is live', hint: 'Start the fleet.' });
      await click(button(panel.view, 'Run Serially to Measure'));
      assert.deepEqual(refusals(), ['no worker is live Start the fleet.']);
      panel.answer = () => ({ ok: true, value: null });
      await click(button(panel.view, 'Run Serially to Measure'));
      assert.deepEqual(refusals(), []);
      const run = {
        thread: 'th_serial',
        alias: 'BUILD-042-serial',
        subtasks: 8,
        follow_ups: 0,
        completed: 3,
        complete: false,
        outcome: null,
      };
      await panel.send({ type: 'serial', run });
      assert.equal(find(panel.view, '[role="progressbar"]').getAttribute('aria-valuenow'), '3');
      await click(button(panel.view, 'Cancel the Serial Run'));
      await click(button(panel.view, 'Open BUILD-042-serial'));
      assert.deepEqual(kinds(), ['run-serial', 'run-serial', 'cancel-serial', 'open-serial']);
      await panel.send({
        type: 'serial',
        run: { ...run, completed: 8, complete: true, outcome: 'satisfied' },
      });
      assert.equal(findAll(panel.view, '[role="progressbar"]').length, 0);
    });

    it('filter and sort, and remembers it when it comes back', async () => {
      await open(underWay());
      type(find(panel.view, 'vscode-textfield'), 'unit');
      await dom.settled();
      assert.equal(text('.shown'), '2 of 10');
      await click(button(panel.view, 'Time'));
      await click(row(3));
      const { saved } = panel;
      panel.view.remove();
      await open(underWay(), saved);
      assert.deepEqual(
        findAll(panel.view, '.row').map(({ id }) => id),
        ['row-5', 'row-3'],
        'those that took less stand first',
      );
      assert.equal(find<HTMLInputElement>(panel.view, 'vscode-textfield input').value, 'unit');
      assert.match(text('fleet-detail h3'), /unit tests: engine/);
      assert.equal((saved as { thread: string }).thread, 'th_build');
    });

    it('take what was saved as far as it understands it', async () => {
      for (const saved of ['th_build', { listing: { sort: 'colour' }, selected: 'one' }]) {
        await open(underWay(), saved);
        assert.equal(findAll(panel.view, '.row').length, 10);
        panel.view.remove();
      }
    });

    it('export: asks for JSON, and hands over pictures', async () => {
      await open(satisfied());
      panel.answer = () => ({ ok: true, value: 'build.svg' });
      dom.picture = Uint8Array.from({ length: 20_000 }, (_, at) => at % 251);
      for (const format of ['JSON', 'SVG', 'PNG'])
        await click(button(panel.view, new RegExp(`as ${format}`)));
      const [json, svg, png] = panel.requests;
      assert.deepEqual(json, { kind: 'export-json' });
      assert.ok(svg?.kind === 'export-picture' && svg.format === 'svg');
      assert.ok(png?.kind === 'export-picture' && png.format === 'png');
      assert.deepEqual(new Uint8Array(Buffer.from(png.data, 'base64')), dom.picture);
      assert.match(svg.data, /<title>BUILD-042 Build, lint and test/);
      assert.deepEqual(notices(), ['Saved as build.svg']);
    });

    it('nothing that cannot be done by now', async () => {
      const disabled = (name: string): boolean => button(panel.view, name).disabled;
      await open();
      await panel.send({ type: 'init', strings });
      assert.equal(disabled('Export the data as JSON'), true, 'there is nothing to export');
      await panel.show(underWay());
      assert.equal(disabled('Export the data as JSON'), false);
      assert.equal(findAll(panel.view, 'vscode-button').length, 0, 'the run goes on');
      await panel.show(passed());
      assert.equal(disabled('Run Serially to Measure'), false);
      await panel.send({ type: 'stream', state: 'disconnected', note: null });
      assert.equal(disabled('Run Serially to Measure'), true, 'no engine answers');
      await panel.send({
        type: 'task',
        thread: 'th_serial',
        alias: 'BUILD-042-serial',
        name: 'BUILD-042-serial',
        goal: 'again',
        serial: true,
      });
      assert.equal(findAll(panel.view, 'vscode-button').length, 0, 'it is a serial run itself');
    });

    it('say nothing of an export that was called off', async () => {
      await open(satisfied());
      await click(button(panel.view, /as JSON/));
      assert.deepEqual(kinds(), ['export-json']);
      assert.deepEqual(notices(), []);
    });

    it('say why there is no picture', async () => {
      await open({ ...underWay(), children: [child(0)], status: statusOf([child(0)]) });
      await click(button(panel.view, /as SVG/));
      assert.deepEqual(notices(), ['No attempt has started yet']);
      await panel.show(satisfied());
      find<TimelineElement>(panel.view, 'fleet-timeline').exportSvg = () => 'x'.repeat(MAX_PICTURE_CHARS + 1);
      await click(button(panel.view, /as SVG/));
      assert.deepEqual(notices(), ['The picture is too large to be saved. The data can be, as JSON.']);
      dom.picture = null;
      await click(button(panel.view, /as PNG/));
      assert.deepEqual(notices(), ['No attempt has started yet']);
      assert.deepEqual(panel.requests, []);
    });
  });

  describe('stays whole', () => {
    it('when it hears what it does not understand: it says so, and goes on', async () => {
      await open(underWay());
      const garbage: unknown[] = [
        null,
        7,
        'change',
        {},
        { type: 'launch' },
        { type: 'change', seq: 'one' },
        [[]],
      ];
      for (const message of garbage) await panel.post(message);
      await panel.post({ type: 'reply', id: 999, result: { ok: true, value: null } });
      assert.equal(panel.problems.length, garbage.length + 1);
      await panel.change(satisfied(), true);
      assert.match(textOf(row(7)), /soak/);
    });

    it('when the engine goes away and comes back', async () => {
      await open(underWay());
      await panel.send({ type: 'stream', state: 'disconnected', note: 'No engine answers.' });
      assert.equal(find(panel.view, '.stream').title, 'No engine answers.');
      assert.equal(button(panel.view, 'Pause View').disabled, true);
      await dom.advance(3000);
      await click(row(1));
      assert.equal(elapsed(7), '1.8s', 'its time stands still');
      await panel.send({ type: 'stream', state: 'live', note: null });
      await panel.change(satisfied(), true);
      assert.match(text('fleet-census'), /Passed/);
      assert.ok(textOf(find(panel.view, '.stream')).startsWith('Ended'));
    });

    it('with ten thousand subtasks: few elements, and small changes that cost little', async () => {
      const story = many(10_000);
      await open(story);
      assert.match(text('fleet-census'), /9968 \/ 10000/);
      const rows = (): readonly HTMLElement[] => findAll(panel.view, '.row');
      assert.ok(rows().length < 40, `${rows().length} rows`);
      press(find(panel.view, '.grid'), 'End');
      await dom.settled();
      assert.match(textOf(row(9999)), /running/);
      assert.ok(rows().length < 40, `${rows().length} rows`);
      const last = ended(9999, 'worker-16', [story.at, 1], 'failed', { reason: 'the last one' });
      await panel.change({ at: story.at + 1, status: story.status, children: [last] }, false);
      assert.match(textOf(row(9999)), /the last one/);
    });

    it('when it is closed: it listens no more', async () => {
      await open(underWay());
      await click(button(panel.view, 'Pause View'));
      panel.view.remove();
      const said = panel.problems.length;
      await panel.post('garbage');
      assert.equal(panel.problems.length, said);
    });
  });

  it('draws several messages between two frames once, and says up to where', async () => {
    await open(underWay());
    const { at, status } = underWay();
    const changes = [5, 6, 7].map((completed, place) => ({
      type: 'change' as const,
      seq: 2 + place,
      nowUnix: OPENED + at,
      reset: false,
      join: joinRow({ ...status, completed }),
      children: [],
    }));
    await Promise.all(changes.map(change => panel.send(change)));
    assert.match(text('fleet-census'), /7 \/ 10/);
    await dom.advance(3000);
    assert.deepEqual(panel.applied, [1, 4], 'and not again when time goes on');
  });

  it('measures when subtasks can first be seen, once', async () => {
    await open();
    await panel.send({ type: 'init', strings });
    assert.deepEqual(dom.measured, []);
    await panel.show(underWay());
    await panel.show(satisfied());
    assert.deepEqual(dom.measured, ['fleet:first-paint']);
  });

  it('reads out the join, and not more often than one can listen', async () => {
    await open(underWay());
    const said = (): string => text('[role="status"]');
    await dom.advance(0);
    assert.match(said(), /Running: 2 of 10 passed/);
    const children = [runningSince(0, 'a', 0)];
    const step = (accepted: number): JoinStatus =>
      statusOf(children, { subtasks: 9, counts: { ...statusOf(children).counts, accepted } });
    for (let n = 0; n < 5; n += 1) {
      await panel.change({ at: 7 + n, status: step(n), children: [] }, false);
      await dom.advance(900);
      assert.match(said(), /2 of 10/);
    }
    await dom.advance(500);
    assert.match(said(), /^Running: 4 of 9 passed/, 'five seconds after it spoke last');
    // The end is announced at once, although the text before it still waits.
    await panel.change({ at: 12, status: step(5), children: [] }, false);
    const done = { complete: true, outcome: 'satisfied', joined_unix: OPENED + 13 } as const;
    await panel.change({ at: 13, status: { ...step(9), ...done }, children: [] }, false);
    await dom.advance(0);
    assert.equal(said(), 'Passed: 9 of 9 passed');
  });
});
