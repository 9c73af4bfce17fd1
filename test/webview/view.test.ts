import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, it } from 'mocha';
import type { ToView } from '../../webview/protocol.ts';
import {
  child,
  empty,
  ended,
  many,
  OPENED,
  runningSince,
  satisfied,
  statusOf,
  underWay,
  unsatisfiable,
} from './fan-outs.ts';
import type { Panel } from './panel.ts';
import { Stage } from './panel.ts';
import { DARK, HIGH_CONTRAST, LIGHT, THEMES } from './themes.ts';

/** The built view, in a real browser. */
/** How many animations run, as an expression for the page; each shadow has to be asked for its own. */
const ANIMATIONS =
  '(function count(root) { return [...root.querySelectorAll("*")].reduce((sum, each) => sum + (each.shadowRoot === null ? 0 : count(each.shadowRoot)), root.getAnimations().length); })(document)';

describe('the panel Join & Speedup', () => {
  let stage: Stage;
  let panel: Panel;

  before(async function () {
    // The first time the browser is downloaded.
    this.timeout(300_000);
    stage = await Stage.open();
  });
  after(() => stage?.close());

  /** Nothing may go wrong in a page, whatever the test was about. */
  afterEach(async () => {
    if (panel === undefined || panel.page.isClosed()) return;
    assert.deepEqual(await panel.refused(), [], 'the policy of the page was held');
    assert.deepEqual(panel.errors, []);
    await panel.close();
  });

  /** What can be read there, also inside of a component. */
  const text = (selector: string): Promise<string> =>
    panel.page
      .locator(selector)
      .first()
      .evaluate(element =>
        [...(element.shadowRoot?.children ?? [element])]
          .map(part => (part as HTMLElement).innerText)
          .join('\n'),
      );

  describe('shows', () => {
    it('the predicate, the census as it moves, and why', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      const census = await text('fleet-census');
      for (const part of [
        'Waiting for the join',
        '2 of 10, needs 4 more',
        'k_of_n:6',
        'drain',
        '5 / 10',
        '3 running',
      ]) {
        assert.ok(census.replaceAll(/\s+/g, ' ').includes(part), `${part} in ${census}`);
      }
      const { children } = underWay();
      const moved = [...children];
      moved[7] = ended(7, 'worker-c', [4.4, 2], 'accept', { name: 'bundle' });
      const reason = '3 of 10, needs 3 more of 2 running and 2 pending';
      await panel.change(
        { at: 6.5, status: statusOf(moved, { predicate: 'k_of_n:6', reason }), children: [moved[7]] },
        false,
      );
      assert.ok((await text('fleet-census')).includes(reason));
      assert.match(await text('fleet-subtasks #row-7'), /accepted/);
    });

    it('how the join ended, and what of it is not counted', async () => {
      panel = await stage.panel(LIGHT);
      await panel.tell(satisfied());
      assert.match(await text('fleet-census'), /Satisfied[\s\S]*7 of 8 accepted/);
      assert.match(await text('fleet-subtasks #row-7'), /after join/);
      await panel.tell(unsatisfiable());
      assert.match(await text('fleet-census'), /Unsatisfiable[\s\S]*can no longer hold/);
    });

    it('an estimate as an estimate, with its caveat and what is missing', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(unsatisfiable());
      const report = await text('fleet-speedup');
      assert.match(report, /Estimate/);
      assert.match(report, /shared the machine/);
      assert.match(report, /did not run to the end/);
      assert.ok(!report.includes('Measured'));
    });

    it('a measurement against its ceiling', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(satisfied());
      const report = (await text('fleet-speedup')).replaceAll(/\s+/g, ' ');
      for (const part of ['2.38×', 'Measured', '21.9s', '2.49×', '96%', '79%', '0.4s', '1.04×']) {
        assert.ok(report.includes(part), `${part} in ${report}`);
      }
      assert.ok(!report.includes('Estimate'));
    });

    it('that there is nothing yet', async () => {
      panel = await stage.panel(LIGHT);
      await panel.tell(empty());
      assert.match(await text('fleet-join-view'), /no fan-out yet/);
      await panel.tell({ ...underWay(), children: [child(0)], status: statusOf([child(0)]) });
      assert.match(await text('fleet-timeline'), /No attempt has started/);
    });

    it('texts of a fan-out as texts', async () => {
      panel = await stage.panel(DARK);
      const evil = '<img src=x onerror="document.title=1"><script>1</script>';
      const children = [ended(0, evil, [0, 1], 'failed', { name: evil, goal: evil, reason: evil })];
      await panel.tell({ ...underWay(), goal: evil, children, status: statusOf(children, { reason: evil }) });
      await panel.page.locator('#row-0').click();
      assert.ok((await text('fleet-subtasks #row-0')).includes(evil));
      assert.ok((await text('fleet-detail')).includes(evil));
    });

    it('running subtasks as they grow, until the picture is paused', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      const elapsed = panel.page.locator('#row-7 .cell-elapsed');
      const before = await elapsed.innerText();
      await panel.page.waitForFunction(
        told => {
          const view = document.querySelector('fleet-join-view')!.shadowRoot!;
          const rows = view.querySelector('fleet-subtasks')!.shadowRoot!;
          return rows.querySelector<HTMLElement>('#row-7 .cell-elapsed')!.innerText !== told;
        },
        before,
        { timeout: 10_000 },
      );
      await panel.page.getByRole('button', { name: 'Pause' }).click();
      await panel.until(() => panel.requests.some(({ kind }) => kind === 'pause'), 'pause is asked for');
      await panel.say({ type: 'stream', state: 'paused', note: null });
      await panel.page.getByRole('button', { name: 'Resume' }).click();
      await panel.until(() => panel.requests.some(({ kind }) => kind === 'resume'), 'resume is asked for');
    });
  });

  describe('does', () => {
    it('what a row offers, and nothing that makes no sense for it', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      await panel.page.locator('#row-3').hover();
      await panel.page.locator('#row-3').getByRole('button', { name: /Retry/ }).click();
      await panel.page.locator('#row-2').hover();
      await panel.page
        .locator('#row-2')
        .getByRole('button', { name: /Cancel/ })
        .click();
      await panel.page.locator('#row-0').dblclick();
      await panel.until(() => panel.requests.length === 3, 'three requests');
      assert.deepEqual(panel.requests, [
        { kind: 'retry', index: 3 },
        { kind: 'cancel', index: 2 },
        { kind: 'output', index: 0 },
      ]);
      assert.ok(
        await panel.page
          .locator('#row-0')
          .getByRole('button', { name: /Retry/, includeHidden: true })
          .isDisabled(),
      );
      assert.ok(
        await panel.page
          .locator('#row-8')
          .getByRole('button', { name: /output/, includeHidden: true })
          .isDisabled(),
      );
    });

    it('say why something was refused, and how to go on', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      panel.answer = () => ({
        ok: false,
        message: 'subtask 3 was cancelled',
        hint: 'Retry the task instead.',
      });
      await panel.page.locator('#row-3').hover();
      await panel.page.locator('#row-3').getByRole('button', { name: /Retry/ }).click();
      const notice = panel.page.locator('.notice');
      await notice.waitFor();
      assert.match(await notice.innerText(), /subtask 3 was cancelled[\s\S]*Retry the task instead/);
      await notice.getByRole('button', { name: 'Dismiss' }).click();
      await notice.waitFor({ state: 'detached' });
    });

    it('run serially to measure: asks, shows the way there, and what was refused', async () => {
      panel = await stage.panel(DARK);
      const story = satisfied();
      await panel.tell({ ...story, speedup: { ...story.speedup, measured: null } });
      panel.answer = () => ({ ok: false, message: 'no worker is live', hint: 'Start the fleet.' });
      const button = panel.page.locator('vscode-button', { hasText: 'Run Serially to Measure' });
      await button.click();
      const refusal = panel.page.locator('fleet-speedup [role="alert"]');
      await refusal.waitFor();
      assert.match(await refusal.innerText(), /no worker is live[\s\S]*Start the fleet/);
      panel.answer = () => ({ ok: true, value: null });
      await button.click();
      await refusal.waitFor({ state: 'detached' });
      const run = {
        thread: 'th_serial',
        alias: 'BUILD-042-serial',
        done: 3,
        subtasks: 8,
        complete: false,
        outcome: null,
      };
      await panel.say({ type: 'serial', run });
      const progress = panel.page.getByRole('progressbar');
      await progress.waitFor();
      assert.equal(await progress.getAttribute('aria-valuenow'), '3');
      await panel.page.locator('vscode-button', { hasText: 'Cancel the Serial Run' }).click();
      await panel.page.getByRole('button', { name: 'Open BUILD-042-serial' }).click();
      await panel.until(() => panel.requests.length === 4, 'four requests');
      assert.deepEqual(
        panel.requests.map(({ kind }) => kind),
        ['run-serial', 'run-serial', 'cancel-serial', 'open-serial'],
      );
      await panel.say({ type: 'serial', run: { ...run, done: 8, complete: true, outcome: 'satisfied' } });
      await progress.waitFor({ state: 'detached' });
    });

    it('filter and sort, and remembers it when it comes back', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      await panel.page.locator('fleet-subtasks input').first().fill('unit');
      await panel.page.locator('.shown', { hasText: '2 of 10' }).waitFor();
      await panel.page.getByRole('columnheader', { name: 'Elapsed' }).getByRole('button').click();
      await panel.page.locator('#row-3').click();
      const saved = await panel.saved();
      await panel.close();
      panel = await stage.panel(DARK, { saved });
      await panel.tell(underWay());
      assert.equal(await panel.page.locator('fleet-subtasks .row').count(), 2);
      assert.equal(await panel.page.locator('fleet-subtasks input').first().inputValue(), 'unit');
      assert.match(await text('fleet-detail h3'), /unit tests: engine/);
      assert.equal((saved as { thread: string }).thread, 'th_build');
    });

    it('export: asks for JSON, and hands over pictures that stand alone', async () => {
      panel = await stage.panel(LIGHT);
      await panel.tell(satisfied());
      panel.answer = () => ({ ok: true, value: 'build.svg' });
      for (const format of ['JSON', 'SVG', 'PNG']) {
        await panel.page.getByRole('button', { name: `as ${format}` }).click();
      }
      await panel.until(() => panel.requests.length === 3, 'three exports');
      const [json, svg, png] = panel.requests;
      assert.deepEqual(json, { kind: 'export-json' });
      assert.ok(svg?.kind === 'export-picture' && png?.kind === 'export-picture');
      const bytes = Buffer.from(png.data, 'base64');
      assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
      assert.equal(bytes.readUInt32BE(16), 2400);
      assert.match(await panel.page.locator('.notice').innerText(), /Saved as build.svg/);
      const picture = await panel.page.evaluate(source => {
        const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
        return {
          error: parsed.querySelector('parsererror')?.textContent ?? null,
          texts: [...parsed.querySelectorAll('text')].map(element => element.textContent),
          title: parsed.querySelector('title')?.textContent,
        };
      }, svg.data);
      assert.equal(picture.error, null);
      for (const name of ['install', 'worker-a', 'worker-c']) assert.ok(picture.texts.includes(name), name);
      assert.match(picture.title ?? '', /^BUILD-042 Build/);
      assert.ok(!svg.data.includes('var('), 'no colour is left to be looked up');
    });
  });

  describe('stays whole', () => {
    it('when it hears what it does not understand: it says so, and goes on', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
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
      await panel.until(() => panel.problems.length === garbage.length + 1, 'each was told to the log');
      await panel.change({ ...satisfied() }, true);
      assert.match(await text('fleet-subtasks #row-7'), /soak/);
    });

    it('when the engine goes away and comes back', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      await panel.say({ type: 'stream', state: 'disconnected', note: 'No engine answers.' });
      await panel.page.locator('.stream.disconnected').waitFor();
      const elapsed = panel.page.locator('#row-7 .cell-elapsed');
      const frozen = await elapsed.innerText();
      assert.ok(await panel.page.getByRole('button', { name: 'Pause' }).isDisabled());
      // What is drawn after this would show time that went on.
      await panel.page.locator('#row-1').click();
      assert.equal(await elapsed.innerText(), frozen);
      await panel.say({ type: 'stream', state: 'live', note: null });
      await panel.change(satisfied(), true);
      assert.match(await text('fleet-census'), /Satisfied/);
    });

    it('with ten thousand subtasks: few elements, and small changes that cost little', async () => {
      panel = await stage.panel(DARK);
      const story = many(10_000);
      await panel.tell(story);
      assert.match((await text('fleet-census')).replaceAll(/\s+/g, ' '), /9968 \/ 10000/);
      const rows = panel.page.locator('fleet-subtasks .row');
      assert.ok((await rows.count()) < 40);
      await panel.page.locator('fleet-subtasks .grid').focus();
      await panel.page.keyboard.press('End');
      await panel.page.locator('#row-9999').waitFor();
      assert.ok((await rows.count()) < 40);
      const last = ended(9999, 'worker-16', [story.at, 1], 'failed', { reason: 'the last one' });
      await panel.change({ at: story.at + 1, status: story.status, children: [last] }, false);
      await panel.page.locator('#row-9999', { hasText: 'the last one' }).waitFor();
    });

    it('in a narrow column: nothing is cut off sideways', async () => {
      panel = await stage.panel(DARK, { width: 400, height: 900 });
      for (const story of [underWay(), satisfied(), unsatisfiable()]) {
        await panel.tell(story);
        const width = await panel.page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 400, `${width} px wide`);
      }
    });
  });

  describe('is for everybody', () => {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

    for (const theme of THEMES) {
      it(`has no serious fault of accessibility in ${theme.name}`, async () => {
        panel = await stage.panel(theme, { height: 1400 });
        await panel.page.evaluate(await readFile(axe, 'utf8'));
        for (const story of [underWay(), satisfied(), unsatisfiable()]) {
          await panel.tell(story);
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

    it('can be walked with the keyboard alone', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      const timeline = panel.page.getByRole('listbox', { name: 'Attempts by worker and time' });
      const active = (): Promise<string> => panel.page.locator('#active').innerText();
      await timeline.focus();
      await panel.page.keyboard.press('ArrowRight');
      assert.match(await active(), /install #0 · worker-a · attempt 1 · accepted/);
      await panel.page.keyboard.press('ArrowDown');
      assert.match(await active(), /worker-b/);
      await panel.page.keyboard.press('End');
      assert.match(await active(), /unit tests: extension #5 · worker-b · attempt 1 · running/);
      await panel.page.keyboard.press('Enter');
      assert.match(await text('fleet-detail h3'), /unit tests: extension/);
      await panel.page.keyboard.press('Equal');
      await panel.page.keyboard.press('Digit0');

      const grid = panel.page.getByRole('grid');
      await grid.focus();
      await panel.page.keyboard.press('Home');
      assert.equal(await grid.getAttribute('aria-activedescendant'), 'row-0');
      for (let n = 0; n < 3; n += 1) await panel.page.keyboard.press('ArrowDown');
      await panel.page.locator('#row-3[aria-selected="true"]').waitFor();
      await panel.page.keyboard.press('r');
      await panel.page.keyboard.press('Enter');
      await panel.until(() => panel.requests.length === 2, 'two requests');
      assert.deepEqual(panel.requests, [
        { kind: 'retry', index: 3 },
        { kind: 'output', index: 3 },
      ]);
    });

    it('reaches everything that can be pressed by tabbing', async () => {
      panel = await stage.panel(HIGH_CONTRAST);
      await panel.tell(satisfied());
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
        'Pause',
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

    it('reads out the census, and not more often than one can listen', async () => {
      panel = await stage.panel(DARK);
      await panel.tell(underWay());
      const status = panel.page.locator('fleet-join-view [role="status"]');
      await status.filter({ hasText: '2 of 10' }).waitFor({ state: 'attached' });
      await status.evaluate(element => {
        const said: number[] = [performance.now()];
        (window as unknown as { said: number[] }).said = said;
        new MutationObserver(() => said.push(performance.now())).observe(element, {
          characterData: true,
          subtree: true,
        });
      });
      const children = [runningSince(0, 'a', 0)];
      for (let n = 0; n < 5; n += 1) {
        const moved = statusOf(children, { reason: `step ${n}` });
        await panel.change({ at: 7 + n, status: moved, children: [] }, false);
      }
      await status.filter({ hasText: 'step 4' }).waitFor({ state: 'attached' });
      const timesSaid = (): Promise<number[]> =>
        panel.page.evaluate(() => (window as unknown as { said: number[] }).said);
      const said = await timesSaid();
      // The first was said a little before this began to listen, and frames come when they come.
      const pauses = said.slice(1).map((at, n) => at - said[n]!);
      assert.ok(pauses.length >= 1 && pauses.length < 5, `said ${pauses.length} times`);
      for (const pause of pauses.slice(1)) assert.ok(pause > 4500, `said again after ${pause} ms`);
      const done = {
        complete: true,
        outcome: 'satisfied',
        reason: 'all are in',
        joined_unix: OPENED + 13,
      } as const;
      // The end is said at once, although what came before it still waits for its turn.
      const waiting = statusOf(children, { reason: 'step 5' });
      await panel.change({ at: 12, status: waiting, children: [] }, false);
      await panel.change({ at: 13, status: statusOf(children, done), children: [] }, false);
      await status.filter({ hasText: 'Satisfied: all are in' }).waitFor({ state: 'attached' });
      const [before, end] = (await timesSaid()).slice(-2);
      assert.ok(end! - before! < 4500, `the end was said after ${end! - before!} ms`);
    });

    it('animates nothing without end, which would draw the page at every frame, and takes forced colours', async () => {
      for (const reducedMotion of ['no-preference', 'reduce'] as const) {
        panel = await stage.panel(HIGH_CONTRAST, {}, { reducedMotion, forcedColors: 'active' });
        await panel.tell(underWay());
        assert.equal(await panel.page.evaluate(ANIMATIONS), 0, reducedMotion);
      }
    });
  });

  it('asks for nothing from anywhere', async () => {
    panel = await stage.panel(DARK);
    const asked: string[] = [];
    panel.page.on('request', request => asked.push(request.url()));
    await panel.tell(satisfied());
    await panel.say({ type: 'task', thread: 't', alias: 'a', goal: 'g', serial: true } satisfies ToView);
    assert.deepEqual(asked, []);
  });
});
