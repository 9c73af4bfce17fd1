/** Texts fitted into the room that they have; figures are written as everywhere (`engine/contract/format.ts`). */

/** The text, cut so that it takes at most `widthPx` where a character takes about `charPx`; empty when nothing fits. */
export function fitText(text: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (text.length <= chars) return text;
  return chars < 3 ? '' : `${text.slice(0, chars - 1).trimEnd()}…`;
}

/** The same for names that differ at their ends, as `worker-1` and `worker-12`: cut in the middle. */
export function fitName(name: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (name.length <= chars) return name;
  const tail = Math.ceil((chars - 1) / 2);
  return chars < 3 ? '' : `${name.slice(0, chars - 1 - tail)}…${name.slice(-tail)}`;
}
