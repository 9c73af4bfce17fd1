import { FleetError } from '../../errors.ts';
import { nearestName } from '../../plan/picked.ts';
import { catalogue, FIRST_WORDS } from '../catalogue.ts';
import type { Host } from '../host.ts';
import { GLOBAL_FLAGS } from '../settings.ts';
import { toOption } from '../verb.ts';
import { run } from '../verbs/run.ts';
import { isChainIn, isNameIn, namesOfFolder } from './folder-names.ts';
import { isPlan } from './requests.ts';

/** Matches the options that say how to read the words. */
const SAYS_RUN = /^(?:-e|--each(?:=|$)|--agent(?:=|$))/;

/**
 * Completes a command line whose first word is no command. Options of `spl run` may stand before that word. `run` is
 * implied for a command line in quotes, a plan file, and the name of a script or subtask of the folder; nothing else is
 * run, so that a misspelt command runs nothing.
 * @returns the words with `run` before them; null if the parser must refuse or print what they ask for
 * @throws USAGE for a first word that is none of these, with the command or name that is near
 */
export async function impliedRun(
  words: readonly string[],
  host: Pick<Host, 'cwd' | 'env' | 'checkPlan'>,
): Promise<readonly string[] | null> {
  const at = firstWordIn(words);
  if (words.slice(0, at).some(word => SAYS_RUN.test(word))) return ['run', ...words];
  const first = words[at];
  if (first === undefined || FIRST_WORDS.has(first)) return null;
  if (/\s/.test(first) || (await isPlan(host, first))) return ['run', ...words];
  const names = await namesOfFolder(host);
  if (isNameIn(names, first) || isChainIn(names, first)) return ['run', ...words];
  const shown = catalogue.flatMap(({ path, hidden }) => (hidden === true ? [] : path.split(' ', 1)));
  const near = nearestName(first, [...shown, ...names.scripts, ...names.subtasks]);
  const line = words.slice(at).join(' ');
  const isOneCommand = line !== first && !words.slice(at).some(word => /[\s']|^--/.test(word));
  const quoted = isOneCommand ? `\nA command line needs quotes: spl '${line}'` : '';
  throw new FleetError('USAGE', `unknown command '${first}'`, {
    hint: near === undefined ? `See: spl --help${quoted}` : `Did you mean ${near}?`,
  });
}

/** Returns the place of the first word that is neither an option nor its value; the number of words without one. */
function firstWordIn(words: readonly string[]): number {
  const options = [...GLOBAL_FLAGS, ...Object.values(run.flags)].map(toOption);
  let at = 0;
  while (words[at]?.startsWith('-')) {
    const given = words[at];
    at += options.some(({ required, long, short }) => required && [long, short].includes(given)) ? 2 : 1;
  }
  return Math.min(at, words.length);
}
