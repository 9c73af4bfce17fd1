import { plural } from '../contract/format.ts';
import type { Client } from '../cli/host.ts';
import { FleetError } from '../errors.ts';
import { reportNamed } from '../operations/index.ts';
import type { HomeReader } from '../read-home.ts';
import { loadCoordinator } from './load-coordinator.ts';

/**
 * Answers reports and outputs from the home if no coordinator serves it; never starts one. Once a coordinator has
 * answered, its end is an error.
 * @param say prints a line for people
 */
export function orFromHome(engine: Client, home: string, say: (line: string) => void): Client {
  let reading: Promise<HomeReader> | undefined;
  let isServed = false;

  async function open(): Promise<HomeReader> {
    const { readHome } = await loadCoordinator();
    const reader = await readHome(home);
    const { openFanOuts } = reader;
    if (openFanOuts > 0)
      say(`· no fleet is running; to continue ${plural(openFanOuts, 'open fan-out')}: spl fleet start`);
    return reader;
  }

  async function served<T>(call: Promise<T>): Promise<T> {
    const answer = await call;
    isServed = true;
    return answer;
  }

  async function otherwise<T>(unserved: unknown, read: (from: HomeReader) => Promise<T>): Promise<T> {
    if (isServed || !FleetError.is(unserved, 'UNREACHABLE') || unserved.details['lost'] === true)
      throw unserved;
    try {
      return await read(await (reading ??= open()));
    } catch (thrown) {
      throw isOfNoUse(thrown) ? unserved : thrown;
    }
  }

  return {
    submit: (name, input, context) => served(engine.submit(name, input, context)),
    report: (name, input, signal) =>
      served(engine.report(name, input, signal)).catch(async (thrown: unknown) => {
        if ((await reportNamed(name)).needsFleet) throw thrown;
        return otherwise(thrown, from => from.report(name, input, signal));
      }),
    output: request =>
      served(engine.output(request)).catch((thrown: unknown) =>
        otherwise(thrown, from => from.output(request)),
      ),
    watch: options => engine.watch(options),
    async close() {
      await engine.close();
      const opened = await reading?.catch(() => undefined);
      await opened?.close();
    },
  };
}

/** True where the home has no answer either: there is none, or the answer needs a fleet. */
const isOfNoUse = (thrown: unknown): boolean =>
  FleetError.is(thrown, 'UNREACHABLE') || (FleetError.is(thrown, 'NOT_FOUND') && 'home' in thrown.details);
