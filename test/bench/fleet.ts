import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inProcessClient } from '../../engine/client/testing/in-process-client.ts';
import type * as built from '../../engine/open.ts';
import { homePaths } from '../../engine/home/paths.ts';
import type { Did } from '../../engine/record/ids.ts';
import { FleetClient } from '../harness/fleet-client.ts';
import { echoes, timeFanOut } from './fan-out.ts';
import { cpuMs } from './processes.ts';

type Built = typeof built;
type Running = Awaited<ReturnType<Built['openCoordinator']>>;

const ACTOR = 'did:sync:user:bench' as Did;

export const WORKERS = 2;

/** Returns the coordinator as built: minified, and next to the worker that it launches. */
export function builtEngine(bin: string): Built {
  return createRequire(import.meta.url)(join(bin, 'coordinator.js')) as Built;
}

/** The workers of a fleet, and the attempts that each of them runs at a time. */
export interface Size {
  readonly workers: number;
  readonly slots: number;
}

/** The size of one child in the logs of its fleet and on the link. */
export interface ChildSize {
  /** The size in the logs of the coordinator and the worker together. */
  readonly bytes: number;
  readonly records: number;
  /** The size of the record to the worker and of the one back, in bytes. */
  readonly message: { readonly out: number; readonly back: number };
}

/**
 * The built coordinator in this process, with separate worker processes of its own: its processor time and its event loop can be
 * read. A fan-out is timed on the engine itself, without a client between.
 */
export class BenchFleet extends FleetClient {
  readonly #running: Running;
  readonly #homes: readonly string[];
  readonly #pids: readonly number[];
  #count = 0;

  private constructor(running: Running, homes: readonly string[], pids: readonly number[]) {
    super(inProcessClient(running.engine, ACTOR), '/');
    this.#running = running;
    this.#homes = homes;
    this.#pids = pids;
  }

  static async start(
    bin: string,
    home: string,
    { workers, slots }: Size = { workers: WORKERS, slots: 1 },
  ): Promise<BenchFleet> {
    await mkdir(home);
    await writeFile(homePaths(home).configToml, `[fleet]\nslots = ${slots}\n`);
    const running = await builtEngine(bin).openCoordinator({
      home,
      flags: { port: 0 },
      env: process.env,
      logger: { info: () => {}, error: message => process.stderr.write(`${message}\n`) },
      onStop: error => {
        if (error !== undefined) throw error;
      },
    });
    const { spawned } = await running.engine.submit(
      'fleet.start',
      { workers, executor: 'echo' },
      { actor: ACTOR },
    );
    return new BenchFleet(
      running,
      [home, ...spawned.map(worker => worker.home)],
      spawned.map(({ pid }) => pid),
    );
  }

  get workerPids(): readonly number[] {
    return this.#pids;
  }

  /** Fans out `count` children that do nothing. @returns the time from the command to the durable join, in ms */
  timeFanOut(count: number): Promise<number> {
    return this.timeSubtasks(echoes(count));
  }

  /** Fans out subtasks and waits for their join. @returns the time from the command to the durable join, in ms */
  timeSubtasks(subtasks: readonly object[], alias = `bench-${++this.#count}`): Promise<number> {
    return timeFanOut(this.client, alias, subtasks);
  }

  /** Returns the processor time of the fleet, in ms: of this process and of the workers. */
  cpuMs(): { readonly coordinator: number; readonly workers: number } {
    return {
      coordinator: cpuMs(process.pid),
      workers: this.#pids.reduce((sum, pid) => sum + cpuMs(pid), 0),
    };
  }

  /** Runs some children, and measures their size in the logs. Call it early, because it reads the whole logs. */
  async childSize(children = 500): Promise<ChildSize> {
    const before = this.#logs();
    await this.timeFanOut(children);
    const after = this.#logs();
    const lines = after.flatMap(text => text.split('\n'));
    const meanBytes = (topic: string): number => {
      const found = lines.filter(line => line.includes(`"topic":"${topic}"`));
      return Math.round(found.reduce((sum, line) => sum + line.length, 0) / found.length);
    };
    return {
      bytes: (charsOf(after) - charsOf(before)) / children,
      records: (recordsIn(after) - recordsIn(before)) / children,
      message: { out: meanBytes('fanout_child'), back: meanBytes('fanout_child_done') },
    };
  }

  /** Ends the workers and releases the home. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.submit('fleet.stop', { scope: 'workers', instance: null, grace_secs: 1 });
    await this.#running.close();
  }

  #logs(): string[] {
    return this.#homes.map(home =>
      segmentsOf(home)
        .map(file => readFileSync(file, 'latin1'))
        .join(''),
    );
  }
}

/** Returns the files of a home's log, oldest first. */
export function segmentsOf(home: string): string[] {
  const { logDir } = homePaths(home);
  return readdirSync(logDir)
    .sort()
    .map(name => join(logDir, name));
}

const charsOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);

/** Counts the records, by the beginning of each record's line. */
const recordsIn = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + text.split('\n{"id":"').length - 1, 0);
