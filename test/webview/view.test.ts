import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, it } from 'mocha';
import { MAX_ROWS, type ToView } from '../../webview/protocol.ts';
import { many, passed, satisfied, underWay, unsatisfiable } from './fan-outs.ts';
import { Panel, Stage } from './panel.ts';
import { DARK, HIGH_CONTRAST, LIGHT, THEMES } from './themes.ts';

/**
 * The built view in a real browser: layout, colours, focus, pictures and the policy of the page. Its content and
 * behaviour are tested next to its sources, on a page in Node.js.
 */

/** A page expression for the number of running animations. Each shadow root is queried separately. */
const ANIMATIONS =
  '(function count(root) { return [...root.querySelectorAll("*")].reduce((sum, each) => sum + (each.shadowRoot === null ? 0 : count(each.shadowRoot)), root.getAnimations().length); })(document)';

/**
 * A page expression for the texts that stick out of the window, or out of a box that hides them without an ellipsis.
 */
const CLIPPED = `(function clipped(root) {
  return [...root.querySelectorAll('*')].flatMap(each => {
    const inside = each.shadowRoot === null ? [] : clipped(each.shadowRoot);
    const { right, width } = each.getBoundingClientRect();
    const style = getComputedStyle(each);
    const isText = [...each.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '');
    const isCut =
      style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis' && each.scrollWidth > each.clientWidth + 1;
    const isShown = width > 1 && style.visibility === 'visible';
    return isShown && isText && (right > innerWidth + 1 || isCut)
      ? [each.tagName + '.' + each.className + ': ' + each.textContent.trim(), ...inside]
      : inside;
  });
})(document)`;

describe('the panel Join & Speedup in a browser', () => {
  let stage: Stage;
  let panel: Panel;

  before(async function () {
    // The browser is downloaded on first use.
    this.timeout(300_000);
    stage = await Stage.open();
  });
  after(() => stage?.close());

  /** Requires that no page had an error, whatever the test was about. */
  afterEach(async () => {
    if (panel === undefined || panel.page.isClosed()) return;
    assert.deepEqual(await panel.refused(), [], 'the policy of the page was held');
    assert.deepEqual(panel.errors, []);
    await panel.close();
  });

  for (const width of [320, 400, 480, 600, 800, 1200]) {
    it(`clips nothing at a width of ${width} pixels`, async () => {
      panel = await stage.panel(DARK, { width, height: 900 });
      for (const story of [underWay(), satisfied(), unsatisfiable()]) {
        await panel.show(story);
        assert.deepEqual(await panel.page.evaluate(CLIPPED), []);
      }
    });
  }

  it('scrolls to the row that the keyboard selects, of ten thousand', async () => {
    panel = await stage.panel(DARK, { told: Panel.messages(many(10_000), MAX_ROWS) });
    await panel.page.locator('.shown', { hasText: '10000 of 10000' }).waitFor();
    await panel.page.locator('fleet-subtasks .grid').focus();
    await panel.page.keyboard.press('End');
    const last = panel.page.locator('#row-9999');
    await last.waitFor();
    const [row, body] = [
      await last.boundingBox(),
      await panel.page.locator('fleet-subtasks .body').boundingBox(),
    ];
    assert.ok(row !== null && body !== null);
    assert.ok(row.y >= body.y && row.y + row.height <= body.y + body.height + 1, 'the row is in sight');
    await panel.page.keyboard.press('Home');
    await panel.page.locator('#row-0[aria-selected="true"]').waitFor();
  });

  it('exports self-contained pictures', async () => {
    panel = await stage.panel(LIGHT);
    await panel.show(satisfied());
    for (const format of ['SVG', 'PNG']) {
      await panel.page.getByRole('button', { name: `as ${format}` }).click();
    }
    await panel.until(() => panel.requests.length === 2, 'two exports');
    const [svg, png] = panel.requests;
    assert.ok(svg?.kind === 'export-picture' && png?.kind === 'export-picture');
    const bytes = Buffer.from(png.data, 'base64');
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
    assert.equal(bytes.readUInt32BE(16), 2400);
    const picture = await panel.page.evaluate(source => {
      const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
      return {
        error: parsed.querySelector('parsererror')?.textContent ?? null,
        texts: [...parsed.querySelectorAll('text')].map(element => element.textContent),
        inks: [...parsed.querySelectorAll('[fill]')].map(element => element.getAttribute('fill')!),
      };
    }, svg.data);
    assert.equal(picture.error, null);
    for (const name of ['install', 'worker-a', 'worker-c']) assert.ok(picture.texts.includes(name), name);
    assert.ok(picture.inks.includes('rgb(56, 138, 52)'), 'the green of the theme');
    assert.ok(!svg.data.includes('var('), 'no colour is left to be looked up');
  });

  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

  for (const theme of THEMES) {
    it(`has no serious fault of accessibility in ${theme.name}`, async () => {
      panel = await stage.panel(theme, { height: 1400 });
      await panel.page.evaluate(await readFile(axe, 'utf8'));
      for (const story of [underWay(), satisfied(), unsatisfiable()]) {
        await panel.show(story);
        await panel.page.locator('#row-1').click();
        const found = await panel.page.evaluate(async () => {
          const { axe: runner } = window as unknown as {
            axe: {
              run(): Promise<{
                violations: {
                  impact: string;
                  id: string;
                  nodes: { html: string; failureSummary: string }[];
                }[];
              }>;
            };
          };
          const { violations } = await runner.run();
          return violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => [
              id,
              ...nodes.map(node => `${node.html.slice(0, 200)}: ${node.failureSummary}`),
            ]);
        });
        assert.deepEqual(found, []);
      }
    });
  }

  it('reaches every control with the Tab key', async () => {
    panel = await stage.panel(HIGH_CONTRAST);
    await panel.show(passed());
    await panel.page.locator('#row-1').click();
    const reached = new Set<string>();
    for (let n = 0; n < 30; n += 1) {
      await panel.page.keyboard.press('Tab');
      const name = await panel.page.evaluate(() => {
        let element: Element | null = document.activeElement;
        while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
        return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
      });
      reached.add(name);
    }
    for (const name of [
      'Save as Plan',
      'Export the data as JSON',
      'Zoom in',
      'Attempts by worker and time',
      'Filter subtasks',
      'Subtasks; Enter shows the output, R retries, Delete cancels',
      'Show the output of lint',
      'Close the detail',
      'Run Serially to Measure',
    ]) {
      assert.ok(reached.has(name), `${name} in ${[...reached].join(' | ')}`);
    }
  });

  it('has no endless animation, which would draw every frame, and uses forced colours', async () => {
    for (const reducedMotion of ['no-preference', 'reduce'] as const) {
      panel = await stage.panel(HIGH_CONTRAST, {}, { reducedMotion, forcedColors: 'active' });
      await panel.show(underWay());
      assert.equal(await panel.page.evaluate(ANIMATIONS), 0, reducedMotion);
    }
  });

  it('makes no request', async () => {
    panel = await stage.panel(DARK);
    const asked: string[] = [];
    panel.page.on('request', request => asked.push(request.url()));
    await panel.show(satisfied());
    await panel.send({
      type: 'task',
      thread: 't',
      alias: 'a',
      name: 'a',
      goal: 'g',
      serial: true,
    } satisfies ToView);
    assert.deepEqual(asked, []);
  });
});
