/** Texts fitted into their room. Figures are formatted by `engine/contract/format.ts`. */

/** Cuts a text to at most `widthPx`, at about `charPx` for a character; empty when nothing fits. */
export function fitText(text: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (text.length <= chars) return text;
  return chars < 3 ? '' : `${text.slice(0, chars - 1).trimEnd()}…`;
}

/** Cuts a name in the middle, because names differ at their ends, as `worker-1` and `worker-12`. */
export function fitName(name: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (name.length <= chars) return name;
  const tail = Math.ceil((chars - 1) / 2);
  return chars < 3 ? '' : `${name.slice(0, chars - 1 - tail)}…${name.slice(-tail)}`;
}
