import type { EngineEvent, WatchOptions } from '../../contract/engine.ts';
import type { Engine } from '../../operations/engine.ts';
import type { Did } from '../../record/ids.ts';
import type { EngineClient } from '../client.ts';

/** A client of an engine in this process, which acts in this name. The engine stays open when it is closed. */
export function inProcessClient(engine: Omit<Engine, 'close'>, actor: Did): EngineClient {
  return {
    submit: (name, input, context) => engine.submit(name, input, { actor, ...context }),
    report: (name, input, signal) => engine.report(name, input, signal),
    watch: options => watched(engine, options),
    output: request => engine.output(request),
    close: () => Promise.resolve(),
  };
}

/** Begins with a gap, as a client's watch does. */
async function* watched(engine: Pick<Engine, 'watch'>, options: WatchOptions): AsyncGenerator<EngineEvent> {
  const events = engine.watch(options);
  yield { kind: 'gap' };
  yield* events;
}
