import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Figure, Probe } from './figure.ts';

/** A probe that is this many times worse than its best indicates a busy machine. */
const FAR = 1.5;
/** So do runs of one probe that differ by this factor. */
const WIDE = 3;

/** More runs than this are single samples, which always differ widely: only their median counts. */
const MANY = 10;

/** The best result of each probe on this machine, by its name. */
type Best = Record<string, number>;

/**
 * Returns descriptions of the probes that are far from the quiet machine's results: from the best of all previous runs,
 * which a file keeps, or from each other in this run.
 * @param file null for a run that is too small to be compared with others
 */
export async function judgeQuiet(figures: readonly Figure[], file: string | null): Promise<string[]> {
  const best = file === null ? {} : await readBest(file);
  const words: string[] = [];
  for (const figure of figures) {
    for (const probe of figure.probes) {
      const name = `${figure.id}: ${probe.name}`;
      const quiet = better(probe.value, best[name] ?? probe.value, figure.better);
      best[name] = quiet;
      const times = worseBy(probe.value, quiet, figure.better);
      if (times > FAR) words.push(`'${name}' is ${times.toFixed(1)} times as bad as it was at its best here`);
      else if (width(probe) > WIDE)
        words.push(`'${name}' varied by ${width(probe).toFixed(1)} times within this run`);
    }
  }
  if (file !== null) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(best, null, 2) + '\n');
  }
  return words;
}

function better(one: number, other: number, direction: Figure['better']): number {
  return direction === 'higher' ? Math.max(one, other) : Math.min(one, other);
}

function worseBy(value: number, quiet: number, direction: Figure['better']): number {
  return direction === 'higher' ? quiet / value : value / quiet;
}

function width({ spread }: Probe): number {
  return spread.runs > MANY ? 1 : spread.max / spread.min;
}

async function readBest(file: string): Promise<Best> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Best;
  } catch {
    return {};
  }
}
