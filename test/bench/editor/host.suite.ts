import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { extension, fleet, run } from '../../editor/suites/support.ts';

/** The figures that this suite reports to its runner. */
export interface HostReadings {
  /** The time to read the extension's code, and from then to the end of `activate`, by the editor's own marks. */
  readonly loadMs: number;
  readonly activateMs: number;
  /** The time inside `activate`. */
  readonly ownMs: number;
  readonly children: number;
  readonly tookMs: number;
  /** The delay of the event loop when idle and while the fan-out ran, in milliseconds. */
  readonly idleP99Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const IDLE_MS = 3_000;
const RESOLUTION_MS = 1;

describe('the extension host', () => {
  it('activates the extension, and runs a large fan-out', async () => {
    const children = Number(process.env['SPL_BENCH_CHILDREN']);
    await extension().activate();
    await run('fleet.start');
    const idle = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    idle.enable();
    await delay(IDLE_MS);
    idle.disable();
    const busy = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    const subtasks = Array.from({ length: children }, (_, index) => ({ goal: `echo ${index}` }));
    busy.enable();
    const begun = performance.now();
    await fleet.fanOut('LARGE-1', subtasks);
    // Asked rarely, because reading the answers delays this very loop.
    for (;;) {
      const { complete } = await fleet.client.report('join', { task: 'LARGE-1', summary: true });
      if (complete) break;
      await delay(250);
    }
    const tookMs = performance.now() - begun;
    busy.disable();
    const ms = (nanoseconds: number): number => nanoseconds / 1e6;
    const loaded = markOf('didLoadExtensionCode');
    const readings: HostReadings = {
      loadMs: loaded - markOf('willLoadExtensionCode'),
      activateMs: markOf('didActivateExtension') - loaded,
      ownMs: performance.getEntriesByName('fleet:activate')[0]?.duration ?? NaN,
      children,
      tookMs,
      idleP99Ms: ms(idle.percentile(99)),
      p50Ms: ms(busy.percentile(50)),
      p99Ms: ms(busy.percentile(99)),
      maxMs: ms(busy.max),
    };
    writeFileSync(process.env['SPL_BENCH_FILE'] ?? '', JSON.stringify(readings));
    await run('fleet.stopAll');
  }).timeout(160_000);
});

/** The editor's own time marks in this process, in milliseconds since 1970. */
interface Marks {
  readonly MonacoPerformanceMarks?: {
    getMarks(): readonly { readonly name: string; readonly startTime: number }[];
  };
}

/** Returns the time at which the editor marked a step of the extension's activation. */
function markOf(step: string): number {
  const name = `code/extHost/${step}/${extension().id}`;
  const marks = (globalThis as Marks).MonacoPerformanceMarks?.getMarks() ?? [];
  const mark = marks.find(each => each.name === name);
  if (mark === undefined) throw new Error(`the editor has no mark '${name}'`);
  return mark.startTime;
}
