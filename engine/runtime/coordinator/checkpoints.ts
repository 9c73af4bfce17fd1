import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { serializeFinished, saveParts } from '../../domain/fold/snapshot.ts';
import type { FleetState } from '../../domain/model/state.ts';
import type { Log } from '../../log/log.ts';
import type { Logger } from '../logger.ts';

export interface CheckpointsOptions {
  readonly log: Log;
  readonly state: FleetState;
  readonly cel: CelCompiler;
  readonly logger: Logger;
  /** The position of the restored checkpoint; 0 without one. */
  readonly position: number;
}

/** The number of records after which an idle fleet saves a checkpoint. */
const CHECKPOINT_RECORDS = 20_000;
const CHECKPOINT_IDLE_MS = 1000;

/** The number of bytes of a state to encode before yielding: a few milliseconds of work. */
const STRETCH_BYTES = 8 * 1024 * 1024;

/**
 * Saves the folded state, so that the next coordinator need not read the whole log. A save starts when the fleet is
 * idle, and yields often, so that it delays nothing.
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

  /** Schedules a save for when the fleet has been idle for a while. */
  saveWhenIdle(): void {
    clearTimeout(this.#timer);
    if (this.#options.state.open.size > 0 || this.#options.log.end - this.#position < CHECKPOINT_RECORDS)
      return;
    this.#timer = setTimeout(() => void this.#save(), CHECKPOINT_IDLE_MS).unref();
  }

  /** Saves a last checkpoint. Call it after the last decision. */
  async close(): Promise<void> {
    await this.abandon();
    await this.#save();
  }

  /** Stops saving: a decision could not be written, so the state is wrong. */
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
      for (const _ of serializeFinished(state, cel)) await setImmediate();
      // A state is saved only when all of its records are durable. Later decisions may not be.
      if (log.end !== log.pendingEnd) return;
      const position = log.end;
      const parts = saveParts(state, cel);
      await log.saveCheckpoint({ position, state: await joinParts(parts) });
      this.#position = position;
    } catch (error) {
      logger.error(`could not save a checkpoint: ${messageOf(error)}`);
    }
  }
}

async function joinParts(parts: readonly Uint8Array[]): Promise<Uint8Array> {
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
