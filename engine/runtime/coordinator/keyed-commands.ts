import type { CallContext } from '../../contract/engine.ts';
import type { CommandName } from '../../operations/index.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { keptFor, keyTaken, type Issuer } from '../../domain/model/idempotency-keys.ts';
import { noteCommand } from '../../domain/commands/note-command.ts';

/** A call with the digest of its command, where it has an idempotency key. */
export interface KeyedContext extends CallContext {
  readonly digest?: string;
}

export interface KeyedCommandsOptions {
  readonly coordinator: Coordinator;
  /** Does one step of the rules; fulfilled when what it decided is durable. */
  readonly step: <T>(decide: (now: number) => T) => Promise<T>;
  readonly isClosed: () => boolean;
}

interface UnderWay {
  readonly digest: string | null;
  /** Fulfilled when the command is over, however it ended. */
  readonly over: Promise<void>;
}

/** Does each command once per idempotency key, and answers a repetition as the first. */
export class KeyedCommands {
  readonly #options: KeyedCommandsOptions;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: KeyedCommandsOptions) {
    this.#options = options;
  }

  /** A command whose own record keeps its key. */
  command<T>({ actor, idempotencyKey: key, digest }: KeyedContext, run: (issuer: Issuer) => T): Promise<T> {
    return this.#options.step(now => run({ actor, key, digest, now }));
  }

  /** A command of one step whose records keep no key: its answer is kept in the same step. */
  noted<T>(name: CommandName, context: KeyedContext, run: (issuer: Issuer) => T): Promise<T> {
    const { coordinator } = this.#options;
    return this.command(context, issuer => {
      const kept = keptFor(coordinator.state, issuer);
      if (kept?.answer !== undefined) return kept.answer as T;
      const answer = run(issuer);
      if (kept === undefined) noteCommand(coordinator, name, answer, issuer);
      return answer;
    });
  }

  /**
   * A command that takes more than one step: its answer is kept when it is done. One that is repeated meanwhile waits for
   * the first.
   * @param kept the part of the answer that may be kept: all of it, where it has no secret
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
    // After a stop of everything there is nobody left to be asked again.
    if (before === undefined && !isClosed())
      await this.command(context, issuer => noteCommand(coordinator, name, kept(answer), issuer));
    return answer;
  }
}
