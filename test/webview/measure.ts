import { many } from './fan-outs.ts';
import { PAGE } from '../../engine/client/fan-out.ts';
import { Panel, Stage } from './panel.ts';
import { DARK } from './themes.ts';

/**
 * Measures the built view in a browser. First paint: from the script's start to the first frame with subtasks, if the
 * host's messages are there at once. One change: from the moment this process sends the change of a subtask until the
 * view has drawn it. `tsx test/webview/measure.ts [runs]`
 */

const runs = Number(process.argv[2] ?? 7);
const stage = await Stage.open();
try {
  for (const count of [10, 1000, 10_000]) {
    const story = many(count);
    const paints: number[] = [];
    const changes: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const told = Panel.messages(story, PAGE);
      const panel = await stage.panel(DARK, { told });
      await panel.page.waitForFunction(() => performance.getEntriesByName('fleet:first-paint').length > 0);
      paints.push(
        await panel.page.evaluate(() => performance.getEntriesByName('fleet:first-paint')[0]!.duration),
      );
      const last = told.filter(({ type }) => type === 'change').length;
      await panel.until(() => panel.applied.at(-1) === last, 'all of it is drawn');
      await panel.show(story);
      const begun = performance.now();
      await panel.change({ ...story, children: story.children.slice(-1) }, false);
      changes.push(performance.now() - begun);
      await panel.close();
    }
    process.stdout.write(
      `${count} subtasks: first paint ${figures(paints)}; one change ${figures(changes)}\n`,
    );
  }
} finally {
  await stage.close();
}

function figures(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  return `median ${at(0.5).toFixed(0)} ms, least ${at(0).toFixed(0)} ms, most ${at(1).toFixed(0)} ms`;
}
