import { join } from 'node:path';
import { targetOf, type Figure, type Probe, type Stage, type Target } from '../figure.ts';
import { FanOutProcess } from '../fan-out-process.ts';
import { BenchFleet } from '../fleet.ts';
import { AppendProbe } from '../probes/appends.ts';
import { MessageProbe } from '../probes/messages.ts';
import { percentile, spreadOf } from '../stats.ts';

const RECORD_BYTES = 300;
const MESSAGE_BYTES = { out: RECORD_BYTES, back: RECORD_BYTES };
/** The number of runs after which engine and probes alternate. */
const TURN = 20;

interface Samples {
  readonly engine: number[];
  /** The same fan-outs, by a client in a process of its own. */
  readonly client: number[];
  readonly sync: number[];
  readonly roundTrip: number[];
}

/** Measures the time of a fan-out with two children that do nothing, on the engine itself and through its client. */
export async function latency(stage: Stage): Promise<Figure[]> {
  const turns = stage.quick ? 2 : 40;
  const appends = new AppendProbe(stage.dir);
  const messages = await MessageProbe.start(stage.program, stage.dir, 1);
  const home = join(stage.dir, 'h');
  await using fleet = await BenchFleet.start(stage.bin, home);
  await using client = FanOutProcess.client(stage.program, home);
  const samples: Samples = { engine: [], client: [], sync: [], roundTrip: [] };
  for (let i = 0; i < (stage.quick ? TURN : 10 * TURN); i++) {
    await fleet.timeFanOut(2);
    await client.timeFanOut(2);
  }
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < TURN; i++) samples.sync.push(appends.appendOne(RECORD_BYTES));
    for (let i = 0; i < TURN; i++) samples.roundTrip.push(await messages.roundTrip(MESSAGE_BYTES));
    for (let i = 0; i < TURN; i++) samples.engine.push(await fleet.timeFanOut(2));
    for (let i = 0; i < TURN; i++) samples.client.push(await client.timeFanOut(2));
  }
  await messages.close();
  appends.close();
  return [
    figure('engine', 'p50', samples, targetOf(stage, { atMost: 2.5 })),
    figure('engine', 'p99', samples, targetOf(stage, { atMost: 8 })),
    figure('client', 'p50', samples, null),
    figure('client', 'p99', samples, null),
  ];
}

function figure(
  from: 'engine' | 'client',
  name: 'p50' | 'p99',
  samples: Samples,
  target: Target | null,
): Figure {
  const p = name === 'p50' ? 0.5 : 0.99;
  const probe = (what: string, values: number[]): Probe => ({
    name: `${what}, ${name}`,
    value: percentile(values, p),
    spread: spreadOf(values),
  });
  return {
    id: from === 'engine' ? `latency_${name}` : `latency_client_${name}`,
    name: `two children${from === 'engine' ? '' : ', by a client'}, command to durable join, ${name}`,
    value: percentile(samples[from], p),
    unit: 'ms',
    better: 'lower',
    spread: spreadOf(samples[from]),
    probes: [
      probe('write and fdatasync of 300 B', samples.sync),
      probe('300 B to a process and back', samples.roundTrip),
    ],
    target,
    details: {},
  };
}
