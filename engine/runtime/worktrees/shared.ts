import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gitList, gitWith } from '../git/git.ts';

/** The prefix of the keys of branches in a state. */
const BRANCH = 'branch ';

/**
 * Returns the state that all worktrees of a repository share: its configuration, hooks, tags, branches and stash.
 * Excluded are git's own entries for submodules, tracked branches and large files, and the branches of attempts.
 */
export async function sharedStateOf(top: string, common: string): Promise<Map<string, string>> {
  const parts = await Promise.all([
    textOf(join(common, 'config')),
    filesIn(join(common, 'hooks'), 'hook'),
    filesIn(join(common, 'info'), 'info'),
    refsOf(top),
  ]);
  return new Map(parts.flatMap(part => [...part]));
}

/** The key of the configuration in a state. Its value is the text; the settings are parsed only when it differs. */
const CONFIGURATION = 'configuration';

const textOf = async (file: string): Promise<[string, string][]> => [
  [CONFIGURATION, await readFile(file, 'utf8').catch(() => '')],
];

/** Matches settings that git and its helpers write. */
const BY_GIT = /^(?:submodule\..*\.(?:url|active)|branch\..*|lfs\..*)$/i;

/** Returns a state with the settings of its configuration in place of the text. */
async function withKeys(
  top: string,
  state: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map(state);
  const input = Buffer.from(state.get(CONFIGURATION) ?? '');
  found.delete(CONFIGURATION);
  const listed = await gitWith(top, { input }, 'config', '--file', '-', '--list', '-z').catch(() => null);
  if (listed === null) return found.set(CONFIGURATION, 'can not be read');
  for (const entry of listed.split('\0')) {
    const [key = '', ...values] = entry.split('\n');
    const name = `${CONFIGURATION} ${key}`;
    if (key !== '' && !BY_GIT.test(key)) found.set(name, `${found.get(name) ?? ''}\0${values.join('\n')}`);
  }
  return found;
}

/**
 * Returns the keys in which two states of a checkout differ, `HEAD` for the commit or the branch. New branches are not
 * differences.
 */
export async function differences(
  top: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Promise<string[]> {
  const isConfigured = before.get(CONFIGURATION) !== after.get(CONFIGURATION);
  const [was, is] = isConfigured
    ? await Promise.all([withKeys(top, before), withKeys(top, after)])
    : [before, after];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter(name => was.get(name) !== is.get(name))
    .filter(name => was.has(name) || !name.startsWith(BRANCH))
    .sort();
}

async function filesIn(folder: string, kind: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(folder).catch(() => [])) {
    const stats = await lstat(join(folder, name)).catch(() => undefined);
    if (stats !== undefined) found.set(`${kind} ${name}`, `${stats.mtimeMs} ${stats.size} ${stats.mode}`);
  }
  return found;
}

async function refsOf(top: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const options = ['--format=%(objectname) %(refname)%00', 'refs/heads', 'refs/tags', 'refs/stash'];
  for (const line of await gitList(top, 'for-each-ref', ...options).catch(() => [])) {
    const [, id = '', kind = '', name = ''] = /^\s*(\S+) refs\/([^/]+)\/?(.*)$/s.exec(line) ?? [];
    if (id === '' || (kind === 'heads' && /^spl(?:\.\d+)?\//.test(name))) continue;
    found.set(kind === 'heads' ? BRANCH + name : kind === 'tags' ? `tag ${name}` : 'stash', id);
  }
  return found;
}
