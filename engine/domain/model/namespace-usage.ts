import { chainOf, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { newAccount, reserve, settle, type Account, type Budgeted, type Spent } from './budgets.ts';

/** The attempts that are out in a namespace and all below it, and the spending of those that have ended. */
export interface Usage extends Account {
  /** Subtasks that workers have. */
  running: number;
}

/**
 * Each namespace in which something was given out has one, whatever its policy is: one that is made later counts what
 * was spent before. `default` has none, since it has no policy.
 */
export type Usages = Map<string, Usage>;

/** A subtask is given out in this namespace. */
export function noteOut(usages: Usages, namespace: string, subtask: Budgeted): void {
  for (const link of chainOf(namespace)) {
    if (link === ROOT_NAMESPACE) return;
    let usage = usages.get(link);
    if (usage === undefined) usages.set(link, (usage = newUsage()));
    usage.running++;
    reserve(usage, subtask);
  }
}

/** It ended or came back, and took this, as `settle` of budgets has it. */
export function noteBack(
  usages: Usages,
  namespace: string,
  subtask: Budgeted,
  spent: Spent | null,
  isSeen: boolean,
): void {
  for (const link of chainOf(namespace)) {
    const usage = usages.get(link);
    if (usage === undefined) return;
    usage.running--;
    settle(usage, subtask, spent, isSeen);
  }
}

/** The usage of a namespace in which nothing was ever given out. */
export function newUsage(): Usage {
  return { running: 0, ...newAccount() };
}
