import type { EngineClient } from '../../engine/api/client.ts';
import type { Engine, EngineEvent, WatchOptions } from '../../engine/contract/engine.ts';
import type { Did } from '../../engine/record/ids.ts';

/** The engine of this process, spoken to as one in another process is: so that nobody need know which it is. */
export function localEngine(engine: Engine, actor: Did): EngineClient {
  return {
    submit: (name, input, context = {}) => engine.submit(name, input, { actor, ...context }),
    report: (name, input, signal) => engine.report(name, input, signal),
    watch: options => beginningWithGap(engine, options),
    output: request => engine.output(request),
    // Its host closes it.
    close: () => Promise.resolve(),
  };
}

/** As a client's watch does: whoever reads the state at every gap begins with reading it. */
function beginningWithGap(engine: Engine, options: WatchOptions): AsyncIterable<EngineEvent> {
  const events = engine.watch(options);
  return (async function* () {
    yield { kind: 'gap' } as const;
    yield* events;
  })();
}
