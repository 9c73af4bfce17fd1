import type { Engine } from '../contract/engine.ts';

/** What is asked of an engine here. */
export interface Lingering extends Pick<Engine, 'watch'> {
  readonly openFanOuts: number;
}

/** Fulfilled once no fan-out has been open for so long, when the signal aborts, and when the engine closes. */
export async function untilNothingOpen(
  engine: Lingering,
  lingerMs: number,
  signal: AbortSignal,
): Promise<void> {
  const idle = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (engine.openFanOuts === 0) {
      timer ??= setTimeout(() => idle.abort(), lingerMs);
    } else {
      clearTimeout(timer);
      timer = undefined;
    }
  };
  const events = engine.watch({ kinds: ['task'], signal: AbortSignal.any([signal, idle.signal]) });
  look();
  for await (const _ of events) look();
  clearTimeout(timer);
}
