import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, textOf } from '../../test/webview/dom-queries.ts';
import { STREAM_STATES, type StreamState } from '../protocol.ts';
import type { ExportRequested, HeaderElement, StreamRequested } from './header.ts';

const WORDS: Readonly<Record<StreamState, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  paused: 'Paused',
  disconnected: 'Disconnected',
};

describe('the header of the panel', () => {
  const strings = viewStrings();
  let header: HeaderElement;
  const dom = useDom(() => import('./header.ts'));

  async function draw(told: Partial<HeaderElement> = {}): Promise<void> {
    header = await dom.draw<HeaderElement>('fleet-header', {
      strings,
      task: { type: 'task', thread: 'th_build', alias: 'BUILD-042', goal: 'Build everything', serial: false },
      stream: { state: 'live', note: null },
      exportable: true,
      notice: null,
      ...told,
    });
  }

  it('shows the task and its goal, and nothing before they are known', async () => {
    await draw();
    assert.equal(textOf(find(header, 'h1')), 'BUILD-042 Build everything');
    assert.equal(find(header, '.goal').title, 'Build everything');
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
    assert.equal(textOf(find(header, 'button')), 'Resume');
    assert.deepEqual(await requests(), ['resume']);
    header.stream = { state: 'disconnected', note: null };
    await dom.settled();
    assert.deepEqual(await requests(), []);
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
    header.exportable = false;
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
