import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { readKey, type InstanceKey } from '../record/signing.ts';
import { requireOwner, requirePrivate } from './access.ts';
import { readConfig, type Config } from './config.ts';
import { makeFolders, makeHome, makeToken, MARKER, repairHint, whyUnwritable } from './create.ts';
import { shellQuoted } from './files.ts';
import { homePaths, type HomePaths } from './paths.ts';

/** The format of the homes that this version makes and opens. */
export const HOME_FORMAT = 1;

/** A complete home, private to this user. */
export interface Home {
  readonly paths: HomePaths;
  readonly key: InstanceKey;
  /** The bearer token of the HTTP port, 43 characters base64url. */
  readonly token: string;
  readonly config: Config;
  /** The version that made the home. */
  readonly version: string;
}

export type OpenHomeOptions =
  /** Only reads, as a client does. */
  | { readonly create: false }
  /** Makes missing parts, as an instance does, and records this version. */
  | { readonly create: true; readonly version: string };

/**
 * Opens the home of one instance, or makes it in a folder that is missing, empty or half-made. Two processes that make
 * the same home at once get the same one. Does not take the lease.
 * @throws NOT_FOUND when there is no home and `create` is false.
 * @throws HOME_INVALID, with nothing changed, when the folder holds something else, or the home is damaged, not
 * writable, or open to other users; the hint names the command that repairs it.
 * @throws HOME_NEWER when a later version made it in a format of its own.
 */
export async function openHome(dir: string, options: OpenHomeOptions): Promise<Home> {
  const paths = homePaths(dir);
  if (!(await isHome(paths))) {
    if (!options.create) throw notFound(paths);
    await makeHome(paths, { format: HOME_FORMAT, version: options.version });
  }
  return readHome(paths, options.create);
}

/** @throws HOME_INVALID when the folder is no home and must not become one. */
async function isHome(paths: HomePaths): Promise<boolean> {
  const stats = await statOrUndefined(paths.home);
  if (stats === undefined) return false;
  if (!stats.isDirectory()) throw invalid(`the home '${paths.home}' is not a folder`, paths);
  const names = new Set(await listFolder(paths));
  if (names.has(path.basename(paths.homeJson))) return true;
  // A folder with the marker is a home that was never finished or used, and is made anew. One with only a configuration
  // is a home that somebody configured before its first start.
  for (const file of [paths.configToml, paths.editorSettings]) names.delete(path.basename(file));
  if (names.size === 0 || names.has(MARKER)) {
    requireOwner('the folder', paths.home, stats);
    return false;
  }
  throw invalid(`the folder '${paths.home}' is not empty and is not a home`, paths, {
    hint: 'Choose an empty folder, or one that does not exist. This folder was not changed.',
  });
}

async function listFolder(paths: HomePaths): Promise<string[]> {
  try {
    return await fs.readdir(paths.home);
  } catch (cause) {
    throw invalid(`the home '${paths.home}' is not readable: ${messageOf(cause)}`, paths, {
      hint: `chmod u+rwx ${shellQuoted(paths.home)}`,
      cause,
    });
  }
}

async function readHome(paths: HomePaths, writing: boolean): Promise<Home> {
  requirePrivate('the home', paths.home, await fs.stat(paths.home));
  const { version } = await readHomeJson(paths);
  if (writing) {
    await requireWritable(paths);
    await makeFolders(paths);
    await makeToken(paths);
  }
  const key = readKey(await readPrivate("the instance's key", paths.keyFile));
  const token = await readPrivate("the home's token", paths.token);
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) {
    throw invalid(`the token '${paths.token}' is damaged`, paths, {
      hint: `Remove it; the next start creates a new one: rm ${shellQuoted(paths.token)}`,
    });
  }
  return { paths, key, token, config: await readConfig(paths.configToml), version };
}

const formatSchema = v.object({ format: v.pipe(v.number(), v.safeInteger(), v.minValue(1)) });
const homeJsonSchema = v.object({ format: v.literal(HOME_FORMAT), version: v.string() });

async function readHomeJson(paths: HomePaths): Promise<{ version: string }> {
  const content = await readJson(paths);
  // The number is checked first: this version does not know the other members of a later format.
  const format = v.safeParse(formatSchema, content);
  if (format.success && format.output.format > HOME_FORMAT) {
    throw new FleetError(
      'HOME_NEWER',
      `the home '${paths.home}' has format ${format.output.format}, but this version supports formats up to ${HOME_FORMAT}`,
      { details: { home: paths.home, format: format.output.format }, hint: 'Use a newer version of spl.' },
    );
  }
  const result = v.safeParse(homeJsonSchema, content);
  if (!result.success) throw damagedHomeJson(paths);
  return result.output;
}

async function readJson(paths: HomePaths): Promise<unknown> {
  let text: string;
  try {
    text = await fs.readFile(paths.homeJson, 'utf8');
  } catch (cause) {
    throw invalid(`'${paths.homeJson}' is not readable: ${messageOf(cause)}`, paths, {
      hint: `chmod u+r ${shellQuoted(paths.homeJson)}`,
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damagedHomeJson(paths, cause);
  }
}

function damagedHomeJson(paths: HomePaths, cause?: unknown): FleetError {
  return invalid(`'${paths.homeJson}' is damaged`, paths, {
    hint: `Restore it from a backup, or write it again: echo '{"format":1,"version":"unknown"}' > ${shellQuoted(paths.homeJson)}`,
    cause,
  });
}

/** Reads a secret. @throws HOME_INVALID when others can read the file or the folder that it is in. */
async function readPrivate(what: string, file: string): Promise<string> {
  try {
    const folder = path.dirname(file);
    requirePrivate('the folder', folder, await fs.stat(folder));
    requirePrivate(what, file, await fs.stat(file));
    return (await fs.readFile(file, 'utf8')).trim();
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    const missing = systemCodeOf(cause) === 'ENOENT';
    throw new FleetError('HOME_INVALID', `${what} '${file}' is ${missing ? 'missing' : 'not readable'}`, {
      details: { path: file },
      hint: missing ? 'Restore the home from a backup.' : `chmod u=rw,go= ${shellQuoted(file)}`,
      cause,
    });
  }
}

async function requireWritable(paths: HomePaths): Promise<void> {
  try {
    await fs.access(paths.home, fs.constants.W_OK);
  } catch (cause) {
    throw invalid(`the home '${paths.home}' is not writable${whyUnwritable(cause)}`, paths, {
      hint: repairHint(cause, paths.home),
      cause,
    });
  }
}

async function statOrUndefined(file: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(file);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new FleetError('HOME_INVALID', `the home '${file}' is not accessible: ${messageOf(error)}`, {
      details: { home: file },
      cause: error,
    });
  }
}

function notFound(paths: HomePaths): FleetError {
  return new FleetError('NOT_FOUND', `there is no home at '${paths.home}'`, {
    details: { home: paths.home },
    hint: 'Create one: spl fleet start',
  });
}

function invalid(
  message: string,
  paths: HomePaths,
  options: { hint?: string; cause?: unknown } = {},
): FleetError {
  return new FleetError('HOME_INVALID', message, { details: { home: paths.home }, ...options });
}
