import type { GraphMessage } from './protocol.ts';

/** Measures in pixels. */
export const NODE = { width: 172, height: 46, layerGap: 48, gap: 16, margin: 6 } as const;

export interface Placed {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly direction: Direction;
  readonly places: ReadonlyMap<number, Placed>;
}

/** The way that dependencies go: to the right suits a wide window, downwards a narrow one. */
export type Direction = 'right' | 'down';

/**
 * Lays a plan out in one column per layer, or in one row. Subtasks with the same dependencies stand together, near the
 * middle of those (the barycentre heuristic of Sugiyama et al., 1981, in one pass).
 */
export function layoutOf(
  { nodes, edges }: Pick<GraphMessage, 'nodes' | 'edges'>,
  direction: Direction = 'right',
): Layout {
  const positions = new Map<number, number>();
  const places = new Map<number, Placed>();
  const before = new Map<number, number[]>();
  for (const { from, to } of edges) before.set(to, [...(before.get(to) ?? []), from]);
  const layers = [...new Set(nodes.map(({ layer }) => layer))].sort((a, b) => a - b);
  let [width, height] = [0, 0];
  layers.forEach((layer, depth) => {
    const centre = (id: number): number => {
      const froms = (before.get(id) ?? []).flatMap(from => positions.get(from) ?? []);
      return froms.length === 0 ? 0 : froms.reduce((sum, position) => sum + position, 0) / froms.length;
    };
    const inLayer = nodes.filter(node => node.layer === layer).map(({ id }) => ({ id, centre: centre(id) }));
    inLayer.sort((a, b) => a.centre - b.centre || a.id - b.id);
    inLayer.forEach(({ id }, position) => {
      positions.set(id, position);
      const place = placeOf(id, depth, position, direction);
      places.set(id, place);
      width = Math.max(width, place.x + NODE.width + NODE.margin);
      height = Math.max(height, place.y + NODE.height + NODE.margin);
    });
  });
  return { width, height, direction, places };
}

function placeOf(id: number, depth: number, position: number, direction: Direction): Placed {
  const [column, row] = direction === 'right' ? [depth, position] : [position, depth];
  const [columnGap, rowGap] = direction === 'right' ? [NODE.layerGap, NODE.gap] : [NODE.gap, NODE.layerGap];
  const x = NODE.margin + column * (NODE.width + columnGap);
  return { id, x, y: NODE.margin + row * (NODE.height + rowGap) };
}
