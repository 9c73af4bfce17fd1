import { chainOf, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { newAccount, reserve, settle, type Account, type Budgeted, type Spent } from './budgets.ts';

/** The running attempts in a namespace and all below it, and the spending of those that have ended. */
export interface Usage extends Account {
  /** The number of subtasks assigned to workers. */
  running: number;
}

/**
 * The usage of each namespace in which a subtask was assigned, with or without a policy: a later policy counts earlier
 * spending. `default` has none, because it has no policy.
 */
export type Usages = Map<string, Usage>;

/** Records that a subtask of this namespace was assigned. */
export function countStart(usages: Usages, namespace: string, subtask: Budgeted): void {
  for (const link of chainOf(namespace)) {
    if (link === ROOT_NAMESPACE) return;
    let usage = usages.get(link);
    if (usage === undefined) usages.set(link, (usage = newUsage()));
    usage.running++;
    reserve(usage, subtask);
  }
}

/** Records that the subtask ended or came back, with its spending, as `settle` of budgets takes it. */
export function countEnd(
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

/** Returns the usage of a namespace in which nothing was ever assigned. */
export function newUsage(): Usage {
  return { running: 0, ...newAccount() };
}
