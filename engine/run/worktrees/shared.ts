import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gitList } from './git.ts';

/** How the names of branches begin in a state. */
export const BRANCH = 'branch ';

/**
 * The state of what all worktrees of a repository share: its configuration, hooks, tags, branches and stash, by names that
 * say which it is. Git's own notes about submodules, tracked branches and large files are left out, and so are the branches of
 * attempts.
 */
export async function sharedStateOf(top: string, common: string): Promise<Map<string, string>> {
  const parts = await Promise.all([
    configurationOf(top, join(common, 'config')),
    filesIn(join(common, 'hooks'), 'hook'),
    filesIn(join(common, 'info'), 'info'),
    refsOf(top),
  ]);
  return new Map(parts.flatMap(part => [...part]));
}

/** Matches keys that git and its helpers write by themselves. */
const BY_GIT = /^(?:submodule\..*\.(?:url|active)|branch\..*|lfs\..*)$/i;

async function configurationOf(top: string, file: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const told = await gitList(top, 'config', '--file', file, '--no-includes', '--list', '-z').catch(
    () => null,
  );
  if (told === null) return found.set('configuration', 'can not be read');
  for (const entry of told) {
    const [key = '', ...values] = entry.split('\n');
    const name = `configuration ${key}`;
    if (!BY_GIT.test(key)) found.set(name, `${found.get(name) ?? ''}\0${values.join('\n')}`);
  }
  return found;
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
  const words = ['--format=%(objectname) %(refname)%00', 'refs/heads', 'refs/tags', 'refs/stash'];
  for (const line of await gitList(top, 'for-each-ref', ...words).catch(() => [])) {
    const [, id = '', kind = '', name = ''] = /^\s*(\S+) refs\/([^/]+)\/?(.*)$/s.exec(line) ?? [];
    if (id === '' || (kind === 'heads' && /^spl(?:\.\d+)?\//.test(name))) continue;
    found.set(kind === 'heads' ? BRANCH + name : kind === 'tags' ? `tag ${name}` : 'stash', id);
  }
  return found;
}
