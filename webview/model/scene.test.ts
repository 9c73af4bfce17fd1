import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child, many, OPENED, satisfied, statusOf, type Story } from '../../test/webview/fan-outs.ts';
import { childRow, joinRow } from '../protocol.ts';
import { pan, timeAxis, zoom } from './axis.ts';
import { FanOutModel } from './fan-out.ts';
import { fitName, fitText } from './format.ts';
import {
  AXIS_PX,
  barAt,
  gutterOf,
  sceneOf,
  topOf,
  type Scene,
  type Shape,
  type Sight,
  type Subject,
} from './scene.ts';
import { walk } from './walk.ts';
import { scrollTo, windowOf } from './window.ts';

function subjectOf(story: Story, told: Partial<Subject> = {}): Subject {
  const model = new FanOutModel();
  const children = story.children.map(childRow);
  model.apply({ join: joinRow(story.status), children, reset: true });
  return {
    lanes: model.lanes(),
    originUnix: OPENED,
    nowUnix: OPENED + story.at,
    joinedUnix: story.status.joined_unix,
    joinLabel: 'join',
    critical: [],
    active: null,
    selected: null,
    ...told,
  };
}

const sight = (told: Partial<Sight> = {}): Sight => ({
  width: 1000,
  height: 400,
  scrollTop: 0,
  domain: { from: 0, to: 10 },
  ...told,
});
const of = <K extends Shape['kind']>(scene: Scene, kind: K): (Shape & { kind: K })[] =>
  [...scene.body, ...scene.head].filter((shape): shape is Shape & { kind: K } => shape.kind === kind);

describe('the scene of a timeline', () => {
  it('shows the moment at which an attempt was lost with its worker, before that moment', () => {
    const lost = {
      state: 'done',
      verdict: 'failed',
      lost: true,
      worker: 'a',
      ended_unix: OPENED + 5,
    } as const;
    const children = [child(0, { ...lost, attempt: 1, wall_time_secs: 0 })];
    const subject = subjectOf({ ...satisfied(), children, status: statusOf(children) });
    const scene = sceneOf(subject, sight());
    const [bar] = of(scene, 'bar');
    const end = gutterOf(1000) + (5 * (1000 - gutterOf(1000) - 8)) / 10;
    assert.deepEqual([bar?.look, bar?.faint], ['failed', false]);
    assert.ok(bar!.width >= 15 && Math.abs(bar!.x + bar!.width - end) < 2);
    assert.ok(of(scene, 'text').some(({ text }) => text === '✕'));
    for (const [x, found] of [
      [end - 10, true],
      [end + 10, false],
    ] as const)
      assert.equal(barAt(subject, sight(), x, bar!.y + 5) !== null, found);
  });

  it('places each attempt by its worker and its times', () => {
    const subject = subjectOf(satisfied());
    const scene = sceneOf(subject, sight());
    const bars = of(scene, 'bar');
    assert.equal(bars.length, 8);
    const gutter = gutterOf(1000);
    const pxPerSec = (1000 - gutter - 8) / 10;
    const first = bars[0]!;
    assert.ok(Math.abs(first.x - (gutter + 0.2 * pxPerSec)) < 0.01);
    assert.ok(Math.abs(first.width - (3.1 * pxPerSec - 1)) < 0.01);
    const byRow = new Set(bars.map(({ y }) => y));
    assert.equal(byRow.size, 3, 'one row for each worker, as nothing ran at a time');
  });

  it('shows each verdict by a pattern, uncounted attempts faintly, and names if they fit', () => {
    const scene = sceneOf(subjectOf(satisfied()), sight());
    const cancelled = of(scene, 'bar').find(({ look }) => look === 'cancelled')!;
    assert.deepEqual([cancelled.pattern, cancelled.faint], ['hollow', true]);
    const texts = of(scene, 'text').map(({ text }) => text);
    for (const text of ['install', 'soak', 'worker-a', 'worker-c', '⊘'])
      assert.ok(texts.includes(text), text);
  });

  it('marks the join and the critical path, and rings what is selected', () => {
    const scene = sceneOf(subjectOf(satisfied(), { critical: [0, 2, 6], selected: 2 }), sight());
    const gutter = gutterOf(1000);
    const joinX = gutter + (9.2 * (1000 - gutter - 8)) / 10;
    const [diamond] = of(scene, 'diamond');
    assert.ok(Math.abs(diamond!.x - joinX) < 0.01);
    const thick = of(scene, 'line').filter(({ thick }) => thick === 2.5);
    assert.equal(thick.length, 3);
    assert.equal(of(scene, 'ring').length, 1);
  });

  it('draws only visible parts, and merges bars that are too narrow', () => {
    const subject = subjectOf(many(10_000));
    const whole = sceneOf(subject, sight({ domain: { from: 0, to: 300 } }));
    // Six lanes of two tracks are visible, and no track can show more bars than it has pixels.
    assert.ok(of(whole, 'bar').length < 14 * 900, `${of(whole, 'bar').length} bars`);
    const near = sceneOf(subject, sight({ domain: { from: 100, to: 101 } }));
    const bars = of(near, 'bar');
    assert.ok(bars.length > 10 && bars.length < 14 * 12, `${bars.length} bars`);
    const below = sceneOf(subject, sight({ scrollTop: 600 }));
    assert.ok(!of(below, 'text').some(({ text }) => text === 'worker-01'));
  });

  it('finds the bar under a point, and where a bar is', () => {
    const subject = subjectOf(satisfied());
    const scene = sceneOf(subject, sight());
    for (const shape of of(scene, 'bar')) {
      const found = barAt(subject, sight(), shape.x + shape.width / 2, shape.y + 5);
      assert.equal(found?.look, shape.look);
      const place = topOf(subject.lanes, found)!;
      assert.ok(shape.y >= place.top + AXIS_PX && shape.y < place.top + AXIS_PX + place.height);
    }
    assert.equal(barAt(subject, sight(), 5, 50), null);
    assert.equal(barAt(subject, sight(), 500, 5), null);
    assert.equal(barAt(subject, sight(), 990, 60), null);
  });
});

describe('the axis', () => {
  it('puts its ticks on seconds, minutes and hours', () => {
    const labels = (from: number, to: number) => timeAxis({ from, to }, 900).ticks.map(({ label }) => label);
    assert.deepEqual(labels(0, 10).slice(0, 3), ['0s', '1s', '2s']);
    assert.deepEqual(labels(0, 300).slice(0, 4), ['0s', '30s', '1m', '1m 30s']);
    assert.ok(labels(0, 7200).includes('1h'));
    assert.ok(labels(0, 1).includes('0.5s'));
  });

  it('zooms around its anchor, and never beyond the whole', () => {
    const whole = { from: 0, to: 100 };
    const near = zoom(whole, 0.5, 20, whole);
    assert.deepEqual(near, { from: 10, to: 60 });
    assert.deepEqual(zoom(near, 10, 20, whole), whole);
    const nearest = zoom(whole, 1e-9, 50, whole);
    assert.ok(nearest.to - nearest.from >= 0.02 - 1e-9);
    assert.deepEqual(pan(near, 1, whole), { from: 50, to: 100 });
    assert.deepEqual(pan(near, -9, whole), { from: 0, to: 50 });
  });
});

describe('the keyboard', () => {
  it('moves along a worker, and to the next one at about the same moment', () => {
    const { lanes } = subjectOf(satisfied());
    const first = walk(lanes, null, 'next')!;
    assert.equal(first.label, 'install');
    const second = walk(lanes, first, 'next')!;
    assert.equal(second.label, 'types');
    assert.equal(walk(lanes, second, 'previous')!.label, 'install');
    assert.equal(walk(lanes, second, 'down')!.label, 'unit tests');
    assert.equal(walk(lanes, second, 'up')!.label, 'types');
    assert.equal(walk(lanes, second, 'last')!.label, 'bundle');
    assert.equal(walk(lanes, walk(lanes, second, 'last'), 'next')!.label, 'bundle');
    assert.equal(walk([], null, 'next'), null);
  });
});

describe('a window onto a long list', () => {
  it('contains the visible rows and a few around them', () => {
    assert.deepEqual(windowOf(0, 260, 26, 10_000), { first: 0, end: 16 });
    assert.deepEqual(windowOf(26_000, 260, 26, 10_000), { first: 994, end: 1016 });
    assert.deepEqual(windowOf(1e9, 260, 26, 10), { first: 10, end: 10 });
  });

  it('scrolls no more than it must', () => {
    assert.equal(scrollTo(5, 0, 260, 26), 0);
    assert.equal(scrollTo(10, 0, 260, 26), 26);
    assert.equal(scrollTo(2, 260, 260, 26), 52);
  });
});

describe('fitted texts', () => {
  it('are cut at their end, and names in their middle', () => {
    assert.equal(fitText('unit tests', 70, 10), 'unit t…');
    assert.equal(fitText('unit', 70, 10), 'unit');
    assert.equal(fitText('unit', 20, 10), '');
    assert.equal(fitName('worker-123', 70, 10), 'wor…123');
    assert.equal(fitName('worker-1', 80, 10), 'worker-1');
  });
});
