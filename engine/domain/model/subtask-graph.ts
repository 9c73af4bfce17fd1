import { NONE } from '../../subtask/subtask-ref.ts';

/** A subtask that may wait for others. */
export interface Dependent {
  /** The indices of its dependencies. */
  readonly depends_on: readonly number[];
}

/** Returns the indices of the direct dependants of each subtask, ascending. */
export function dependants(subtasks: readonly Dependent[]): readonly (readonly number[])[] {
  const lists: (number[] | undefined)[] = new Array<number[] | undefined>(subtasks.length);
  subtasks.forEach((subtask, index) => {
    for (const dependency of subtask.depends_on) (lists[dependency] ??= []).push(index);
  });
  return Array.from(lists, list => list ?? NONE);
}

/**
 * Returns the indices in an order in which everything comes after its dependencies, and which keeps the given order
 * where possible. The dependencies must not form a cycle, which `completeSubtasks` guarantees.
 */
export function topologicalOrder(subtasks: readonly Dependent[]): readonly number[] {
  return walk(subtasks).order;
}

/**
 * Walks depth first from each subtask to its dependencies, without recursion. `cycle` is the first cycle found, with
 * its first index repeated at the end; each index depends on the next. The order is then incomplete.
 */
export function walk(subtasks: readonly Dependent[]): { order: number[]; cycle: number[] | null } {
  const order: number[] = [];
  const placed = new Uint8Array(subtasks.length);
  // The number of visited dependencies. A subtask with a positive number that is not placed is on the path.
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
