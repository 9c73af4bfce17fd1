import * as fs from 'node:fs/promises';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { writeAtomically } from './files.ts';
import type { HomePaths } from './paths.ts';

/** The longest id of a namespace, and a line end. */
const MAX_CHARS = 257;

/**
 * Returns the namespace of commands that name none, as chosen for this home; null when none was chosen.
 * @throws HOME_INVALID when the file holds something else.
 */
export async function readUsedNamespace({ usedNamespace: file }: HomePaths): Promise<string | null> {
  let content: string;
  try {
    content = await fs.readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return null;
    throw invalid(file, `is not readable: ${messageOf(cause)}`, cause);
  }
  if (content.length <= MAX_CHARS && /^\S+\n?$/.test(content)) return content.trim();
  throw invalid(file, 'does not hold the id of a namespace');
}

/** Chooses the namespace; null removes the choice. @throws NOT_FOUND when there is no such home. */
export async function writeUsedNamespace(
  { home, homeJson, usedNamespace: file }: HomePaths,
  id: string | null,
): Promise<void> {
  if (id === null) return fs.rm(file, { force: true });
  await fs.access(homeJson).catch((cause: unknown) => {
    throw new FleetError('NOT_FOUND', `there is no home at '${home}' to store the namespace in use`, {
      details: { home },
      hint: 'Choose another home with --home, or create one: spl fleet start',
      cause,
    });
  });
  await writeAtomically(file, `${id}\n`, 0o600);
}

function invalid(file: string, what: string, cause?: unknown): FleetError {
  return new FleetError('HOME_INVALID', `'${file}' ${what}`, {
    details: { path: file },
    hint: 'Choose a namespace again: spl namespace use default',
    ...(cause === undefined ? {} : { cause }),
  });
}
