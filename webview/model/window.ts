/** The drawn part of a long list with rows of one height: the visible rows and a few around them. */
export interface Window {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

const AROUND = 6;

export function windowOf(scrollTop: number, heightPx: number, rowPx: number, count: number): Window {
  const first = Math.min(Math.max(0, Math.floor(scrollTop / rowPx) - AROUND), count);
  const end = Math.min(count, Math.ceil((scrollTop + heightPx) / rowPx) + AROUND);
  return { first, end: Math.max(first, end) };
}

/** Returns the scroll position that makes the row visible, with the least movement. */
export function scrollTo(row: number, scrollTop: number, heightPx: number, rowPx: number): number {
  const top = row * rowPx;
  if (top < scrollTop) return top;
  return top + rowPx > scrollTop + heightPx ? top + rowPx - heightPx : scrollTop;
}
