import { coloursFor } from '../../cli/render/colours.ts';

/** The colours of standard output. */
export const colours = coloursFor(process.stdout.isTTY, process.env);

export function print(text: string): void {
  process.stdout.write(text);
}

export function printLines(lines: readonly string[]): void {
  print(lines.map(line => `${line}\n`).join(''));
}
