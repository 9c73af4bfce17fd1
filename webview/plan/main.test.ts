import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { button, find, findAll, press, textOf } from '../../test/webview/dom-queries.ts';
import type { GraphMessage, Tone } from './protocol.ts';

type Node = GraphMessage['nodes'][number];

const node = (id: number, layer: number, told: Partial<Node> = {}): Node => ({
  id,
  name: `n${id}`,
  detail: '',
  count: 1,
  layer,
  follows: null,
  tone: null,
  state: '',
  ...told,
});

/** A plan in which `test` waits for `build` and `lint`. */
const graph = (told: Partial<GraphMessage> = {}): GraphMessage => ({
  type: 'graph',
  uri: 'file:///ship.fanout.yaml',
  goal: 'Ship it',
  join: 'all',
  nodes: [
    node(0, 0, { name: 'build', detail: 'npm run build' }),
    node(1, 0, { name: 'lint' }),
    node(2, 1, { name: 'test', detail: 'npm test', count: 4 }),
  ],
  edges: [
    { from: 0, to: 2 },
    { from: 1, to: 2 },
  ],
  left: 0,
  words: {
    empty: 'This plan has no subtask',
    waitsFor: 'waits for',
    join: 'Join',
    left: '7 more are left out',
    zoom: 'Zoom',
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    zoomFit: 'Show everything',
  },
  ...told,
});

describe('the picture of a plan on its page', () => {
  let said: unknown[] = [];
  let began: readonly unknown[] = [];
  let saved: unknown;
  const api = {
    postMessage: (message: unknown) => said.push(message),
    getState: () => undefined,
    setState: (state: unknown) => (saved = state),
  };
  const load = async (): Promise<void> => {
    await import('./main.ts');
    began = [...said];
  };
  const dom = useDom(load, { acquireVsCodeApi: () => api });
  const page = (): HTMLElement => find(document, 'main');
  beforeEach(async () => {
    await dom.post({ type: 'cursor', id: null });
    await dom.post(graph());
    said = [];
    dom.scrolledTo.length = 0;
  });

  const nodes = (): readonly SVGElement[] => [...page().querySelectorAll<SVGElement>('.node')];
  const labels = (): readonly (string | null)[] => nodes().map(each => each.getAttribute('aria-label'));
  const current = (): readonly (string | undefined)[] =>
    nodes().flatMap(each => (each.getAttribute('aria-current') === 'true' ? [each.dataset['id']] : []));

  it('says that it is ready', () => {
    assert.deepEqual(began, [{ type: 'ready' }]);
  });

  it('shows the goal, the join, and each subtask with its dependencies', () => {
    assert.equal(textOf(find(page(), 'h1')), 'Ship it');
    assert.equal(textOf(find(page(), '.join')), 'Join all');
    assert.deepEqual(labels(), ['build', 'lint', 'test, × 4, waits for build, lint']);
    assert.equal(page().querySelectorAll('.edge').length, 2);
    assert.equal(page().querySelector('.plan')?.getAttribute('aria-label'), 'Ship it');
  });

  it('saves its plan, so that it can be restored', () => {
    assert.deepEqual(saved, { uri: 'file:///ship.fanout.yaml' });
  });

  it('points each edge at the subtask that waits', () => {
    for (const edge of page().querySelectorAll('.edge'))
      assert.match(edge.getAttribute('marker-end') ?? '', /^url\(#arrow(-near)?\)$/);
    assert.equal(page().querySelectorAll('marker').length, 2);
  });

  it('zooms with buttons and keys, and shows everything again', async () => {
    const width = (): number => Number(page().querySelector('.plan')?.getAttribute('width'));
    const whole = width();
    button(page(), 'Zoom in').click();
    assert.equal(width(), Math.round(whole * 1.25));
    button(page(), 'Zoom out').click();
    assert.equal(width(), whole);
    assert.ok(press(page(), '+'));
    assert.ok(press(page(), '='));
    assert.ok(press(page(), '-'));
    assert.equal(width(), Math.round(whole * 1.25));
    await dom.post(graph({ goal: 'Edited' }));
    assert.equal(width(), Math.round(whole * 1.25), 'an edit keeps the scale');
    assert.ok(press(page(), '0'));
    assert.equal(width(), whole);
    assert.equal(press(page(), 'x'), false);
    assert.equal(press(page(), '+', { ctrlKey: true }), false);
    button(page(), 'Zoom in').click();
    await dom.post(graph({ uri: 'file:///other.fanout.yaml' }));
    assert.equal(width(), whole, 'another plan is shown as a whole');
    button(page(), 'Zoom in').click();
    button(page(), 'Show everything').click();
    assert.equal(width(), whole);
  });

  it('zooms with the wheel and a modifier', () => {
    const width = (): number => Number(page().querySelector('.plan')?.getAttribute('width'));
    const whole = width();
    const turn = (deltaY: number, ctrlKey: boolean): boolean =>
      !page().dispatchEvent(
        Object.assign(new WheelEvent('wheel', { deltaY, bubbles: true, cancelable: true }), { ctrlKey }),
      );
    assert.equal(turn(-1, false), false);
    assert.equal(width(), whole);
    assert.ok(turn(-1, true));
    assert.equal(width(), Math.round(whole * 1.25));
    assert.ok(turn(1, true));
    assert.equal(width(), whole);
  });

  it('places each subtask right of its dependencies', () => {
    const places = nodes().map(each => /translate\((\d+) (\d+)\)/.exec(each.getAttribute('transform') ?? ''));
    const [build, lint, test] = places.map(place => [Number(place?.[1]), Number(place?.[2])] as const);
    assert.equal(build![0], lint![0]);
    assert.ok(build![1] < lint![1] && test![0] > build![0]);
  });

  it('shows the state of each in the last run, with a sign and a word', async () => {
    const signs: Readonly<Record<Tone, string>> = {
      accepted: '✓',
      failed: '✗',
      skipped: '»',
      running: '●',
      pending: '○',
    };
    for (const [tone, sign] of Object.entries(signs) as [Tone, string][]) {
      await dom.post(
        graph({ nodes: [node(0, 0, { name: 'build', tone, state: `now ${tone}` })], edges: [] }),
      );
      assert.deepEqual(labels(), [`build, now ${tone}`]);
      assert.ok(nodes()[0]!.classList.contains(tone));
      assert.deepEqual([...nodes()[0]!.querySelectorAll('text')].map(textOf), [
        `${sign} build`,
        `now ${tone}`,
      ]);
    }
  });

  it('shortens a text that is too long for its box, and has all of it in label and tooltip', async () => {
    const name = 'a name that is longer than its box';
    const detail = 'a command line that is longer than its box';
    await dom.post(
      graph({ nodes: [node(0, 0, { name, detail }), node(1, 0, { name, count: 3 })], edges: [] }),
    );
    const [first, second] = nodes();
    const [title, words] = [...first!.querySelectorAll('text')].map(textOf);
    assert.ok(title!.length <= 20 && title!.endsWith('…') && name.startsWith(title!.slice(0, -1)));
    assert.ok(words!.length <= 24 && words!.endsWith('…') && detail.startsWith(words!.slice(0, -1)));
    assert.match(textOf(second!.querySelector('text')!), /^.{15}… × 3$/);
    assert.equal(first!.getAttribute('aria-label'), name);
    assert.equal(first!.querySelector('title')?.textContent, `${name}: ${detail}`);
  });

  it('draws a follow-up with another outline, and shows when it runs', async () => {
    const follows = 'afterwards, if any failed';
    await dom.post(graph({ nodes: [node(0, 0), node(1, 1, { follows })] }));
    assert.deepEqual(
      nodes().map(each => each.classList.contains('follows')),
      [false, true],
    );
    assert.ok(labels()[1]?.startsWith(`n1, ${follows}`));
    assert.equal(textOf(nodes()[1]!.querySelectorAll('text')[1]!), 'afterwards, if any fail…');
  });

  it('reveals a subtask in its file, by a click and by keys', () => {
    const test = nodes()[2]!;
    test.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    assert.ok(press(test, 'Enter'));
    assert.ok(press(test, ' '));
    assert.equal(press(test, 'ArrowDown'), false);
    assert.deepEqual(
      said,
      [2, 2, 2].map(id => ({ type: 'reveal', id, name: 'test' })),
    );
    assert.deepEqual(
      [test.getAttribute('tabindex'), test.getAttribute('role')],
      ['0', 'button'],
      'it can be tabbed to',
    );
  });

  it('follows the cursor, and brings its subtask into view', async () => {
    await dom.post({ type: 'cursor', id: 1 });
    assert.deepEqual(current(), ['1']);
    const near = [...page().querySelectorAll('.edge')].map(edge => edge.classList.contains('near'));
    assert.deepEqual(near, [false, true], 'the edge from it, and not the other');
    await dom.post({ type: 'cursor', id: 2 });
    assert.deepEqual(current(), ['2']);
    assert.deepEqual(
      dom.scrolledTo.map(({ element, options }) => [
        (element as HTMLElement).dataset['id'],
        options.behavior,
      ]),
      [
        ['1', 'smooth'],
        ['2', 'smooth'],
      ],
    );
    await dom.post({ type: 'cursor', id: null });
    assert.deepEqual(current(), []);
  });

  it('keeps the cursor while the plan is edited, and does not scroll to it', async () => {
    await dom.post({ type: 'cursor', id: 1 });
    dom.scrolledTo.length = 0;
    await dom.post(graph({ goal: 'Ship it today' }));
    assert.deepEqual(current(), ['1']);
    assert.deepEqual(dom.scrolledTo, []);
  });

  it('scrolls without animation under reduced motion', async () => {
    dom.prefer({ reducedMotion: true });
    await dom.post({ type: 'cursor', id: 0 });
    assert.equal(dom.scrolledTo[0]?.options.behavior, 'auto');
  });

  it('reports a plan without subtasks, and the number of omitted ones', async () => {
    await dom.post(graph({ nodes: [], edges: [] }));
    assert.match(textOf(page()), /This plan has no subtask$/);
    assert.equal(page().querySelector('.plan'), null);
    assert.doesNotMatch(textOf(page()), /left out/);
    await dom.post(graph({ left: 7 }));
    assert.match(textOf(page()), /7 more are left out$/);
  });

  it('shows texts literally, and ignores invalid messages', async () => {
    const evil = '<img src=x onerror="document.title=1">';
    await dom.post(
      graph({ goal: evil, join: evil, nodes: [node(0, 0, { name: evil, detail: evil })], edges: [] }),
    );
    assert.equal(textOf(find(page(), 'h1')), evil);
    assert.deepEqual(findAll(page(), 'img'), []);
    for (const garbage of [
      null,
      7,
      {},
      { type: 'launch' },
      { ...graph(), nodes: 'none' },
      { type: 'cursor', id: -1 },
    ]) {
      await dom.post(garbage);
    }
    assert.equal(textOf(find(page(), 'h1')), evil);
    await dom.post(graph({ edges: [{ from: 0, to: 99 }] }));
    assert.equal(page().querySelectorAll('.edge').length, 0, 'an edge to nowhere is left out');
  });
});
