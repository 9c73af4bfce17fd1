import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RunningEditor, type EditorUnderTest, packageSize } from '../../e2e/editor.ts';
import type { Workbench } from '../../e2e/workbench.ts';
import { bundleSuite, runInHost } from '../../editor/host.ts';
import { Place, Scratch } from '../../editor/scratch.ts';
import { percentile } from '../stats.ts';
import type { HostReadings } from './host.suite.ts';

/**
 * Measures the extension in a real editor: `npm run bench:editor [-- --quick]`. The user's waits are measured in the
 * window, from before the command is sent until the page shows the result. They include server, network and drawing.
 */

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const CHILDREN = values.quick ? 500 : 10_000;
const CHANGES = values.quick ? 5 : 60;
/**
 * The pause between two changes. The editor batches changes that follow another within 200 ms, and shows them later.
 */
const QUIET_MS = 300;
const PAINTED = 1_000;
const STARTS = values.quick ? 1 : 3;
/** A page expression for the element with the panel's progress. */
const FIGURES =
  "document.querySelector('fleet-join-view').shadowRoot.querySelector('fleet-census').shadowRoot.querySelector('.figures')";

async function main(): Promise<void> {
  line('size of the .vsix', [`${((await packageSize()) / 1e6).toFixed(2)} MB`], 'at most 3 MB');
  await withEditor(measureWindow);
  await measureHost();
}

async function withEditor(
  body: (workbench: Workbench, editor: EditorUnderTest) => Promise<void>,
): Promise<void> {
  const running = await RunningEditor.start({ SPL_ECHO_MS: '0' });
  try {
    const editor = await running.open({ workspace: 'report' });
    await body(await editor.window('bench'), editor);
  } finally {
    await running.dispose();
  }
}

async function measureWindow(workbench: Workbench, { fleet }: EditorUnderTest): Promise<void> {
  await workbench.openActivity('Fleet');
  await workbench.runCommand('Fleet: Start Fleet');
  await workbench.tree('Workers').waitFor('worker-b live');
  const tree: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    // A new task is above those that have ended, and below those that run.
    const shown = workbench.page.evaluate(
      drawn(
        "document.querySelector('.sidebar')",
        `[...within.querySelectorAll('.monaco-list-row .label-name')].some(row => row.textContent === 'the goal of T-${i}')`,
      ),
    );
    const begun = performance.now();
    await fleet.addTask(`T-${i}`, null);
    await shown;
    tree.push(performance.now() - begun);
    await delay(QUIET_MS);
  }
  line('a change until the tree shows it', spread(tree), 'p95 at most 150 ms');

  const run = 'exec sleep 600';
  const subtasks = Array.from({ length: CHANGES + 1 }, (_, i) => ({ goal: `wait ${i}`, run }));
  const { thread } = await fleet.fanOut('OPEN-1', subtasks);
  await workbench.tree('Fan-Outs').click('OPEN-1');
  const panel = await workbench.webview(`0 / ${CHANGES + 1}`);
  const changes: number[] = [];
  for (let i = 1; i <= CHANGES; i++) {
    const shown = panel.evaluate(drawn(FIGURES, `within.textContent.includes('${i} / ${CHANGES + 1}')`));
    const begun = performance.now();
    // From the end, where no subtask has started: ending a running one takes a worker's time.
    await fleet.client.submit('task.cancel', { task: thread, subtask: CHANGES + 1 - i, reason: null });
    await shown;
    changes.push(performance.now() - begun);
    await delay(QUIET_MS);
  }
  line('a change until the panel shows it', spread(changes), 'p95 at most 150 ms');
  await fleet.client.submit('task.cancel', { task: thread, subtask: null, reason: null });

  await fleet.fanOut(
    'MANY-1',
    Array.from({ length: PAINTED }, (_, i) => ({ goal: `echo ${i}` })),
  );
  await fleet.joined('MANY-1');
  const paints: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    await workbench.runCommand('View: Close All Editors');
    await workbench.tree('Fan-Outs').click('MANY-1');
    const many = await workbench.webview(/^1,?000 \/ 1,?000$/);
    paints.push(await many.evaluate<number>(`performance.getEntriesByName('fleet:first-paint')[0].duration`));
  }
  line(`first paint of ${PAINTED} children`, spread(paints), 'at most 300 ms from its script');
}

/**
 * Waits for the frame in which a condition holds. Checks when the page changes: checking each frame would make the page
 * draw all the time, and measure that.
 * @param where the part of the page to observe, as an expression
 * @param isSo a condition on that part, `within`, as an expression
 */
function drawn(where: string, isSo: string): string {
  return `new Promise(done => {
    const within = ${where};
    const look = () => {
      if (!(${isSo})) return;
      changes.disconnect();
      requestAnimationFrame(done);
    };
    const changes = new MutationObserver(look);
    changes.observe(within, { subtree: true, childList: true, characterData: true });
    look();
  })`;
}

async function measureHost(): Promise<void> {
  const tests = await bundleSuite(fileURLToPath(new URL('host.suite.ts', import.meta.url)));
  const read: HostReadings[] = [];
  for (let i = 0; i < STARTS; i++) read.push(await readHost(tests));
  const all = (of: (readings: HostReadings) => number): readonly string[] => spread(read.map(of));
  line(
    'reading the code of the extension',
    all(({ loadMs }) => loadMs),
    'no target',
  );
  line(
    'activate(), no fleet',
    all(({ ownMs }) => ownMs),
    'at most 50 ms',
  );
  line(
    '… until the editor says that it is active, all that it does meanwhile included',
    all(({ activateMs }) => activateMs),
    'no target',
  );
  line(
    `${CHILDREN} children in the host`,
    all(({ tookMs }) => tookMs),
    'no target',
  );
  line(
    'its event loop late meanwhile, p99',
    all(({ p99Ms }) => p99Ms),
    'at most 50 ms',
  );
  line(
    '… at most',
    all(({ maxMs }) => maxMs),
    'no target',
  );
  line(
    '… p99 when idle',
    all(({ idleP99Ms }) => idleP99Ms),
    'no target',
  );
}

/** Uses a new editor, so that the code is read and the extension is activated for the first time. */
async function readHost(tests: string): Promise<HostReadings> {
  const scratch = await Scratch.make();
  try {
    const place = await Place.make(scratch, 'p', 'report');
    const file = join(scratch.root, 'readings.json');
    const env = { SPL_BENCH_FILE: file, SPL_BENCH_CHILDREN: String(CHILDREN), SPL_ECHO_MS: '0' };
    const { exitCode, told } = await runInHost(scratch, place, tests, env);
    if (exitCode !== 0) throw new Error(`the extension host failed: ${JSON.stringify(told)}`);
    return JSON.parse(await readFile(file, 'utf8')) as HostReadings;
  } finally {
    await scratch.dispose();
  }
}

function spread(ms: readonly number[]): readonly string[] {
  const at = (share: number): string => `${percentile(ms, share).toFixed(0)} ms`;
  return [`p50 ${at(0.5)}`, `p95 ${at(0.95)}`, `most ${at(1)}`, `of ${ms.length}`];
}

function line(name: string, read: readonly string[], target: string): void {
  process.stdout.write(`${name}: ${read.join(', ')} (${target})\n`);
}

await main();
