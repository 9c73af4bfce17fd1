import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { empty, OPENED, passed, satisfied, underWay } from '../../test/webview/fan-outs.ts';
import { localTime } from '../model/format.ts';
import { joinRow, STREAM_STATES, type StreamState } from '../protocol.ts';
import type { ExportRequested, HeaderElement, RunActionChosen, StreamRequested } from './header.ts';

const WORDS: Readonly<Record<StreamState, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  paused: 'View paused',
  disconnected: 'Not connected',
};

describe('the header of the panel', () => {
  const strings = viewStrings();
  let header: HeaderElement;
  const dom = useDom(() => import('./header.ts'));

  async function draw(told: Partial<HeaderElement> = {}): Promise<void> {
    header = await dom.draw<HeaderElement>('fleet-header', {
      strings,
      task: {
        type: 'task',
        thread: 'th_build',
        alias: 'BUILD-042',
        name: 'build #4',
        goal: 'Build everything',
        serial: false,
      },
      stream: { state: 'live', note: null },
      join: joinRow(underWay().status),
      endedUnix: null,
      notice: null,
      ...told,
    });
  }

  it('shows the task and its goal, and nothing before they are known', async () => {
    await draw();
    assert.equal(textOf(find(header, 'h1')), 'Build everything');
    assert.equal(find(header, 'h1').title, 'Build everything');
    assert.equal(textOf(find(header, '.name')), 'build #4');
    header.task = null;
    await dom.settled();
    assert.equal(textOf(find(header, 'h1')), '');
  });

  it('shows whether it is live, or why not', async () => {
    await draw();
    for (const state of STREAM_STATES) {
      header.stream = { state, note: `why ${state}` };
      await dom.settled();
      const stream = find(header, '.stream');
      assert.equal(textOf(stream), WORDS[state]);
      assert.equal(stream.title, `why ${state}`);
      assert.ok(stream.classList.contains(state));
    }
  });

  it('pauses while live, resumes while paused, and does neither without an engine', async () => {
    await draw();
    const requests = async (): Promise<readonly string[]> => {
      const pause = find<HTMLButtonElement>(header, 'button');
      return (await dom.eventsOf<StreamRequested>('stream-requested', () => pause.click())).map(
        ({ request }) => request,
      );
    };
    assert.deepEqual(await requests(), ['pause']);
    header.stream = { state: 'paused', note: null };
    await dom.settled();
    assert.equal(textOf(find(header, 'button')), 'Resume View');
    assert.deepEqual(await requests(), ['resume']);
    header.stream = { state: 'disconnected', note: null };
    await dom.settled();
    assert.deepEqual(await requests(), []);
  });

  it('says when the run ended, and has nothing to pause then', async () => {
    await draw({ endedUnix: OPENED });
    assert.equal(textOf(find(header, '.stream')), `Ended ${localTime(OPENED)}`);
    assert.deepEqual(
      findAll(header, 'button')
        .map(textOf)
        .filter(word => /View/.test(word)),
      [],
    );
    header.stream = { state: 'paused', note: null };
    await dom.settled();
    assert.equal(textOf(find(header, '.stream')), 'View paused');
    assert.equal(textOf(find(header, 'button')), 'Resume View');
  });

  it('offers what can be done with the whole run', async () => {
    const actions = (): readonly HTMLButtonElement[] => findAll(header, '.run button');
    await draw();
    assert.deepEqual(actions().map(textOf), ['Cancel', 'Retry Failed', 'Save as Plan']);
    const chosen = async (): Promise<readonly string[]> => {
      const events = await dom.eventsOf<RunActionChosen>('run-action-chosen', () => {
        for (const each of actions()) each.click();
      });
      return events.map(({ action }) => action);
    };
    assert.deepEqual(await chosen(), ['cancel-run', 'retry-failed', 'save-plan']);
    header.join = joinRow(passed().status);
    await dom.settled();
    assert.deepEqual(actions().map(textOf), ['Rerun', 'Save as Plan']);
    assert.deepEqual(await chosen(), ['rerun', 'save-plan']);
    header.join = joinRow({ ...satisfied().status, under_way: true });
    await dom.settled();
    assert.deepEqual(actions().map(textOf), ['Cancel', 'Retry Failed', 'Save as Plan']);
    header.stream = { state: 'disconnected', note: null };
    await dom.settled();
    assert.deepEqual(await chosen(), []);
    header.join = joinRow(empty().status);
    await dom.settled();
    assert.deepEqual(actions(), []);
  });

  it('exports in each format, and nothing before there is a fan-out', async () => {
    await draw();
    const requests = async (): Promise<readonly string[]> => {
      const events = await dom.eventsOf<ExportRequested>('export-requested', () => {
        for (const format of ['JSON', 'SVG', 'PNG']) button(header, new RegExp(`as ${format}$`)).click();
      });
      return events.map(({ format }) => format);
    };
    assert.deepEqual(await requests(), ['json', 'svg', 'png']);
    header.join = null;
    await dom.settled();
    assert.deepEqual(await requests(), []);
  });

  it('announces the result of a request at once, and shows it until it is dismissed', async () => {
    await draw({ notice: { good: false, text: 'no worker is live', hint: 'Start the fleet.' } });
    const notices = find(header, '[aria-live="assertive"]');
    assert.equal(textOf(notices), 'no worker is live Start the fleet.');
    assert.ok(find(header, '.notice').classList.contains('bad'));
    assert.equal((await dom.eventsOf('notice-dismissed', () => button(header, 'Dismiss').click())).length, 1);
    header.notice = { good: true, text: 'Saved as build.json', hint: null };
    await dom.settled();
    assert.equal(textOf(notices), 'Saved as build.json');
    assert.ok(find(header, '.notice').classList.contains('good'));
    header.notice = null;
    await dom.settled();
    assert.equal(findAll(header, '.notice').length, 0);
  });
});
