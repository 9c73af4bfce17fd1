/** Fits texts into their space, and formats times of the day. `engine/contract/format.ts` formats figures. */

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

/** Formats a time in the zone and the language of the page: with the date unless it is today. */
export function localTime(unixSecs: number): string {
  const at = new Date(unixSecs * 1000);
  const language = document.documentElement.lang || undefined;
  const isToday = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(language, {
    ...(isToday ? {} : { year: 'numeric', month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}
