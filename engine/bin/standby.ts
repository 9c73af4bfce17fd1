import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import type { StandByOptions } from '../cli/host.ts';
import { openHome } from '../home/home.ts';
import type { Lease } from '../home/held-lease.ts';
import { waitForLease } from '../home/lease.ts';
import type * as coordinator from '../open.ts';
import { streamLogger } from '../runtime/logger.ts';

type CoordinatorModule = typeof coordinator;

/**
 * Waits for the home's lease without any other resource, and serves in place of the coordinator that had it. SIGTERM
 * and SIGINT end it at any moment.
 * @returns the exit code.
 * @throws NOT_FOUND when there is no such home, and what opening one throws.
 */
export async function standBy({ home, lingerSecs }: StandByOptions): Promise<number> {
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => asked.abort());
  await openHome(home, { create: false });
  const load = await readWhole();
  streamLogger(process.stdout, Date.now).info(`standby: waits for the end of the coordinator (home=${home})`);
  const lease = await leaseUnless(home, asked.signal);
  if (lease === undefined) return 0;
  const { standIn } = await load();
  return standIn({ home, lease, lingerMs: lingerSecs * 1000, signal: asked.signal });
}

async function leaseUnless(home: string, signal: AbortSignal): Promise<Lease | undefined> {
  try {
    return await waitForLease(home, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/**
 * Reads the coordinator's program before the wait, because an update may remove it, and runs it only after: the text
 * alone is small.
 */
async function readWhole(): Promise<() => Promise<CoordinatorModule>> {
  if (import.meta.url.endsWith('.ts')) {
    const loaded = await import('../open.ts');
    return () => Promise.resolve(loaded);
  }
  const file = fileURLToPath(new URL('./coordinator.js', import.meta.url));
  const bytes = await fs.readFile(file);
  return () => Promise.resolve(evaluated(file, bytes.toString('utf8')));
}

/** Evaluates the text of a built file as if it had been required from its own path. @returns its exports. */
function evaluated(file: string, text: string): CoordinatorModule {
  const module = { exports: {} };
  const parameters = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(text, parameters, { filename: file }) as (...values: unknown[]) => void;
  run(module.exports, createRequire(file), module, file, path.dirname(file));
  return module.exports as CoordinatorModule;
}
