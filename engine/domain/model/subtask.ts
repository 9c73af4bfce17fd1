import type { Isolation, Variables, When } from '../../contract/commands.ts';
import type { Dependent } from './subtask-graph.ts';

/** The choice of the worker that runs a subtask. */
export type Target =
  | { readonly kind: 'specific'; readonly did: string }
  | { readonly kind: 'alias'; readonly alias: string }
  | { readonly kind: 'least-loaded' }
  | { readonly kind: 'round-robin' };

/** A subtask with every default filled in: plain JSON data, as a fan-out's record carries it. */
export interface CompleteSubtask {
  readonly goal: string;
  readonly name: string | null;
  readonly target: Target;
  /** A command line for `/bin/sh -c`, or null. */
  readonly run: string | null;
  /** True when `run` ends at the first of its commands that fails. */
  readonly errexit: boolean;
  readonly executor: string;
  /** An absolute path, or null for no folder. */
  readonly dir: string | null;
  /** Its shares of the fan-out's budget, which its attempts may not pass; null for none. */
  readonly budget_usd: number | null;
  readonly budget_tokens: number | null;
  readonly budget_secs: number | null;
  /** Null for none. */
  readonly timeout_secs: number | null;
  /** 0-based indices of the subtasks that must accept first, ascending, each once. */
  readonly depends_on: readonly number[];
  readonly when: When;
  /** The number of times that it may be started; null means 2 for worker loss and 1 for its own failures. */
  readonly attempts: number | null;
  readonly isolation: Isolation;
  /** Variables of its own, or null for none. */
  readonly env: Variables | null;
}

export const SPECIFIC = 'specific:';
export const LEAST_LOADED = 'least-loaded-worker';
export const ROUND_ROBIN = 'round-robin';
const AGENT = 'agent:';

/** A target as people write it. */
export function targetText(target: Target): string {
  switch (target.kind) {
    case 'specific':
      return SPECIFIC + target.did;
    case 'alias':
      return target.alias;
    case 'least-loaded':
      return LEAST_LOADED;
    case 'round-robin':
      return ROUND_ROBIN;
  }
}

/** Tells whether an executor is a coding agent, which is told what its subtask depends on. */
export function isAgent(executor: string): boolean {
  return executor.startsWith(AGENT);
}

/** True for a subtask outside the join, which starts once what it depends on has ended. */
export function isFollowUp({ when }: Pick<CompleteSubtask, 'when'>): boolean {
  return when !== 'accepted';
}

/** The subtasks that the join is about: all but the follow-ups, with their dependencies by their new indices. */
export function membersAmong<T extends Dependent & Pick<CompleteSubtask, 'when'>>(
  subtasks: readonly T[],
): readonly T[] {
  if (!subtasks.some(isFollowUp)) return subtasks;
  const members = subtasks.filter(each => !isFollowUp(each));
  const indices = new Map(members.map((each, index) => [each, index]));
  return members.map(each => ({
    ...each,
    depends_on: each.depends_on.map(index => indices.get(subtasks[index]!)!),
  }));
}
