import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Host, Settings } from './host.ts';
import { text, toggle } from './verb.ts';

/** The options of every command. */
export const GLOBAL_FLAGS = [
  toggle('--json', 'Print JSON: one document, or one per line while watching'),
  text('--home <dir>', 'Home of the coordinator (default: SYNCROPEL_HOME, else ~/.syncro)', 'folders'),
  text('--url <url>', 'URL of the coordinator, instead of the socket in the home (default: SPL_SERVE_URL)'),
  text(
    '--token <token>',
    'Token for --url (default: SPL_TOKEN, which other users can’t see, else the token of the home)',
  ),
  text('--actor <id>', 'Person or agent who acts, as did:sync:… (default: SPL_ACTOR)'),
] as const;

/**
 * Reads the global options. A flag overrides the environment. `actor` is the flag alone, because the home may also name
 * an actor.
 */
export function settingsFrom(
  globals: Readonly<Record<string, unknown>>,
  { env, cwd }: Pick<Host, 'env' | 'cwd'>,
): Settings {
  const pick = (flag: string, variable: string): string | null => {
    const given = globals[flag];
    if (typeof given === 'string') return given;
    const inherited = env[variable];
    return inherited === undefined || inherited === '' ? null : inherited;
  };
  return {
    json: globals['json'] === true,
    home: pathOf(pick('home', 'SYNCROPEL_HOME') ?? '~/.syncro', { cwd, env }),
    url: pick('url', 'SPL_SERVE_URL'),
    token: pick('token', 'SPL_TOKEN'),
    actor: typeof globals['actor'] === 'string' ? globals['actor'] : null,
  };
}

/** Makes a path absolute. Expands `~` as well, because shells do not in `--home=~/x`. */
export function pathOf(given: string, { cwd, env }: Pick<Host, 'cwd' | 'env'>): string {
  const own = env['HOME'] || homedir();
  return resolve(cwd, given === '~' || given.startsWith('~/') ? `${own}${given.slice(1)}` : given);
}

/** Shortens a path below the user's home folder to `~/…`. */
export function tildePath(path: string, env: Host['env']): string {
  const own = env['HOME'] || homedir();
  return path === own || path.startsWith(`${own}/`) ? `~${path.slice(own.length)}` : path;
}
