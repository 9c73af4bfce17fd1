import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from 'mocha';
import type { Figure } from './figure.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Then the benchmark is told to end, which ends all that it started. */
const LIMIT_MS = 180_000;

const FIGURES = [
  'throughput',
  'latency_p50',
  'latency_p99',
  'scaling_cpu',
  'scaling_wall',
  'opening_with_checkpoint',
  'opening_without_checkpoint',
  'fleet_start',
  'fleet_list',
  'memory',
  'memory_watched',
];

describe('the benchmark', () => {
  it('measures every figure beside its probes, however slow the machine is', async function () {
    this.timeout(600_000);
    const dir = await mkdtemp(join(tmpdir(), 'spl-bt-'));
    try {
      const json = join(dir, 'figures.json');
      const words = ['--import', 'tsx/esm', MAIN, '--quick', '--json', json, '--dir', dir];
      const { stdout } = await run(process.execPath, words, { timeout: LIMIT_MS });
      const document = JSON.parse(await readFile(json, 'utf8')) as { figures: Figure[] };
      assert.deepEqual(
        document.figures.map(({ id }) => id),
        FIGURES,
      );
      for (const figure of document.figures) {
        assert.ok(stdout.includes(figure.name), `the table has no line for ${figure.id}`);
        assertPositive(figure.value, figure.id);
        assert.ok(figure.probes.length > 0, `${figure.id} has no probe`);
        for (const probe of figure.probes) assertPositive(probe.value, `${figure.id}: ${probe.name}`);
        for (const [name, value] of Object.entries(figure.details))
          assertPositive(value, `${figure.id}: ${name}`);
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

function assertPositive(value: number, what: string): void {
  assert.ok(Number.isFinite(value) && value > 0, `${what} is ${value}`);
}
