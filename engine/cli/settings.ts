import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Host, Settings } from './host.ts';
import { text, toggle } from './verb.ts';

/** The options that every command takes. */
export const GLOBAL_FLAGS = [
  toggle('--json', 'print one JSON document (a line each while watching)'),
  text('--home <dir>', 'the coordinator’s home (SYNCROPEL_HOME, else ~/.syncro)', 'folders'),
  text('--url <url>', 'the coordinator’s URL, instead of the socket in the home (SPL_SERVE_URL)'),
  text(
    '--token <token>',
    'the token for --url (better in SPL_TOKEN, which others can’t see; else the home’s)',
  ),
  text('--actor <did>', 'in whose name (SPL_ACTOR)'),
] as const;

/** A flag beats the environment. In whose name to act is also the home's to say, so only the flag counts here. */
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

/**
 * A path that a person wrote, absolute. `~` is the user's own folder, also where no shell has put that in its place:
 * in `--home=~/x` none does.
 */
export function pathOf(given: string, { cwd, env }: Pick<Host, 'cwd' | 'env'>): string {
  const own = env['HOME'] || homedir();
  return resolve(cwd, given === '~' || given.startsWith('~/') ? `${own}${given.slice(1)}` : given);
}

/** A folder as people write it: `~/…` where it lies below the user's own. */
export function tildePath(path: string, env: Host['env']): string {
  const own = env['HOME'] || homedir();
  return path === own || path.startsWith(`${own}/`) ? `~${path.slice(own.length)}` : path;
}
