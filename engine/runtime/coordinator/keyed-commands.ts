import type { CallContext } from '../../contract/engine.ts';
import type { CommandName } from '../../operations/index.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { keptFor, keyTaken, type Issuer } from '../../domain/model/idempotency-keys.ts';
import { noteCommand, noted } from '../../domain/commands/note-command.ts';

/** A call with the digest of its command, if it has an idempotency key. */
export interface KeyedContext extends CallContext {
  readonly digest?: string;
}

export interface KeyedCommandsOptions {
  readonly coordinator: Coordinator;
  /** Runs one step of the rules; resolves when its records are durable. */
  readonly step: <T>(decide: (now: number) => T) => Promise<T>;
  readonly isClosed: () => boolean;
}

interface UnderWay {
  readonly digest: string | null;
  /** Resolves when the command has ended, successfully or not. */
  readonly over: Promise<void>;
}

/** Runs each command once per idempotency key; a repetition gets the first answer. */
export class KeyedCommands {
  readonly #options: KeyedCommandsOptions;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: KeyedCommandsOptions) {
    this.#options = options;
  }

  /** Runs a command whose own record stores its key. */
  command<T>({ actor, idempotencyKey: key, digest }: KeyedContext, run: (issuer: Issuer) => T): Promise<T> {
    return this.#options.step(now => run({ actor, key, digest, now }));
  }

  /** Runs a command of one step whose records store no key; the same step stores the answer. */
  noted<T>(name: CommandName, context: KeyedContext, run: (issuer: Issuer) => T): Promise<T> {
    return this.command(context, issuer => noted(this.#options.coordinator, name, issuer, run));
  }

  /**
   * Runs a command of several steps and stores its answer at the end. A repetition waits for the first call.
   * @param kept returns the part of the answer that may be stored: all of it, unless it contains a secret
   */
  async once<T>(
    name: CommandName,
    context: KeyedContext,
    run: () => Promise<T>,
    kept: (answer: T) => unknown = answer => answer,
  ): Promise<T> {
    const { idempotencyKey: key, digest = null, actor } = context;
    if (key === undefined) return run();
    const id = `${actor} ${key}`;
    for (let first = this.#underWay.get(id); first !== undefined; first = this.#underWay.get(id)) {
      if (first.digest !== digest) throw keyTaken(this.#options.coordinator.state, null, key);
      await first.over;
    }
    const answer = this.#answered(name, context, run, kept);
    const forget = (): void => void this.#underWay.delete(id);
    this.#underWay.set(id, { digest, over: answer.then(forget, forget) });
    return answer;
  }

  async #answered<T>(
    name: CommandName,
    context: KeyedContext,
    run: () => Promise<T>,
    kept: (answer: T) => unknown,
  ): Promise<T> {
    const { coordinator, isClosed } = this.#options;
    const before = await this.command(context, issuer => keptFor(coordinator.state, issuer));
    if (before?.answer !== undefined) return before.answer as T;
    const answer = await run();
    // After a stop of the whole fleet, no coordinator is left to answer.
    if (before === undefined && !isClosed())
      await this.command(context, issuer => noteCommand(coordinator, name, kept(answer), issuer));
    return answer;
  }
}
