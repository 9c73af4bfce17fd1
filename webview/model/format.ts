/** Fits texts into their space. `engine/contract/format.ts` formats figures. */

/** Cuts a text to at most `widthPx`, at about `charPx` per character; empty if nothing fits. */
export function fitText(text: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (text.length <= chars) return text;
  return chars < 3 ? '' : `${text.slice(0, chars - 1).trimEnd()}…`;
}

/** Cuts a name in the middle, because names such as `worker-1` and `worker-12` differ at their ends. */
export function fitName(name: string, widthPx: number, charPx: number): string {
  const chars = Math.floor(widthPx / charPx);
  if (name.length <= chars) return name;
  const tail = Math.ceil((chars - 1) / 2);
  return chars < 3 ? '' : `${name.slice(0, chars - 1 - tail)}…${name.slice(-tail)}`;
}
