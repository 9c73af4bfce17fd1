import type { Engine } from '../../operations/engine.ts';
import { linkedController } from '../../contract/linked-controller.ts';

/** The methods of an engine that `untilNothingOpen` uses. */
export interface Lingering extends Pick<Engine, 'watch'> {
  readonly openFanOuts: number;
}

/** Resolves when no fan-out has been open for this time, when the signal aborts, or when the engine closes. */
export async function waitUntilIdle(engine: Lingering, lingerMs: number, signal: AbortSignal): Promise<void> {
  const { controller: idle, release } = linkedController([signal]);
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (engine.openFanOuts === 0) {
      timer ??= setTimeout(() => idle.abort(), lingerMs);
    } else {
      clearTimeout(timer);
      timer = undefined;
    }
  };
  const events = engine.watch({ kinds: ['task'], signal: idle.signal });
  try {
    look();
    for await (const _ of events) look();
  } finally {
    clearTimeout(timer);
    release();
  }
}
