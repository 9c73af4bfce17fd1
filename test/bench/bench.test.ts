import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'mocha';
import { eachNth, sampled } from '../runs.ts';
import { endProcesses, processesNaming } from '../harness/processes.ts';
import type { Figure } from './figure.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Three stages with a minute each, or all in a soak. Their clean-up takes only seconds. */
const LIMIT_MS = 600_000;

/** The figures of each stage, in their order. */
const FIGURES = {
  throughput: [
    'throughput',
    'throughput_client',
    'throughput_few',
    'throughput_few_client',
    'longest_stretch',
  ],
  latency: ['latency_p50', 'latency_p99', 'latency_client_p50', 'latency_client_p99'],
  scaling: ['scaling_cpu', 'scaling_wall'],
  crowded: ['throughput_crowded'],
  shell: ['shell_two_workers', 'shell_two_slots'],
  sleep: ['shell_sleep'],
  many: ['shell_many'],
  growth: ['shell_growth_few', 'shell_growth_many'],
  attempt: ['attempt'],
  peers: ['peers_two_p50', 'peers_two_p99', 'peers_few', 'peers_many'],
  opening: ['opening_with_checkpoint', 'opening_without_checkpoint'],
  commands: ['fleet_start', 'fleet_list'],
  runs: ['first_line_cold', 'first_line', 'reuse', 'printing'],
  freeze: ['freeze'],
  worktree: ['worktree', 'worktree_end'],
  load: ['load', 'load_p50', 'load_p99'],
  plans: ['plan_completion', 'plan_diagnostics'],
  memory: [
    'memory_idle_coordinator',
    'memory_idle_coordinator_pss',
    'memory_idle_worker',
    'memory_idle_worker_pss',
    'memory',
    'memory_watched',
  ],
} as const;

const some = eachNth(2);

describe('the benchmark', function () {
  this.timeout(LIMIT_MS);

  some('measures every figure of a stage beside its probes, however slow the machine is', () =>
    inFolder(async dir => {
      const stages = sampled(Object.entries(FIGURES), 5);
      const { code, out, err } = await bench(dir, { only: stages.map(([stage]) => stage) });
      assert.equal(code, 0, err);
      const document = JSON.parse(await readFile(jsonIn(dir), 'utf8')) as { figures: Figure[] };
      assert.deepEqual(
        document.figures.map(({ id }) => id),
        stages.flatMap(([, figures]) => figures),
      );
      for (const figure of document.figures) {
        assert.ok(out.includes(figure.name), `the table has no line for ${figure.id}`);
        assertPositive(figure.value, figure.id);
        assert.ok([...figure.probes, ...(figure.skipped ?? [])].length > 0, `${figure.id} has no probe`);
        for (const probe of figure.probes) assertPositive(probe.value, `${figure.id}: ${probe.name}`);
        for (const [name, value] of Object.entries(figure.details))
          assertPositive(value, `${figure.id}: ${name}`);
      }
      await leavesNothing(dir);
    }),
  );

  some('ends with all that it started when it is told to, in the middle of a stage', () =>
    inFolder(async dir => {
      const { code, err } = await bench(dir, { only: ['memory'], until: '· memory: with a watcher' });
      assert.equal(code, 1);
      assert.match(err, /the stage 'memory' was told to end/);
      await leavesNothing(dir);
    }),
  );
});

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'spl-bt-'));
  try {
    await body(dir);
  } finally {
    await endProcesses(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

const jsonIn = (dir: string): string => join(dir, 'figures.json');

/** Runs the benchmark in small sizes, to its end or until it prints these words. */
async function bench(
  dir: string,
  { only, until }: { readonly only: readonly string[]; readonly until?: string },
): Promise<{ code: number | null; out: string; err: string }> {
  const words = ['--quick', '--json', jsonIn(dir), '--dir', dir, '--only', only.join(',')];
  const child = spawn(process.execPath, ['--import', 'tsx/esm', MAIN, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (until !== undefined && text.includes(until)) child.kill('SIGTERM');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** Requires that no process is left, and no file except the document. */
async function leavesNothing(dir: string): Promise<void> {
  assert.deepEqual(processesNaming(dir), []);
  assert.deepEqual(
    (await readdir(dir)).filter(name => name !== 'figures.json'),
    [],
  );
}

function assertPositive(value: number, what: string): void {
  assert.ok(Number.isFinite(value) && value > 0, `${what} is ${value}`);
}
