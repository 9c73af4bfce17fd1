import type { FanOutRequest } from '../../contract/commands.ts';
import type { CallContext } from '../../contract/engine.ts';
import { messageOf } from '../../errors.ts';
import type { FanOutContext } from '../../domain/commands/fan-out.ts';
import {
  executorsAmong,
  foldersWithWorktrees,
  memberNamesAmong,
  worktreeFolders,
} from '../../domain/commands/subtask-validation.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import type { Output } from '../../domain/coordinator/decision-buffer.ts';
import type { Issuer } from '../../domain/model/idempotency-keys.ts';
import { MAX_PREDICATE_CHARS, needsCel, type CelCompiler } from '../../domain/model/predicate.ts';
import { environmentsOf, type Task } from '../../domain/model/state.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { resolveTask } from '../../domain/model/tasks.ts';
import { missingPrograms } from '../../home/installed.ts';
import type { WorkPort } from '../../operations/context.ts';
import type { ThreadId } from '../../record/ids.ts';
import { refusalOf, type Executor } from '../executors/executor.ts';
import { withGitLimits } from '../git/git.ts';
import type { Logger } from '../logger.ts';
import { requireReady, untrustedRepositories } from '../worktrees/ready.ts';
import type { WorktreeSettings } from '../worktrees/worktree.ts';
import type { Environments } from './environments.ts';
import type { KeyedCommands, KeyedContext } from './keyed-commands.ts';

export interface WorkSubmissionOptions {
  readonly coordinator: Coordinator;
  readonly cel: CelCompiler;
  readonly keyed: KeyedCommands;
  readonly environments: Environments;
  readonly executors: ReadonlyMap<string, Executor>;
  readonly defaultExecutor: string;
  readonly defaultTimeoutSecs: number | null;
  readonly worktree: Pick<WorktreeSettings, 'dirty' | 'timeoutMs'>;
  readonly logger: Logger;
}

/** Accepts work: checks its requirements before anything is written, and stores the environment of its caller. */
export class WorkSubmission {
  readonly #options: WorkSubmissionOptions;

  constructor(options: WorkSubmissionOptions) {
    this.#options = options;
  }

  /** Returns the submission for one caller. A repeated command is not checked again. */
  of(caller: KeyedContext): WorkPort {
    return {
      context: () => this.#fanOutContext(),
      submit: decide => this.#submit(caller, decide),
      notesOn: async fanOut => (this.#isRepeated(caller) ? [] : this.#notesOn(fanOut, caller)),
      requireReady: async (task, subtasksOf) => {
        if (!this.#isRepeated(caller)) await this.#requireReady(task, caller, subtasksOf);
      },
    };
  }

  /** Marks the environments that unfinished fan-outs in the log need. */
  async resume(): Promise<void> {
    const { coordinator, environments } = this.#options;
    const { state } = coordinator;
    for (const thread of state.open)
      for (const name of environmentsOf(state.tasks.get(thread)!.fanOut!)) environments.need(thread, name);
    coordinator.environmentsGone(await environments.tidy());
  }

  /** Removes the environments of those changed fan-outs that are over. */
  release({ changed }: Pick<Output, 'changed'>): void {
    const { coordinator, environments, logger } = this.#options;
    for (const thread of changed.keys()) {
      if (coordinator.state.open.has(thread)) continue;
      environments
        .release(thread)
        .catch((error: unknown) => logger.error(`an environment stays: ${messageOf(error)}`));
    }
  }

  async #submit<T extends { readonly thread: string }>(
    caller: KeyedContext,
    decide: (issuer: Issuer) => T,
  ): Promise<T> {
    const { coordinator, environments, keyed } = this.#options;
    if (caller.environment === undefined) return keyed.command(caller, decide);
    const environment = await environments.keep(caller.environment);
    let isNeeded = false;
    try {
      return await keyed.command(caller, issuer => {
        const answer = decide({ ...issuer, environment });
        const { fanOut } = coordinator.state.tasks.get(answer.thread as ThreadId)!;
        // A repetition of a command needs the environment stored by the first call.
        isNeeded = fanOut !== null && environmentsOf(fanOut).has(environment);
        if (isNeeded) environments.need(answer.thread, environment);
        return answer;
      });
    } finally {
      if (!isNeeded) await environments.remove(environment);
    }
  }

  async #notesOn(
    { dir, join, subtasks }: Pick<FanOutRequest, 'dir' | 'join' | 'subtasks'>,
    caller: CallContext,
  ): Promise<readonly string[]> {
    const folders = worktreeFolders(subtasks, { ...this.#fanOutContext(), dir });
    return [
      ...(folders.length === 0
        ? []
        : await this.#inGit(caller, () => untrustedRepositories(folders, this.#options.worktree))),
      ...(caller.environment === undefined ? [] : await this.#missing(subtasks, caller.environment)),
      ...this.#findings(join, subtasks),
    ];
  }

  /** Describes what holds for a join whatever its subtasks do. An invalid join is refused later. */
  #findings(join: string, subtasks: readonly unknown[]): readonly string[] {
    if (!needsCel(join) || join.length > MAX_PREDICATE_CHARS) return [];
    try {
      const findings = this.#options.cel.findConstants(join, memberNamesAmong(subtasks));
      return findings.map(({ message, position }) => `join: ${message}, at position ${position}`);
    } catch {
      return [];
    }
  }

  /** Lists the programs of a fan-out's executors that an environment does not have. */
  async #missing(subtasks: readonly unknown[], environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
    const programs: Record<string, string> = {};
    for (const executor of executorsAmong(subtasks, this.#fanOutContext())) {
      const program = this.#options.executors.get(executor)?.program;
      if (program !== undefined) programs[executor] = program;
    }
    return Object.entries(await missingPrograms({ programs }, environment)).map(
      ([executor, program]) =>
        `${executor} needs '${program}', which is not installed, or not on the PATH that you submit with`,
    );
  }

  async #requireReady(
    name: string,
    caller: CallContext,
    subtasksOf: (task: Task) => readonly CompleteSubtask[],
  ): Promise<void> {
    const { coordinator, worktree } = this.#options;
    const folders = foldersWithWorktrees(subtasksOf(resolveTask(coordinator.state, name)));
    if (folders.length === 0) return;
    await this.#inGit(caller, async () => {
      for (const folder of folders) await requireReady(folder, worktree);
    });
  }

  /** Runs git for a caller, until the caller stops waiting. */
  #inGit<T>({ signal }: CallContext, ask: () => Promise<T>): Promise<T> {
    return withGitLimits(signal, ask, this.#options.worktree.timeoutMs);
  }

  #isRepeated({ actor, idempotencyKey: key }: CallContext): boolean {
    return key !== undefined && this.#options.coordinator.state.idempotency.has(`${actor} ${key}`);
  }

  #fanOutContext(): FanOutContext {
    const { coordinator, cel, defaultExecutor, defaultTimeoutSecs, executors } = this.#options;
    return {
      cel,
      defaultExecutor: coordinator.state.defaultExecutor ?? defaultExecutor,
      defaultTimeoutSecs,
      executors: [...executors.keys()],
      refusal: (name, subtask) => refusalOf(executors.get(name)!, subtask),
    };
  }
}
