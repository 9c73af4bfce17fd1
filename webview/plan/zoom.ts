/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Bounds of the scale. A smaller graph is unreadable; one that fits is never enlarged. */
const LEAST = 0.3;
const MOST = 3;
const STEP = 1.25;

/** Returns the scale at which a graph fits into the room, within the bounds; 1 for a room of unknown size. */
export function fitting(graph: Size, room: Size): number {
  if (room.width <= 0 || graph.width <= 0 || graph.height <= 0) return 1;
  const byHeight = room.height <= 0 ? 1 : room.height / graph.height;
  return Math.max(LEAST, Math.min(1, room.width / graph.width, byHeight));
}

/** Returns the scale after some steps in or, if negative, out. */
export const zoomed = (scale: number, steps: number): number =>
  Math.min(MOST, Math.max(LEAST, scale * STEP ** steps));
