import { WHENS } from '../../subtask/when.ts';
import type { PlanOutline } from '../plan.ts';
import { patternOf } from './patterns.ts';

/** A node of a plan's graph: one subtask as written, with any number of subtasks from its matrix. */
export interface GraphNode {
  /** The place in the list of subtasks. */
  readonly id: number;
  readonly name: string;
  /** The executor or the command of the subtask. */
  readonly detail: string;
  readonly count: number;
  /** The range in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
  /** The length of the longest chain of subtasks before this one; 0 without dependencies. */
  readonly layer: number;
  /** `failed` and `always` are follow-ups, outside the join. */
  readonly when: (typeof WHENS)[number];
}

/** The subtasks of a plan and their dependencies. */
export interface PlanGraph {
  readonly goal: string;
  readonly join: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

/** Returns the graph of a plan. Subtasks in a cycle get the layer in which they are first met. */
export function graphOf(outline: PlanOutline): PlanGraph {
  const { subtasks, drafts } = outline;
  const writtenAt = new Map(
    subtasks.flatMap(({ indices }, id) => indices.map(index => [index, id] as const)),
  );
  const edges = subtasks.flatMap(({ indices }, to) => {
    const on = indices.flatMap(index => (drafts[index]!.body['depends_on'] ?? []) as readonly number[]);
    return [...new Set(on.map(index => writtenAt.get(index)!))].map(from => ({ from, to }));
  });
  const layers = layersOf(subtasks.length, edges);
  const nodes = subtasks.map(({ name, indices, range }, id) => {
    const body = drafts[indices[0] ?? -1]?.body ?? {};
    const detail = body['run'] ?? body['executor'] ?? '';
    return {
      id,
      name: name === null ? `[${id}]` : patternOf(name.value),
      detail: typeof detail === 'string' ? detail : '',
      count: indices.length,
      start: range.start,
      end: range.end,
      layer: layers[id]!,
      when: WHENS.find(each => each === body['when']) ?? 'accepted',
    };
  });
  return { goal: outline.goal?.value ?? '', join: outline.join?.value ?? 'all', nodes, edges };
}

function layersOf(count: number, edges: PlanGraph['edges']): readonly number[] {
  const before: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of edges) if (from !== to) before[to]!.push(from);
  const layers = new Array<number>(count).fill(-1);
  const path: { readonly id: number; next: number }[] = [];
  const onPath = new Set<number>();
  for (let begin = 0; begin < count; begin++) {
    if (layers[begin] === -1) path.push({ id: begin, next: 0 });
    while (path.length > 0) {
      const top = path.at(-1)!;
      onPath.add(top.id);
      const next = before[top.id]![top.next++];
      if (next === undefined) {
        layers[top.id] = Math.max(-1, ...before[top.id]!.map(from => layers[from]!)) + 1;
        onPath.delete(top.id);
        path.pop();
      } else if (layers[next] === -1 && !onPath.has(next)) path.push({ id: next, next: 0 });
    }
  }
  return layers;
}
