import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { OutputSink } from './executor.ts';
import { OutputTail } from './summary.ts';

/** More than any system buffers in one pipe: bytes beyond it were written after the drain began. */
const MAX_IN_PIPE_BYTES = 1024 * 1024;

/** Copies the output of a command into the sink, and keeps its last lines. */
export interface OutputPump {
  /**
   * Copies the content of the pipe, then lets go of it. Call it when the relevant writers have ended: other processes may
   * hold the pipe open or go on writing, and are not waited for.
   */
  drain(): Promise<void>;
  /** The last lines so far. */
  summary(): string;
}

/** Starts reading at once; reads ahead of the sink by at most one chunk. */
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
  const take = (chunk: Buffer): void => {
    taken += chunk.length;
    tail.add(chunk);
    onOutput(chunk);
    from.pause();
    // A failing sink must not block the command at a full pipe.
    writing = write(chunk)
      .catch(() => undefined)
      .then(() => void from.resume());
  };
  from.on('data', take);
  // An earlier reader has paused it.
  from.resume();
  return {
    summary: () => tail.summary(),
    drain: async () => {
      const limit = taken + MAX_IN_PIPE_BYTES;
      let quietTurns = 0;
      // Two turns, because only the second contains a whole round of polling for certain.
      while (quietTurns < 2 && taken < limit && !from.destroyed) {
        const before = taken;
        await writing;
        await turn();
        quietTurns = taken === before ? quietTurns + 1 : 0;
      }
      await writing;
      from.off('data', take);
      from.pause();
    },
  };
}
