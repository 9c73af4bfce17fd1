import { NONE } from '../../subtask/subtask-ref.ts';

/** A subtask that may wait for others. */
export interface Dependent {
  /** The indices of those. */
  readonly depends_on: readonly number[];
}

/** For each subtask, the indices of those that depend on it directly, ascending. */
export function dependants(subtasks: readonly Dependent[]): readonly (readonly number[])[] {
  const lists: (number[] | undefined)[] = new Array<number[] | undefined>(subtasks.length);
  subtasks.forEach((subtask, index) => {
    for (const dependency of subtask.depends_on) (lists[dependency] ??= []).push(index);
  });
  return Array.from(lists, list => list ?? NONE);
}

/**
 * The indices in an order in which everything comes after what it depends on, and which leaves the given order
 * alone where it can. The dependencies must make no cycle, which `completeSubtasks` sees to.
 */
export function topologicalOrder(subtasks: readonly Dependent[]): readonly number[] {
  return walk(subtasks).order;
}

/**
 * Walks depth first from each subtask to what it depends on, without recursion. `cycle` is the first that is met, its
 * first index repeated at the end, each depending on the next; the order then breaks off.
 */
export function walk(subtasks: readonly Dependent[]): { order: number[]; cycle: number[] | null } {
  const order: number[] = [];
  const placed = new Uint8Array(subtasks.length);
  // The number of its dependencies that were looked at; above 0 and not placed, it is on the path.
  const looked = new Uint32Array(subtasks.length);
  const path: number[] = [];
  for (let start = 0; start < subtasks.length; start++) {
    if (!placed[start]) path.push(start);
    while (path.length > 0) {
      const index = path[path.length - 1]!;
      const next = subtasks[index]!.depends_on[looked[index]!++];
      if (next === undefined) {
        order.push(index);
        placed[index] = 1;
        path.pop();
      } else if (!placed[next]) {
        if (looked[next]! > 0) return { order, cycle: [...path.slice(path.indexOf(next)), next] };
        path.push(next);
      }
    }
  }
  return { order, cycle: null };
}
