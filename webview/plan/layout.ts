import type { GraphMessage } from './protocol.ts';

/** Measures in pixels. */
export const NODE = { width: 172, height: 46, columnGap: 48, rowGap: 16, margin: 6 } as const;

export interface Placed {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly places: ReadonlyMap<number, Placed>;
}

/**
 * Lays a plan out in one column per layer. Subtasks with the same dependencies stand together, near the middle of those
 * (the barycentre heuristic of Sugiyama et al., 1981, in one pass).
 */
export function layoutOf({ nodes, edges }: Pick<GraphMessage, 'nodes' | 'edges'>): Layout {
  const places = new Map<number, Placed>();
  const before = new Map<number, number[]>();
  for (const { from, to } of edges) before.set(to, [...(before.get(to) ?? []), from]);
  const layers = [...new Set(nodes.map(({ layer }) => layer))].sort((a, b) => a - b);
  let height = 0;
  layers.forEach((layer, column) => {
    const centre = (id: number): number => {
      const froms = (before.get(id) ?? []).flatMap(from => places.get(from)?.y ?? []);
      return froms.length === 0 ? 0 : froms.reduce((sum, y) => sum + y, 0) / froms.length;
    };
    const inLayer = nodes.filter(node => node.layer === layer).map(({ id }) => ({ id, centre: centre(id) }));
    inLayer.sort((a, b) => a.centre - b.centre || a.id - b.id);
    inLayer.forEach(({ id }, row) => {
      const x = NODE.margin + column * (NODE.width + NODE.columnGap);
      const y = NODE.margin + row * (NODE.height + NODE.rowGap);
      places.set(id, { id, x, y });
      height = Math.max(height, y + NODE.height + NODE.margin);
    });
  });
  const width = NODE.margin * 2 + layers.length * (NODE.width + NODE.columnGap) - NODE.columnGap;
  return { width: Math.max(width, 0), height, places };
}
