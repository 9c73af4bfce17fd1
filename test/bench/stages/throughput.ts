import { join } from 'node:path';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { AppendProbe } from '../probes/appends.ts';
import { MessageProbe } from '../probes/messages.ts';
import { longestStretchMs, median, spreadOf } from '../stats.ts';

/** Measures the fleet's own cost of a child, and its children per second, with children that do nothing. */
export async function throughput(stage: Stage): Promise<Figure[]> {
  const children = stage.quick ? 500 : 10_000;
  const runs = stage.quick ? 2 : 9;
  const appends = new AppendProbe(stage.dir);
  const messages = await MessageProbe.start(stage.program, stage.dir);
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'));
  const size = await fleet.childSize();
  const perSec = (ms: number): number => (children / ms) * 1000;
  const cold = perSec(await fleet.timeFanOut(children));
  for (let i = 0; i < (stage.quick ? 0 : 2); i++) await fleet.timeFanOut(children);
  const before = fleet.cpuMs();
  await fleet.timeFanOut(children);
  const after = fleet.cpuMs();
  const rates: Record<'engine' | 'appends' | 'messages', number[]> = {
    engine: [],
    appends: [],
    messages: [],
  };
  const stretches: Record<'engine' | 'messages', number[]> = { engine: [], messages: [] };
  for (let i = 0; i < runs; i++) {
    const bytes = size.bytes * children;
    rates.appends.push(perSec(appends.append({ bytes, records: size.records * children })));
    const exchange = async () => rates.messages.push(perSec(await messages.exchange(children, size.message)));
    stretches.messages.push(await longestStretchMs(exchange));
    const fanOut = async () => rates.engine.push(perSec(await fleet.timeFanOut(children)));
    stretches.engine.push(await longestStretchMs(fanOut));
  }
  await messages.close();
  appends.close();
  const spread = spreadOf(rates.engine);
  const probe = (name: string, values: number[]) => ({
    name,
    value: spreadOf(values).median,
    spread: spreadOf(values),
  });
  return [
    {
      id: 'throughput',
      name: `${children.toLocaleString('en')} echo children, two workers`,
      value: spread.median,
      unit: 'children/s',
      better: 'higher',
      spread,
      probes: [
        probe('the same bytes, groups of 100', rates.appends),
        probe('the same messages, two processes', rates.messages),
      ],
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
    {
      id: 'longest_stretch',
      name: `${children.toLocaleString('en')} echo children: longest time without a turn of the event loop`,
      value: median(stretches.engine),
      unit: 'ms',
      better: 'lower',
      spread: spreadOf(stretches.engine),
      probes: [probe('the same messages, two processes', stretches.messages)],
      target: targetOf(stage, { atMost: 50 }),
      details: {},
    },
  ];
}
