import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineClient } from '../client/client.ts';
import type { Client } from '../cli/host.ts';
import { FleetError } from '../errors.ts';
import { readPidFile } from '../home/pid-file.ts';

/** The time limit of an answer before the engine's health is requested, and of the answer to that, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Wraps an engine of this machine so that calls fail when it hangs. While an answer is awaited, its health is
 * requested; when that is not answered either, the call fails and names the process.
 */
export function detectHang(
  engine: EngineClient,
  socketPath: string,
  pidFile: string,
  patienceMs = PATIENCE_MS,
): Client {
  const guarded = async <T>(call: Promise<T>): Promise<T> => {
    const answered = new AbortController();
    const hang = untilHang(socketPath, pidFile, patienceMs, answered.signal);
    // The loser of the race rejects later, without a handler.
    for (const each of [call, hang]) each.catch(() => undefined);
    try {
      return await Promise.race([call, hang]);
    } finally {
      answered.abort();
    }
  };
  return {
    submit: (name, input, context) => guarded(engine.submit(name, input, context)),
    report: (name, input, signal) => guarded(engine.report(name, input, signal)),
    watch: options => engine.watch(options),
    output: request => engine.output(request),
    close: () => engine.close(),
  };
}

/** Rejects when the engine does not answer, or when the signal aborts. */
async function untilHang(
  socketPath: string,
  pidFile: string,
  patienceMs: number,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await delay(patienceMs, undefined, { signal });
    const client = connect({ socketPath }, { timeoutMs: patienceMs, brief: true });
    try {
      await client.report('health', {}, signal);
    } catch (thrown) {
      // The call itself reports any other fault.
      if (FleetError.is(thrown, 'TIMED_OUT')) throw hangs((await readPidFile(pidFile))?.pid, thrown);
    } finally {
      await client.close();
    }
  }
}

/** Returns the error for a coordinator that runs and does not answer. @param pid undefined when it is unknown */
export function hangs(pid: number | undefined, cause: unknown): FleetError {
  const which = pid === undefined ? '' : ` (PID ${pid})`;
  return new FleetError('TIMED_OUT', `the coordinator${which} runs and answers nobody`, {
    details: { pid: pid ?? null },
    hint:
      pid === undefined
        ? 'Look what it does: spl doctor'
        : `Where no editor runs it, end it and start it again; nothing is lost: kill -9 ${pid}, then spl fleet start`,
    cause,
  });
}
