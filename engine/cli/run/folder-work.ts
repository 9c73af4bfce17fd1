import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { namedManager, packageSchema, type Manager, type Package } from '../../plan/draft/package-manager.ts';

/** A script of `package.json`, as a subtask. */
export interface ScriptSubtask {
  readonly name?: string;
  readonly goal: string;
  readonly run: string;
  readonly depends_on?: number[];
}

/** Names of scripts that need no quotes in a command. */
const SCRIPT = /^[A-Za-z0-9_][A-Za-z0-9_:.@/-]*$/;

/** Names of scripts that run one after another. */
const CHAIN = /^[\w:.@/-]+(?:,[\w:.@/-]+)+$/;

/** Returns the names of the plan files in a folder, sorted. */
export async function planFilesIn(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder);
  return names.filter(name => /^[^.].*\.fanout\.ya?ml$/.test(name)).sort();
}

/** Returns the names of the scripts in a folder's `package.json` that need no quotes. */
export async function scriptsIn(folder: string): Promise<readonly string[]> {
  const scripts = (await packageIn(folder))?.scripts ?? {};
  return Object.keys(scripts).filter(name => typeof scripts[name] === 'string' && SCRIPT.test(name));
}

/** Returns the names in a word: several joined by commas run one after another. */
export const linksOf = (word: string): readonly string[] => (CHAIN.test(word) ? word.split(',') : [word]);

/**
 * Returns a subtask per script if all words name scripts of the folder's `package.json`, else null. In a word with
 * commas, each script depends on the one before it.
 */
export async function scriptsNamed(
  folder: string,
  words: readonly string[],
): Promise<readonly ScriptSubtask[] | null> {
  const scripts = new Set(await scriptsIn(folder));
  const links = words.flatMap(word => linksOf(word).map((name, nth) => ({ name, isFirst: nth === 0 })));
  if (!links.every(({ name }) => scripts.has(name))) return null;
  const manager = await managerFor(folder);
  const isUnique = new Set(links.map(({ name }) => name)).size === links.length;
  return links.map(({ name, isFirst }, index) => {
    const run = `${manager} run ${name}`;
    return { ...(isUnique && { name }), goal: run, run, ...(!isFirst && { depends_on: [index - 1] }) };
  });
}

/** Returns the package manager that a folder names, or the nearest one above it within its repository; else npm. */
async function managerFor(folder: string): Promise<Manager> {
  const names = new Set(await namesIn(folder));
  const has = (...wanted: readonly string[]): boolean => wanted.some(name => names.has(name));
  const found = namedManager({ has }, (await packageIn(folder)) ?? {});
  const above = dirname(folder);
  return found ?? (above === folder || names.has('.git') ? 'npm' : managerFor(above));
}

async function packageIn(folder: string): Promise<Package | null> {
  try {
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const read = v.safeParse(packageSchema, JSON.parse(text));
    return read.success ? read.output : null;
  } catch {
    return null;
  }
}

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);
