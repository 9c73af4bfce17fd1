import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { FleetError } from '../../errors.ts';
import { likeness, nearestName } from '../../plan/picked.ts';
import type { PlannedSubtask } from '../../plan/plan.ts';
import type { Host } from '../host.ts';
import { NO_FLEET, readPlanFile, type PlanFile } from '../plans.ts';
import { linksOf, planFilesIn, scriptsIn } from './folder-work.ts';

type Folder = Pick<Host, 'cwd' | 'env' | 'checkPlan'>;

/** The names that words of a command line may stand for in a folder. */
export interface FolderNames {
  /** The scripts of `package.json`. */
  readonly scripts: readonly string[];
  /** The subtasks of the folder's only plan. */
  readonly subtasks: readonly string[];
}

/** Returns the subtasks of a plan. One that lacks a param has no request, and its subtasks have names nevertheless. */
export function subtasksIn({ request, outline }: PlanFile): readonly PlannedSubtask[] {
  return request?.subtasks ?? outline?.drafts.map(({ body }) => body as unknown as PlannedSubtask) ?? [];
}

/** Reads the names of a folder. A plan that cannot be read has none. */
export async function namesOfFolder(folder: Folder): Promise<FolderNames> {
  const [file, ...others] = await planFilesIn(folder.cwd);
  const plan =
    file === undefined || others.length > 0
      ? null
      : await readPlanFile(folder, file, NO_FLEET).catch(() => null);
  const subtasks = plan === null ? [] : subtasksIn(plan).flatMap(({ name }) => name ?? []);
  return { scripts: await scriptsIn(folder.cwd), subtasks };
}

/** Returns true for the name of a script, for several joined by commas, and for a name or a pattern of subtasks. */
export function isNameIn({ scripts, subtasks }: FolderNames, word: string): boolean {
  if (linksOf(word).every(name => scripts.includes(name)) || subtasks.includes(word)) return true;
  return word.includes('*') && subtasks.some(likeness(word));
}

/** Returns true for words joined by commas of which one names a script: the others may be misspelt. */
export const isChainIn = ({ scripts }: FolderNames, word: string): boolean =>
  word.includes(',') && linksOf(word).some(name => scripts.includes(name));

/** Matches a word that may be a name or a program, and no other command. */
const PLAIN = /^[\w.:@+-]+$/;

/**
 * Checks the words that are to run as commands.
 * @throws USAGE for a word that is probably a misspelt name, and for one that is a name among commands
 */
export async function requireCommands(folder: Folder, words: readonly string[]): Promise<void> {
  const all = words.flatMap(linksOf);
  const plain = all.filter(word => PLAIN.test(word));
  if (plain.length === 0) return;
  const names = await namesOfFolder(folder);
  const known = [...names.scripts, ...names.subtasks];
  if (known.length === 0) return;
  for (const word of plain) {
    const near = known.includes(word) ? undefined : nearestName(word, known);
    if (near === undefined || (await isProgram(word, folder))) continue;
    throw new FleetError('USAGE', `there is no script, subtask or program '${word}'`, {
      hint: `Did you mean ${near}?`,
    });
  }
  const name = plain.find(word => known.includes(word));
  const other = all.find(word => !known.includes(word));
  if (name !== undefined && other === undefined && all.length > words.length) throw chained();
  if (name === undefined || other === undefined) return;
  if (words.some(word => /\s/.test(word)) && (await isProgram(name, folder))) return;
  const near = nearestName(other, known);
  const kind = names.scripts.includes(name) ? 'a script' : 'a subtask of the plan';
  throw new FleetError('USAGE', `'${name}' is ${kind}, and '${other}' is not`, {
    hint: `${near === undefined ? '' : `Did you mean ${near}?\n`}Give only names, or only commands, such as 'npm run ${name}'.`,
  });
}

const chained = (): FleetError =>
  new FleetError('USAGE', 'only scripts of package.json can be joined by commas', {
    hint: 'What waits for what in a plan is written there, with depends.',
  });

/** Returns true for a program on the search path. Without one, it is unknown, and true. */
async function isProgram(word: string, { env }: Folder): Promise<boolean> {
  const path = env['PATH'];
  if (path === undefined) return true;
  const found = path.split(delimiter).map(dir =>
    access(join(dir, word), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).includes(true);
}
