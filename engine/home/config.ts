import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { isDid, type Did } from '../record/ids.ts';
import { didYouMean } from '../record/near-names.ts';

/** The schemas of settings, whatever their source. The name of the setting precedes a message. */
export const values = {
  actor: v.custom<Did>(
    value => typeof value === 'string' && isDid(value),
    'must be a DID such as did:sync:user:ada',
  ),
  text: v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'), v.maxLength(1024, 'is too long')),
  url: v.pipe(
    v.string('must be text'),
    v.check(isHttpUrl, 'must be an http or https URL'),
    v.transform(url => url.replace(/\/+$/, '')),
  ),
  port: wholeNumber(0, 65_535),
  slots: wholeNumber(1, 64),
  heartbeatSecs: number(0.05, 3600),
  idleExitSecs: number(0, 31_536_000),
  stallSecs: number(0, 31_536_000),
  timeoutSecs: number(0.001, 31_536_000),
  stallPolicy: v.picklist(['notify', 'nudge', 'end'], 'must be notify, nudge or end'),
  /** Room for a character of any language. */
  outputCapBytes: wholeNumber(4, Number.MAX_SAFE_INTEGER),
};

/** The tables of `config.toml`; every key may be left out. */
const tables = {
  identity: v.partial(v.object({ actor: values.actor, display_name: values.text })),
  server: v.partial(
    v.object({
      host: values.text,
      port: values.port,
      tls_cert: values.text,
      tls_key: values.text,
      tls_ca: values.text,
      proxy: values.url,
    }),
  ),
  fleet: v.partial(
    v.object({
      coordinator_url: values.url,
      heartbeat_interval_secs: values.heartbeatSecs,
      advertised_endpoint: values.url,
      executor: values.text,
      slots: values.slots,
      worker_idle_exit_secs: values.idleExitSecs,
      stall_secs: values.stallSecs,
      timeout_secs: values.timeoutSecs,
      stall_policy: values.stallPolicy,
      output_cap_bytes: values.outputCapBytes,
    }),
  ),
};

/** The output formats of coding agents that can be read. */
export const AGENT_OUTPUTS = ['text', 'claude', 'codex', 'gemini', 'opencode', 'aider'] as const;

const words = v.pipe(
  v.array(v.pipe(v.string('must be text'), v.maxLength(4096, 'is too long')), 'must be a list of words'),
  v.minLength(1, 'must name a program'),
  v.maxLength(256, 'has more than 256 words'),
);

/** A table `[agents.NAME]`: the way to run that agent. The preset of its name fills in what the table omits. */
const agentTable = v.partial(
  v.object({
    command: words,
    resume: words,
    prompt: v.picklist(['stdin', 'file'], 'must be stdin or file'),
    budget: words,
    output: v.picklist(AGENT_OUTPUTS, `must be one of ${AGENT_OUTPUTS.join(', ')}`),
  }),
);
export type AgentTable = v.InferOutput<typeof agentTable>;

/** A file or folder of a repository, by its path from the top. */
const pathInside = v.pipe(
  values.text,
  v.check(
    text => !text.startsWith('/') && !text.split('/').includes('..'),
    'must be a path from the top of the repository',
  ),
);

/** The table `[worktree]`: the start of the worktrees of attempts. */
const worktreeTable = v.partial(
  v.object({
    dirty: v.picklist(['refuse', 'stash', 'carry'], 'must be refuse, stash or carry'),
    include: v.pipe(
      v.array(pathInside, 'must be a list of paths'),
      v.maxLength(256, 'has more than 256 paths'),
    ),
    setup: v.pipe(
      v.string('must be text'),
      v.nonEmpty('must not be empty'),
      v.maxLength(65_536, 'is too long'),
    ),
    escape: v.picklist(['fail', 'note'], 'must be fail or note'),
    min_free_bytes: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    timeout_secs: number(1, 86_400),
  }),
);
export type WorktreeTable = v.InferOutput<typeof worktreeTable>;

const isTable = v.custom<object>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a table',
);
const schema = v.object({
  identity: v.optional(v.pipe(isTable, tables.identity), {}),
  server: v.optional(v.pipe(isTable, tables.server), {}),
  fleet: v.optional(v.pipe(isTable, tables.fleet), {}),
  worktree: v.optional(v.pipe(isTable, worktreeTable), {}),
  agents: v.optional(
    v.pipe(
      isTable,
      v.record(
        v.pipe(
          v.string(),
          v.regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'is no name for an agent: 1 to 32 of a-z 0-9 _ -'),
        ),
        v.pipe(isTable, agentTable),
      ),
    ),
    {},
  ),
});

/** The content of `config.toml`, without defaults: `settings` adds them. */
export interface Config extends v.InferOutput<typeof schema> {
  /** Sentences about entries that have no meaning. */
  readonly warnings: readonly string[];
}

/**
 * Reads a `config.toml`; a missing file is an empty one.
 * @throws HOME_INVALID naming the line, or the key and the values that it may have.
 */
export async function readConfig(file: string): Promise<Config> {
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
  const result = v.safeParse(schema, parsed, { abortEarly: true });
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

function number(min: number, max: number) {
  return v.pipe(
    v.number('must be a number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );
}

function wholeNumber(min: number, max: number) {
  return v.pipe(number(min, max), v.integer('must be a whole number'));
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
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
