import { access, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { FanOutProcess } from '../fan-out-process.ts';
import type { Figure, Skipped, Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { percentile, spreadOf } from '../stats.ts';

/** Another system that runs the same fan-outs. */
interface Peer {
  readonly name: string;
  /** Its program and its package in the folder `peers`. */
  readonly file: string;
  readonly pack: string;
  readonly server: string;
}

const PEERS: readonly Peer[] = [
  { name: 'BullMQ, Redis syncs always', file: 'bullmq.mjs', pack: 'bullmq', server: 'redis-server' },
  { name: 'NATS JetStream, not synced', file: 'jetstream.mjs', pack: 'nats', server: 'nats-server' },
];

/** A system under measurement. */
interface System {
  readonly name: string;
  readonly process: FanOutProcess;
  /** The times of its fan-outs by their size, in ms. */
  readonly times: Map<number, number[]>;
}

/** Measures the same fan-outs on other systems, where they are installed. Runs only on request. */
export async function peers(stage: Stage): Promise<Figure[]> {
  const home = join(stage.dir, 'h');
  await using _fleet = await BenchFleet.start(stage.bin, home);
  const ours = systemOf('ours', FanOutProcess.client(stage.program, home));
  const others: System[] = [];
  const skipped: Skipped[] = [];
  const missing = await Promise.all(PEERS.map(peer => whatIsMissing(stage, peer)));
  for (const [i, { name, file, server }] of PEERS.entries()) {
    const why = missing[i];
    if (why !== undefined) {
      stage.say(`peers: skips ${name}: ${why}`);
      skipped.push({ name, why });
      continue;
    }
    const dir = join(stage.dir, server);
    await mkdir(dir);
    others.push(systemOf(name, new FanOutProcess(join(stage.sources, 'peers', file), [dir])));
  }
  try {
    return await measure(stage, ours, others, skipped);
  } finally {
    for (const { process } of [ours, ...others]) await process[Symbol.asyncDispose]();
  }
}

const systemOf = (name: string, process: FanOutProcess): System => ({ name, process, times: new Map() });

/** Returns what a peer lacks to run; undefined if nothing. */
async function whatIsMissing(stage: Stage, { pack, server }: Peer): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  const servers = await Promise.all(folders.map(folder => isThere(join(folder, server))));
  if (!servers.includes(true)) return `no ${server} on the PATH`;
  if (!(await isThere(join(stage.sources, 'peers', 'node_modules', pack)))) return 'npm ci in peers is due';
  return undefined;
}

async function measure(
  stage: Stage,
  ours: System,
  others: readonly System[],
  skipped: readonly Skipped[],
): Promise<Figure[]> {
  const [few, many, rounds, twos] = stage.quick ? [20, 40, 1, 2] : [1_000, 10_000, 3, 100];
  const sizes = [...Array.from({ length: twos }, () => 2), few, many];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    stage.say(`peers: round ${round} of ${rounds}`);
    for (const size of sizes) {
      for (const { process, times } of [ours, ...others]) {
        const ms = await process.timeFanOut(size);
        if (round > 0) times.set(size, [...(times.get(size) ?? []), ms]);
      }
    }
  }
  const figure = (
    id: string,
    name: string,
    unit: string,
    read: (system: System) => { readonly value: number; readonly spread: Figure['spread'] },
  ): Figure => ({
    ...{ id, name, unit, better: unit === 'ms' ? 'lower' : 'higher', skipped, target: null, details: {} },
    ...read(ours),
    probes: others.map(system => ({ name: system.name, ...read(system) })),
  });
  const two = (p: number) => (system: System) => {
    const times = system.times.get(2)!;
    return { value: percentile(times, p), spread: spreadOf(times) };
  };
  const rate = (size: number) => (system: System) => {
    const spread = spreadOf(system.times.get(size)!.map(ms => (size / ms) * 1000));
    return { value: spread.median, spread };
  };
  const children = (count: number): string => `${count.toLocaleString('en')} echo children, by a client`;
  return [
    figure('peers_two_p50', 'two children, by a client, p50', 'ms', two(0.5)),
    figure('peers_two_p99', 'two children, by a client, p99', 'ms', two(0.99)),
    figure('peers_few', children(few), 'children/s', rate(few)),
    figure('peers_many', children(many), 'children/s', rate(many)),
  ];
}
