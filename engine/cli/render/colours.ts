import { createColors } from 'picocolors';

/** The colours in use. Without colour, each returns its text unchanged. */
export interface Colours {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly magenta: (text: string) => string;
}

/** Returns colours for a terminal, unless its user has set NO_COLOR. */
export function coloursFor(isTTY: boolean, env: Readonly<Record<string, string | undefined>>): Colours {
  const wanted = isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const { bold, dim, red, green, yellow, cyan, blue, magenta } = createColors(wanted);
  return { bold, dim, red, green, yellow, cyan, blue, magenta };
}

export const noColours: Colours = coloursFor(false, {});
