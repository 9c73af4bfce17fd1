import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { viewStrings } from '../../extension/panels/strings.ts';
import { contextOf, useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, press, textOf } from '../../test/webview/dom-queries.ts';
import {
  child,
  ended,
  modelOf,
  OPENED,
  runningSince,
  satisfied,
  statusOf,
  underWay,
  type Story,
} from '../../test/webview/fan-outs.ts';
import type { Painted } from '../../test/webview/recording-canvas.ts';
import { ViewClock } from '../components/clock.ts';
import type { BarChosen, TimelineElement } from './timeline.ts';

const THEME = { '--fleet-accent': '#00aaff', '--fleet-accepted': '#00ff00', '--fleet-background': '#ffffff' };

describe('the timeline', () => {
  const strings = viewStrings();
  let timeline: TimelineElement;
  const dom = useDom(async () => {
    await import('./timeline.ts');
    theme(THEME);
  });

  const theme = (variables: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(variables))
      document.documentElement.style.setProperty(name, value);
  };

  /** Draws the timeline of a story. Its clock stands still. */
  async function draw(story: Pick<Story, 'at' | 'status' | 'children'>, told: Partial<TimelineElement> = {}) {
    const clock = new ViewClock();
    clock.sync(OPENED + story.at);
    timeline = await dom.draw<TimelineElement>('fleet-timeline', {
      strings,
      model: modelOf(story),
      version: 1,
      clock,
      moving: false,
      critical: [],
      selected: null,
      ...told,
    });
  }
  const viewport = (): HTMLElement => find(timeline, '.viewport');
  const context = () => contextOf(find(timeline, 'canvas'));
  const painted = (call: Painted['call']): readonly Painted[] =>
    context().painted.filter(each => each.call === call);
  const texts = (): readonly string[] => painted('fillText').map(({ args }) => String(args[0]));
  /** Returns a point where a text is painted, which is inside its bar. */
  const placeOf = (text: string): { clientX: number; clientY: number } => {
    const [, x, y] = painted('fillText').find(({ args }) => args[0] === text)?.args ?? [];
    return { clientX: Number(x), clientY: Number(y) };
  };
  /** Returns the distance between the starts of two attempts. It grows with the zoom. */
  const distance = (): number => placeOf('bundle').clientX - placeOf('types').clientX;
  const active = (): string => textOf(find(timeline, '#active'));
  const keys = async (...pressed: readonly string[]): Promise<void> => {
    for (const key of pressed) assert.ok(press(viewport(), key), `${key} is taken`);
    await dom.settled();
  };
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) < 0.01, `${actual} is not ${expected}`);

  describe('paints', () => {
    it('the attempts of each worker, the axis and the moment of the join', async () => {
      await draw(satisfied());
      for (const text of [
        'worker-a',
        'worker-b',
        'worker-c',
        'install',
        'unit tests',
        '0s',
        '5s',
        'decided 9.2s',
      ]) {
        assert.ok(texts().includes(text), `${text} in ${texts().join(', ')}`);
      }
    });

    it('each once again when there is more of them', async () => {
      await draw(satisfied());
      const model = modelOf({
        ...satisfied(),
        children: [
          ...satisfied().children.slice(0, 7),
          ended(7, 'worker-d', [1, 5], 'accept', { name: 'late' }),
        ],
      });
      Object.assign(timeline, { model, version: 2 });
      await dom.settled();
      assert.ok(texts().includes('worker-d') && texts().includes('late'));
      assert.ok(!texts().includes('soak'));
    });

    it('as long as it is wide enough for anything', async () => {
      await draw(satisfied());
      const before = context().pictures;
      await dom.resize(timeline, 100);
      assert.equal(context().pictures, before);
      await dom.resize(timeline, 500);
      assert.equal(context().pictures, before + 1);
      assert.equal(find<HTMLCanvasElement>(timeline, 'canvas').width, 500);
    });

    it('with the colours of another theme as soon as there is one', async () => {
      await draw(satisfied());
      const ground = (): unknown => painted('fillRect')[0]!.ink;
      assert.equal(ground(), '#ffffff');
      theme({ '--fleet-background': '#000000' });
      await dom.settled();
      assert.equal(ground(), '#000000', 'by the style of the root');
      const before = context().pictures;
      document.body.classList.toggle('vscode-light');
      await dom.settled();
      assert.equal(context().pictures, before + 1, 'by the classes of the body');
      theme(THEME);
    });

    it('anew when the system forces its colours', async () => {
      await draw(satisfied());
      const before = context().pictures;
      dom.prefer({ forcedColors: true });
      await dom.settled();
      assert.equal(context().pictures, before + 1);
    });

    it('running attempts as they grow, calmly for who wants no motion, and not at all when nothing moves', async () => {
      const picturesOfASecond = async (told: Partial<TimelineElement>): Promise<number> => {
        await draw(underWay(), told);
        const before = context().pictures;
        await dom.advance(1000);
        const count = context().pictures - before;
        timeline.remove();
        return count;
      };
      const pictures = await picturesOfASecond({ moving: true });
      assert.ok(pictures > 5 && pictures <= 10, `${pictures} pictures`);
      dom.prefer({ reducedMotion: true });
      assert.equal(await picturesOfASecond({ moving: true }), 1);
      dom.prefer({});
      assert.equal(await picturesOfASecond({ moving: false }), 0);
    });

    it('everything while it grows, until it is zoomed, and again when all is in sight', async () => {
      await draw(underWay(), { moving: true });
      timeline.clock.go();
      const shrinks = async (): Promise<boolean> => {
        const before = placeOf('types').clientX;
        await dom.advance(3000);
        return placeOf('types').clientX < before - 1;
      };
      assert.equal(await shrinks(), true);
      await keys('+');
      assert.equal(await shrinks(), false);
      await keys('-', '-');
      assert.equal(await shrinks(), true);
    });

    it('a legend of only what there is', async () => {
      await draw(underWay());
      assert.equal(textOf(find(timeline, '.legend')), 'passed rejected failed timed out running');
      timeline.remove();
      await draw(satisfied(), { critical: [0, 2, 6] });
      assert.equal(textOf(find(timeline, '.legend')), 'passed cancelled critical path decided');
    });

    it('nothing before an attempt has started, and says so', async () => {
      await draw({ at: 0, status: statusOf([child(0)]), children: [child(0)] });
      assert.equal(textOf(timeline), 'No attempt has started yet');
      assert.equal(findAll(timeline, 'canvas').length, 0);
      const children = [runningSince(0, 'worker-a', 0.5, { name: 'first' })];
      Object.assign(timeline, { model: modelOf({ status: statusOf(children), children }), version: 2 });
      await dom.settled();
      assert.ok(texts().includes('worker-a'));
    });

    it('no attempt whose times nobody told, and says how many these are', async () => {
      const untold = child(1, { state: 'done', verdict: 'accept', worker: 'worker-b', wall_time_secs: 2 });
      const children = [ended(0, 'worker-a', [0, 1]), untold];
      await draw({ at: 3, status: statusOf(children), children });
      assert.equal(textOf(find(timeline, '.note')), 'Attempts left out, whose times are unknown: 1');
      assert.ok(!texts().includes('worker-b'));
    });
  });

  describe('with the keyboard', () => {
    it('goes along a worker and to another one, and says where it is', async () => {
      await draw(underWay());
      await keys('ArrowRight');
      assert.equal(active(), 'install · worker-a · attempt 1 · passed · from 0.2s · took 3.1s');
      await keys('ArrowDown');
      assert.match(active(), /^licence check · worker-b/);
      await keys('End');
      assert.match(
        active(),
        /^unit tests: extension · worker-b · attempt 1 · running · from 4\.8s · took 1\.4s/,
      );
      await keys('ArrowLeft');
      assert.match(active(), /^unit tests: engine · worker-b/);
      await keys('Home', 'ArrowUp');
      assert.match(active(), /worker-a/);
    });

    it('says which of how many attempts of the worker it is at, and whether that is chosen', async () => {
      await draw(underWay(), { selected: 0 });
      const option = find(timeline, '#active');
      const place = (): readonly (string | null)[] =>
        ['aria-posinset', 'aria-setsize', 'aria-selected'].map(name => option.getAttribute(name));
      await keys('ArrowRight');
      assert.deepEqual(place(), ['1', '3', 'true']);
      await keys('End');
      assert.deepEqual(place(), ['3', '3', 'false']);
    });

    it('names what is on the critical path, and what was not counted', async () => {
      await draw(satisfied(), { critical: [0] });
      await keys('ArrowRight');
      assert.match(active(), / · critical path$/);
      await keys('ArrowDown', 'ArrowDown', 'End');
      assert.match(active(), /^soak .* · ended late$/);
    });

    it('chooses by Enter or the space bar', async () => {
      await draw(underWay());
      for (const key of ['Enter', ' ']) {
        const events = await dom.eventsOf<BarChosen>('bar-chosen', () => press(viewport(), key));
        assert.deepEqual(
          events.map(({ index }) => index),
          [0],
          'the first before any was gone to',
        );
      }
      await keys('End');
      const [chosen] = await dom.eventsOf<BarChosen>('bar-chosen', () => press(viewport(), 'Enter'));
      assert.equal(chosen?.index, 2);
    });

    it('marks the attempt it is at while it has the focus, and the chosen one while it has not', async () => {
      await draw(underWay(), { selected: 6 });
      const ring = (): readonly (number | string)[] | undefined => painted('strokeRect')[0]?.args;
      const heightOf = (text: string): number => placeOf(text).clientY - 0.5 - 7 - 2;
      assert.equal(ring()?.[1], heightOf('docs'));
      viewport().focus();
      await keys('ArrowRight');
      assert.equal(ring()?.[1], heightOf('install'));
      viewport().blur();
      await dom.settled();
      assert.equal(ring()?.[1], heightOf('docs'));
    });

    it('forgets where it was when another subtask is chosen elsewhere', async () => {
      await draw(underWay());
      await keys('ArrowRight', 'End');
      timeline.selected = 7;
      await dom.settled();
      assert.match(active(), /^install/);
    });

    it('zooms, pans and shows everything again', async () => {
      await draw(satisfied());
      const whole = distance();
      await keys('+');
      near(distance(), whole * 1.5);
      await keys('-');
      near(distance(), whole);
      await keys('=');
      const at = placeOf('bundle').clientX;
      assert.ok(press(viewport(), 'ArrowRight', { shiftKey: true }));
      await dom.settled();
      assert.ok(placeOf('bundle').clientX < at, 'it is gone along to the right');
      assert.ok(press(viewport(), 'ArrowLeft', { shiftKey: true }));
      await dom.settled();
      near(placeOf('bundle').clientX, at);
      near(distance(), whole * 1.5);
      await keys('0');
      near(distance(), whole);
    });

    it('pans to an attempt that is out of sight', async () => {
      await draw(satisfied());
      await keys('ArrowRight', '+', '+', '+', '+');
      assert.ok(!texts().includes('bundle'));
      await keys('End');
      assert.ok(texts().includes('bundle'));
    });

    it('scrolls to a worker that is out of sight', async () => {
      const children = Array.from({ length: 30 }, (_, index) =>
        ended(index, `worker-${index + 1}`, [0, 1], 'accept', { name: `job ${index + 1}` }),
      );
      await draw({ at: 2, status: statusOf(children), children });
      assert.equal(viewport().style.height, '320px');
      assert.ok(!texts().includes('worker-30'));
      await keys('ArrowRight', ...children.slice(1).map(() => 'ArrowDown'));
      await dom.settled();
      assert.ok(texts().includes('worker-30'));
      assert.ok(!texts().includes('worker-1'));
      await keys(...children.slice(1).map(() => 'ArrowUp'));
      assert.equal(viewport().scrollTop < 30, true);
    });

    it('leaves other keys to the page', async () => {
      await draw(underWay());
      assert.equal(press(viewport(), 'a'), false);
      assert.equal(press(viewport(), 'Tab'), false);
      for (const held of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }]) {
        assert.equal(press(viewport(), 'ArrowRight', held), false);
      }
    });
  });

  describe('with the pointer', () => {
    it('chooses the attempt that is clicked, and nothing beside one', async () => {
      await draw(satisfied());
      const click = (place: MouseEventInit) =>
        dom.eventsOf<BarChosen>('bar-chosen', () => viewport().dispatchEvent(new MouseEvent('click', place)));
      const [chosen] = await click(placeOf('lint'));
      assert.equal(chosen?.index, 1);
      assert.deepEqual(await click({ clientX: 5, clientY: 5 }), []);
    });

    it('tells of the attempt under it, until it leaves', async () => {
      await draw(satisfied());
      const tip = find(timeline, '.tip');
      assert.equal(tip.hidden, true);
      viewport().dispatchEvent(new PointerEvent('pointermove', placeOf('lint')));
      assert.equal(tip.hidden, false);
      assert.match(textOf(tip), /^lint · worker-b/);
      assert.match(tip.style.transform, /^translate\(/);
      viewport().dispatchEvent(new PointerEvent('pointerleave'));
      assert.equal(tip.hidden, true);
    });

    it('zooms by the wheel and Ctrl, pans by the wheel and Shift, and scrolls by the wheel alone', async () => {
      await draw(satisfied());
      const wheel = async (
        init: MouseEventInit,
        delta: { deltaX?: number; deltaY?: number },
      ): Promise<boolean> => {
        // Wheel events of Happy DOM have no modifier keys.
        const event = Object.assign(new MouseEvent('wheel', { cancelable: true, ...init }), {
          deltaX: 0,
          deltaY: 0,
          ...delta,
        });
        viewport().dispatchEvent(event);
        await dom.settled();
        return event.defaultPrevented;
      };
      const whole = distance();
      assert.equal(await wheel({}, { deltaY: 100 }), false);
      assert.equal(await wheel({ shiftKey: true }, { deltaY: 100 }), false, 'there is nothing to pan to');
      assert.equal(await wheel({ ctrlKey: true }, { deltaY: -100 }), true);
      near(distance(), whole * 1.2);
      const at = placeOf('bundle').clientX;
      assert.equal(await wheel({ shiftKey: true }, { deltaY: 50 }), true);
      assert.ok(placeOf('bundle').clientX < at);
      assert.equal(await wheel({}, { deltaX: -50 }), true);
      near(placeOf('bundle').clientX, at);
      assert.equal(await wheel({ metaKey: true }, { deltaY: 100 }), true);
      near(distance(), whole);
    });

    it('keeps what is under the pointer where it is while the wheel zooms', async () => {
      await draw(satisfied());
      const at = placeOf('bundle').clientX;
      const start = at - 18;
      const init = { cancelable: true, ctrlKey: true, offsetX: start } as MouseEventInit;
      viewport().dispatchEvent(Object.assign(new MouseEvent('wheel', init), { deltaX: 0, deltaY: -100 }));
      await dom.settled();
      near(placeOf('bundle').clientX, at);
    });

    it('has buttons for zooming', async () => {
      await draw(satisfied());
      const whole = distance();
      const click = async (name: string): Promise<void> => {
        button(timeline, name).click();
        await dom.settled();
      };
      await click('Zoom in');
      await click('Zoom in');
      near(distance(), whole * 2.25);
      await click('Zoom out');
      near(distance(), whole * 1.5);
      await click('Show everything');
      near(distance(), whole);
    });
  });

  describe('is exported', () => {
    it('whole, however it is scrolled, zoomed or marked', async () => {
      const children = Array.from({ length: 30 }, (_, index) =>
        ended(index, `worker-${index + 1}`, [0, 1], 'accept', { name: `job ${index + 1}` }),
      );
      await draw({ at: 2, status: statusOf(children), children }, { selected: 3 });
      viewport().focus();
      await keys('ArrowRight', 'ArrowDown', 'ArrowDown', '+');
      const scene = timeline.exportScene();
      assert.ok(scene !== null);
      const shown = scene.body.flatMap(shape => (shape.kind === 'text' ? [shape.text] : []));
      for (const { worker } of children) assert.ok(shown.includes(worker!), worker!);
      assert.ok(!scene.body.some(({ kind }) => kind === 'ring'));
    });

    it('as SVG with its title, in the colours that are seen', async () => {
      await draw(satisfied());
      const svg = timeline.exportSvg('BUILD-042');
      assert.match(svg ?? '', /<title>BUILD-042<\/title>/);
      assert.match(svg ?? '', /#00ff00/);
      assert.doesNotMatch(svg ?? '', /var\(/);
    });

    it('as PNG in base64, twice as fine as it is seen', async () => {
      await draw(satisfied());
      const made: HTMLCanvasElement[] = [];
      const create = document.createElement.bind(document);
      document.createElement = (tag: string) => {
        const element = create(tag);
        if (tag === 'canvas') made.push(element as HTMLCanvasElement);
        return element;
      };
      dom.picture = Uint8Array.from({ length: 10_000 }, (_, at) => at % 256);
      const png = await timeline.exportPng();
      document.createElement = create;
      assert.deepEqual(new Uint8Array(Buffer.from(png ?? '', 'base64')), dom.picture);
      assert.equal(made[0]?.width, 2400);
    });

    it('not at all where there is nothing to see', async () => {
      await draw({ at: 0, status: statusOf([child(0)]), children: [child(0)] });
      assert.equal(timeline.exportSvg('nothing'), null);
      assert.equal(await timeline.exportPng(), null);
    });
  });
});
