import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { freezeFinished, saveParts } from '../../domain/fold/snapshot.ts';
import type { FleetState } from '../../domain/model/state.ts';
import type { Log } from '../../log/log.ts';
import type { Logger } from '../logger.ts';

export interface CheckpointsOptions {
  readonly log: Log;
  readonly state: FleetState;
  readonly cel: CelCompiler;
  readonly logger: Logger;
  /** The position of the checkpoint that the state was restored from, 0 without one. */
  readonly position: number;
}

/** A checkpoint is saved after this many records, once the fleet has been idle for so long. */
const CHECKPOINT_RECORDS = 20_000;
const CHECKPOINT_IDLE_MS = 1000;

/** The number of bytes of a state that are put together before yielding: a few milliseconds' work. */
const STRETCH_BYTES = 8 * 1024 * 1024;

/**
 * Saves the folded state, so that the next coordinator need not read the whole log. It is work that nobody waits for:
 * it begins when the fleet is idle, and goes on a stretch at a time, so that whatever comes meanwhile is not held up.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #position: number;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> | undefined;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#position = options.position;
  }

  /** Has one saved when nothing is under way, and stays so for a while. */
  saveWhenIdle(): void {
    clearTimeout(this.#timer);
    if (this.#options.state.open.size > 0 || this.#options.log.end - this.#position < CHECKPOINT_RECORDS)
      return;
    this.#timer = setTimeout(() => void this.#save(), CHECKPOINT_IDLE_MS).unref();
  }

  /** Saves the last one. To be called when no more is decided. */
  async close(): Promise<void> {
    await this.abandon();
    await this.#save();
  }

  /** Saves none any more: what was decided could not be written, and the state is wrong. */
  async abandon(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
  }

  #save(): Promise<void> {
    return (this.#saving ??= this.#saveNow().finally(() => (this.#saving = undefined)));
  }

  async #saveNow(): Promise<void> {
    const { log, logger, state, cel } = this.#options;
    if (log.end !== log.pendingEnd || log.end === this.#position) return;
    try {
      for (const _ of freezeFinished(state, cel)) await setImmediate();
      // What was decided meanwhile may not be durable, and a state is saved only with all that made it.
      if (log.end !== log.pendingEnd) return;
      const position = log.end;
      const parts = saveParts(state, cel);
      await log.saveCheckpoint({ position, state: await putTogether(parts) });
      this.#position = position;
    } catch (error) {
      logger.error(`could not save a checkpoint: ${messageOf(error)}`);
    }
  }
}

async function putTogether(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  let rested = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    if (at - rested < STRETCH_BYTES) continue;
    rested = at;
    await setImmediate();
  }
  return whole;
}
