import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { didYouMean } from '../record/near-names.ts';
import { agentTable, configSchema, tables, worktreeTable } from './config-schema.ts';
import { readEditorSettings } from './editor-settings.ts';

/** The content of `config.toml`, without defaults: `settings` adds them. */
export interface Config extends v.InferOutput<typeof configSchema> {
  /** Sentences about entries that have no meaning. */
  readonly warnings: readonly string[];
}

/**
 * Reads a `config.toml`; a missing file is an empty one. What it leaves out, the settings of an editor beside it say.
 * @throws HOME_INVALID naming the line, or the key and the values that it may have.
 */
export async function readConfig(file: string): Promise<Config> {
  const [config, editor] = await Promise.all([readToml(file), readEditorSettings(dirname(file))]);
  return {
    ...config,
    fleet: { ...editor.fleet, ...config.fleet },
    worktree: { ...editor.worktree, ...config.worktree },
    agents: { ...editor.agents, ...config.agents },
  };
}

async function readToml(file: string): Promise<Config> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return parseConfig('', file);
    if (systemCodeOf(cause) === 'ENOTDIR') throw noFolder(dirname(file), cause);
    throw invalid(`'${file}' is not readable: ${messageOf(cause)}`, file, cause);
  }
  return parseConfig(text, file);
}

/**
 * Decodes the text of a `config.toml`.
 * @param file the name of the file in errors
 * @throws HOME_INVALID as `readConfig`.
 */
export function parseConfig(text: string, file: string): Config {
  const parsed = parseToml(text, file);
  const result = v.safeParse(configSchema, parsed, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    const key = v.getDotPath(issue) ?? '';
    throw invalid(`'${file}': ${key} ${issue.message}`, file);
  }
  return { ...result.output, warnings: unknownKeys(parsed, file) };
}

function parseToml(text: string, file: string): object {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '');
    throw invalid(
      `'${file}' is not TOML at line ${cause.line}, column ${cause.column}: ${what}`,
      file,
      cause,
    );
  }
}

function unknownKeys(parsed: object, file: string): string[] {
  const warnings: string[] = [];
  const warn = (key: string, known: object): number =>
    warnings.push(
      `'${file}': unknown key ${key}${didYouMean(key.split('.').at(-1)!, Object.keys(known))} is ignored`,
    );
  const known: Readonly<Record<string, { readonly entries: object }>> = {
    ...tables,
    worktree: worktreeTable,
  };
  const look = (name: string, keys: object, content: unknown): void => {
    for (const key of Object.keys(content as object))
      if (!Object.hasOwn(keys, key)) warn(`${name}.${key}`, keys);
  };
  for (const [name, content] of Object.entries(parsed) as [string, object][]) {
    if (name === 'agents')
      for (const [agent, table] of Object.entries(content))
        look(`agents.${agent}`, agentTable.entries, table);
    else if (Object.hasOwn(known, name)) look(name, known[name]!.entries, content);
    else warn(name, { ...known, agents: null });
  }
  return warnings;
}

function noFolder(home: string, cause: unknown): FleetError {
  return new FleetError('HOME_INVALID', `the home '${home}' is not a folder`, {
    details: { home },
    hint: 'Set --home or SYNCROPEL_HOME to a folder, or to a path where one can be created.',
    cause,
  });
}

function invalid(message: string, file: string, cause?: unknown): FleetError {
  return new FleetError('HOME_INVALID', message, {
    details: { path: file },
    hint: 'Fix the file, or remove it to use the defaults.',
    ...(cause === undefined ? {} : { cause }),
  });
}
