import type { WorkRef } from '../targets.ts';

/** A row of the tree of fan-outs. A range is a row for many subtasks, so that a tree need not hold every subtask. */
export type Node =
  WorkRef | { readonly kind: 'range'; readonly thread: string; readonly from: number; readonly to: number };

/** Returns the id of a row, which stays the same when the window is reloaded. */
export function idOf(node: Node): string {
  switch (node.kind) {
    case 'task':
      return node.thread;
    case 'range':
      return `${node.thread}/${node.from}-${node.to}`;
    case 'child':
      return `${node.thread}/${node.index}`;
    case 'attempt':
      return `${node.thread}/${node.index}/${node.attempt}`;
  }
}

/** The most rows below one row. More rows are grouped into ranges. */
export const RANGE = 100;

/** Returns the rows below a task with this many subtasks. */
export function rowsBelowTask(thread: string, subtasks: number): readonly Node[] {
  return subtasks <= RANGE ? childRows(thread, 0, subtasks) : rangeRows(thread, subtasks);
}

/** Returns the rows of the subtasks from `from` up to, but not including, `to`. */
export function childRows(thread: string, from: number, to: number): readonly Node[] {
  return Array.from({ length: to - from }, (_, i) => ({ kind: 'child', thread, index: from + i }));
}

function rangeRows(thread: string, subtasks: number): readonly Node[] {
  return Array.from({ length: Math.ceil(subtasks / RANGE) }, (_, i) => ({
    kind: 'range',
    thread,
    from: i * RANGE,
    to: Math.min((i + 1) * RANGE, subtasks),
  }));
}

/** Returns the parent of a row; undefined for a task. */
export function parentOf(node: Node, subtasksOf: (thread: string) => number): Node | undefined {
  switch (node.kind) {
    case 'task':
      return undefined;
    case 'range':
      return { kind: 'task', thread: node.thread };
    case 'child': {
      const subtasks = subtasksOf(node.thread);
      if (subtasks <= RANGE) return { kind: 'task', thread: node.thread };
      const from = node.index - (node.index % RANGE);
      return { kind: 'range', thread: node.thread, from, to: Math.min(from + RANGE, subtasks) };
    }
    case 'attempt':
      return { kind: 'child', thread: node.thread, index: node.index };
  }
}
