import type { Json, JsonObject } from '../../record/canonical.ts';
import type { Variables } from '../../contract/commands.ts';
import type { CompleteSubtask, Target } from './subtask.ts';

/**
 * Subtasks as a fan-out's record carries them: what most have in common is said once, and what is as everybody
 * expects is left out, so that a fan-out of 100,000 is a record that can be handled.
 */
export interface WrittenSubtasks {
  readonly defaults: { readonly executor: string; readonly dir?: string; readonly timeout_secs?: number };
  readonly subtasks: readonly WrittenSubtask[];
}

interface WrittenSubtask extends JsonObject {
  readonly goal: string;
  readonly name?: string;
  readonly target?: Target & JsonObject;
  readonly run?: string;
  /** Absent where `run` goes on after a command that failed. */
  readonly errexit?: true;
  readonly executor?: string;
  /** Null where the others have a folder and this one has none. */
  readonly dir?: string | null;
  readonly budget_usd?: number;
  readonly budget_tokens?: number;
  readonly budget_secs?: number;
  /** Null where the others have a time-out and this one has none. */
  readonly timeout_secs?: number | null;
  readonly depends_on?: readonly number[];
  /** Absent for `accepted`. */
  readonly when?: 'failed' | 'always';
  readonly attempts?: number;
  readonly isolation?: 'worktree';
  readonly env?: Variables & JsonObject;
}

const FREE_CHOICE: Target = { kind: 'least-loaded' };

export function writeSubtasks(subtasks: readonly CompleteSubtask[]): WrittenSubtasks {
  const first = subtasks[0]!;
  const { executor, dir, timeout_secs } = first;
  const defaults = {
    ...(dir !== null && { dir }),
    executor,
    ...(timeout_secs !== null && { timeout_secs }),
  };
  return { defaults, subtasks: subtasks.map(subtask => write(subtask, first)) };
}

function write(subtask: CompleteSubtask, common: CompleteSubtask): WrittenSubtask {
  const written: { [key: string]: Json } = {};
  if (subtask.attempts !== null) written['attempts'] = subtask.attempts;
  if (subtask.budget_secs !== null) written['budget_secs'] = subtask.budget_secs;
  if (subtask.budget_tokens !== null) written['budget_tokens'] = subtask.budget_tokens;
  if (subtask.budget_usd !== null) written['budget_usd'] = subtask.budget_usd;
  if (subtask.depends_on.length > 0) written['depends_on'] = subtask.depends_on;
  if (subtask.dir !== common.dir) written['dir'] = subtask.dir;
  if (subtask.env !== null) written['env'] = { ...subtask.env };
  if (subtask.errexit) written['errexit'] = true;
  if (subtask.executor !== common.executor) written['executor'] = subtask.executor;
  written['goal'] = subtask.goal;
  if (subtask.isolation === 'worktree') written['isolation'] = subtask.isolation;
  if (subtask.name !== null) written['name'] = subtask.name;
  if (subtask.run !== null) written['run'] = subtask.run;
  if (subtask.target.kind !== 'least-loaded') written['target'] = { ...subtask.target };
  if (subtask.timeout_secs !== common.timeout_secs) written['timeout_secs'] = subtask.timeout_secs;
  if (subtask.when !== 'accepted') written['when'] = subtask.when;
  return written as WrittenSubtask;
}

const NONE: readonly number[] = [];

export function readSubtasks({ defaults, subtasks }: WrittenSubtasks): CompleteSubtask[] {
  return subtasks.map(written => ({
    goal: written.goal,
    name: written.name ?? null,
    target: written.target ?? FREE_CHOICE,
    run: written.run ?? null,
    errexit: written.errexit ?? false,
    executor: written.executor ?? defaults.executor,
    dir: written.dir === undefined ? (defaults.dir ?? null) : written.dir,
    budget_usd: written.budget_usd ?? null,
    budget_tokens: written.budget_tokens ?? null,
    budget_secs: written.budget_secs ?? null,
    timeout_secs: written.timeout_secs === undefined ? (defaults.timeout_secs ?? null) : written.timeout_secs,
    depends_on: written.depends_on ?? NONE,
    when: written.when ?? 'accepted',
    attempts: written.attempts ?? null,
    isolation: written.isolation ?? 'folder',
    env: written.env ?? null,
  }));
}
