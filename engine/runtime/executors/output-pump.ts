import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { OutputSink } from './executor.ts';
import { OutputTail } from './summary.ts';

/** More than any system keeps in one pipe: what is read beyond it was written after the drain began. */
const MAX_IN_PIPE_BYTES = 1024 * 1024;

/** Carries what a command prints into the sink, and keeps its last lines. */
export interface OutputPump {
  /**
   * Carries over what the pipe still holds, then closes it. For when the writers that matter are gone: it does not
   * wait for those that are left, which may hold the pipe open or go on writing.
   */
  drain(): Promise<void>;
  /** The last lines so far. */
  summary(): string;
}

/** Begins to read at once; never reads ahead of the sink by more than a chunk. */
export function pumpOutput(
  from: Readable,
  sink: OutputSink,
  onOutput: (chunk: Buffer) => void = () => {},
): OutputPump {
  const tail = new OutputTail();
  let taken = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = async (chunk: Buffer): Promise<void> => {
    await sink.write(chunk);
  };
  from.on('data', (chunk: Buffer) => {
    taken += chunk.length;
    tail.add(chunk);
    onOutput(chunk);
    from.pause();
    // A sink that fails must not stop the command, which would wait for ever at a full pipe.
    writing = write(chunk)
      .catch(() => undefined)
      .then(() => void from.resume());
  });
  from.on('error', () => undefined);
  return {
    summary: () => tail.summary(),
    drain: async () => {
      const limit = taken + MAX_IN_PIPE_BYTES;
      let quietTurns = 0;
      // Two turns, because only the second is sure to hold a whole round of polling.
      while (quietTurns < 2 && taken < limit && !from.destroyed) {
        const before = taken;
        await writing;
        await turn();
        quietTurns = taken === before ? quietTurns + 1 : 0;
      }
      await writing;
      from.destroy();
    },
  };
}
