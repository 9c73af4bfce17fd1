import { join } from 'node:path';
import { FanOutProcess } from '../fan-out-process.ts';
import { probeOf, targetOf, type Figure, type Probe, type Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { AppendProbe } from '../probes/appends.ts';
import { MessageProbe } from '../probes/messages.ts';
import { longestStretchMs, median, spreadOf } from '../stats.ts';

/** Measures the fleet's own cost of a child, and its children per second, with children that do nothing. */
export async function throughput(stage: Stage): Promise<Figure[]> {
  const children = stage.quick ? 500 : 10_000;
  const runs = stage.quick ? 2 : 9;
  const few = children / 10;
  const appends = new AppendProbe(stage.dir);
  const messages = await MessageProbe.start(stage.program, stage.dir);
  const home = join(stage.dir, 'h');
  await using fleet = await BenchFleet.start(stage.bin, home);
  await using client = FanOutProcess.client(stage.program, home);
  const size = await fleet.childSize();
  const perSec = (ms: number, count = children): number => (count / ms) * 1000;
  const cold = perSec(await fleet.timeFanOut(children));
  for (let i = 0; i < (stage.quick ? 0 : 2); i++) {
    await fleet.timeFanOut(children);
    await client.timeFanOut(children);
  }
  const before = fleet.cpuMs();
  await fleet.timeFanOut(children);
  const after = fleet.cpuMs();
  const rates = {
    engine: [] as number[],
    client: [] as number[],
    appends: [] as number[],
    messages: [] as number[],
  };
  const rateOfFew = { engine: [] as number[], client: [] as number[], appends: [] as number[] };
  const stretches: Record<'engine' | 'messages', number[]> = { engine: [], messages: [] };
  for (let i = 0; i < runs; i++) {
    const bytes = size.bytes * children;
    rates.appends.push(perSec(appends.append({ bytes, records: size.records * children })));
    const exchange = async () => rates.messages.push(perSec(await messages.exchange(children, size.message)));
    stretches.messages.push(await longestStretchMs(exchange));
    const fanOut = async () => rates.engine.push(perSec(await fleet.timeFanOut(children)));
    stretches.engine.push(await longestStretchMs(fanOut));
    rates.client.push(perSec(await client.timeFanOut(children)));
    const fewBytes = { bytes: size.bytes * few, records: size.records * few };
    rateOfFew.appends.push(perSec(appends.append(fewBytes), few));
    rateOfFew.engine.push(perSec(await fleet.timeFanOut(few), few));
    rateOfFew.client.push(perSec(await client.timeFanOut(few), few));
  }
  await messages.close();
  appends.close();
  const spread = spreadOf(rates.engine);
  const ofMany = probeOf('the same bytes, groups of 100', rates.appends);
  const ofFew = probeOf('the same bytes, groups of 100', rateOfFew.appends);
  return [
    {
      id: 'throughput',
      name: `${children.toLocaleString('en')} echo children, two workers`,
      value: spread.median,
      unit: 'children/s',
      better: 'higher',
      spread,
      probes: [ofMany, probeOf('the same messages, two processes', rates.messages)],
      target: targetOf(stage, { atLeast: 30_000 }),
      details: {
        cold_first_run_per_sec: cold,
        records_per_child: size.records,
        log_bytes_per_child: size.bytes,
        message_out_bytes: size.message.out,
        message_back_bytes: size.message.back,
        coordinator_cpu_us_per_child: ((after.coordinator - before.coordinator) * 1000) / children,
        workers_cpu_us_per_child: ((after.workers - before.workers) * 1000) / children,
      },
    },
    rateFigure('throughput_client', children, ', by a client', rates.client, ofMany),
    rateFigure('throughput_few', few, '', rateOfFew.engine, ofFew),
    rateFigure('throughput_few_client', few, ', by a client', rateOfFew.client, ofFew),
    {
      id: 'longest_stretch',
      name: `${children.toLocaleString('en')} echo children: longest time without a turn of the event loop`,
      value: median(stretches.engine),
      unit: 'ms',
      better: 'lower',
      spread: spreadOf(stretches.engine),
      probes: [probeOf('the same messages, two processes', stretches.messages)],
      target: targetOf(stage, { atMost: 50 }),
      details: {},
    },
  ];
}

function rateFigure(
  id: string,
  children: number,
  by: string,
  rates: readonly number[],
  probe: Probe,
): Figure {
  const spread = spreadOf(rates);
  return {
    id,
    name: `${children.toLocaleString('en')} echo children, two workers${by}`,
    value: spread.median,
    unit: 'children/s',
    better: 'higher',
    spread,
    probes: [probe],
    target: null,
    details: {},
  };
}
