import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { printable } from '../../../contract/format.ts';
import { isInstalled } from '../../../home/installed.ts';
import { FleetError, messageOf, systemCodeOf } from '../../../errors.ts';
import { AGENTS, planDraft, type FolderFacts } from '../../../plan/plan-draft.ts';
import { defineVerb, maybeWord } from '../../verb.ts';
import { pathOf } from '../../settings.ts';

export const planInit = defineVerb({
  path: 'plan init',
  summary: 'Write a first plan file for this folder',
  description: [
    'Adds a subtask for each check among the scripts of package.json or the targets of the Makefile. Without any, adds',
    'one for each test folder. Never overwrites a file.',
  ].join('\n'),
  examples: [
    ['spl plan init', 'write check.fanout.yaml'],
    ['spl plan init release.fanout.yaml', 'choose the file name'],
  ],
  positionals: { file: maybeWord('file', 'File to write (default: check.fanout.yaml)', 'files') },
  flags: {},
  async run(context, { file = 'check.fanout.yaml' }) {
    const text = planDraft({ ...(await factsOf(context.cwd)), agent: await agentOf(context.env) });
    await writeNew(pathOf(file, context), file, text);
    context.print({ file }, () => [
      `${context.out.colours.green('✓')} ${printable(file)} written`,
      `  check it: spl plan check ${printable(file)}`,
      `  run it:   spl task add "…" --alias CHECK-1 && spl task fan-out CHECK-1 --plan ${printable(file)} --wait`,
    ]);
  },
});

/** Writes a new file. @throws CONFLICT if it exists */
async function writeNew(path: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    const isThere = systemCodeOf(cause) === 'EEXIST';
    throw new FleetError(
      isThere ? 'CONFLICT' : 'INVALID_RECORD',
      isThere
        ? `the file '${file}' exists already`
        : `the file '${file}' can't be written: ${messageOf(cause)}`,
      {
        details: { file },
        cause,
        ...(isThere ? { hint: 'Choose another name: spl plan init other.fanout.yaml' } : {}),
      },
    );
  }
}

async function agentOf(env: NodeJS.ProcessEnv): Promise<FolderFacts['agent']> {
  for (const agent of AGENTS) if (await isInstalled(agent, env)) return agent;
  return null;
}

async function factsOf(folder: string): Promise<Omit<FolderFacts, 'agent'>> {
  const [scripts, targets, ...tests] = await Promise.all([
    scriptsOf(folder),
    targetsOf(folder),
    ...['test', 'tests'].map(name => foldersIn(folder, name)),
  ]);
  return { name: basename(folder) || 'this folder', scripts, targets, testFolders: tests.flat() };
}

/** Returns the names of the scripts; none if package.json is missing or malformed. */
async function scriptsOf(folder: string): Promise<readonly string[]> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const scripts: unknown = (parsed as { scripts?: unknown } | null)?.scripts;
    return typeof scripts === 'object' && scripts !== null ? Object.keys(scripts) : [];
  } catch {
    return [];
  }
}

async function targetsOf(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, 'Makefile'), 'utf8').catch(() => '');
  const names = Array.from(text.matchAll(/^([A-Za-z0-9][A-Za-z0-9_.-]*)\s*:(?!=)/gm), match => match[1]!);
  return [...new Set(names)];
}

async function foldersIn(folder: string, name: string): Promise<readonly string[]> {
  const entries = await readdir(join(folder, name), { withFileTypes: true }).catch(() => []);
  return entries.filter(entry => entry.isDirectory()).map(entry => `${name}/${entry.name}`);
}
