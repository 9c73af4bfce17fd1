import { join } from 'node:path';
import { targetOf, type Figure, type Probe, type Stage, type Target } from '../figure.ts';
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
  readonly sync: number[];
  readonly roundTrip: number[];
}

/** Measures the time of a fan-out with two children that do nothing. */
export async function latency(stage: Stage): Promise<Figure[]> {
  const turns = stage.quick ? 2 : 40;
  const appends = new AppendProbe(stage.dir);
  const messages = await MessageProbe.start(stage.program, stage.dir, 1);
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'));
  const samples: Samples = { engine: [], sync: [], roundTrip: [] };
  for (let i = 0; i < (stage.quick ? TURN : 10 * TURN); i++) await fleet.timeFanOut(2);
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < TURN; i++) samples.sync.push(appends.appendOne(RECORD_BYTES));
    for (let i = 0; i < TURN; i++) samples.roundTrip.push(await messages.roundTrip(MESSAGE_BYTES));
    for (let i = 0; i < TURN; i++) samples.engine.push(await fleet.timeFanOut(2));
  }
  await messages.close();
  appends.close();
  return [
    figure('p50', 0.5, samples, targetOf(stage, { atMost: 2.5 })),
    figure('p99', 0.99, samples, targetOf(stage, { atMost: 8 })),
  ];
}

function figure(name: string, p: number, samples: Samples, target: Target | null): Figure {
  const probe = (what: string, values: number[]): Probe => ({
    name: `${what}, ${name}`,
    value: percentile(values, p),
    spread: spreadOf(values),
  });
  return {
    id: `latency_${name}`,
    name: `two children, command to durable join, ${name}`,
    value: percentile(samples.engine, p),
    unit: 'ms',
    better: 'lower',
    spread: spreadOf(samples.engine),
    probes: [
      probe('write and fdatasync of 300 B', samples.sync),
      probe('300 B to a process and back', samples.roundTrip),
    ],
    target,
    details: {},
  };
}
