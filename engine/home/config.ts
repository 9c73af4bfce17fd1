import * as fs from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { isDid, type Did } from '../record/ids.ts';

/** What a setting may be, wherever it comes from. The messages are said after the setting's name. */
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
  stallPolicy: v.picklist(['notify', 'nudge', 'end'], 'must be notify, nudge or end'),
  outputCapBytes: wholeNumber(0, Number.MAX_SAFE_INTEGER),
};

/** The tables of `config.toml`; every key may be left out. */
const tables = {
  identity: v.partial(v.object({ actor: values.actor, display_name: values.text })),
  server: v.partial(v.object({ host: values.text, port: values.port })),
  fleet: v.partial(
    v.object({
      coordinator_url: values.url,
      heartbeat_interval_secs: values.heartbeatSecs,
      advertised_endpoint: values.url,
      executor: values.text,
      slots: values.slots,
      worker_idle_exit_secs: values.idleExitSecs,
      stall_secs: values.stallSecs,
      stall_policy: values.stallPolicy,
      output_cap_bytes: values.outputCapBytes,
    }),
  ),
};

const isTable = v.custom<object>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a table',
);
const schema = v.object({
  identity: v.optional(v.pipe(isTable, tables.identity), {}),
  server: v.optional(v.pipe(isTable, tables.server), {}),
  fleet: v.optional(v.pipe(isTable, tables.fleet), {}),
});

/** What `config.toml` says, and nothing of what it leaves out: `settings` knows the defaults. */
export interface Config extends v.InferOutput<typeof schema> {
  /** What is written there and means nothing, in words. */
  readonly warnings: readonly string[];
}

/**
 * Reads a `config.toml`; a missing one says nothing.
 * @throws HOME_INVALID naming the line, or the key and what it must be.
 */
export async function readConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return parseConfig('', file);
    throw invalid(`'${file}' is not readable: ${messageOf(cause)}`, file, cause);
  }
  return parseConfig(text, file);
}

/** Decodes the text of a `config.toml`; `file` is what errors call it. @throws HOME_INVALID as `readConfig`. */
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
  const warn = (key: string): number => warnings.push(`'${file}': unknown key ${key} is ignored`);
  const known: Readonly<Record<string, { readonly entries: object }>> = tables;
  for (const [name, content] of Object.entries(parsed) as [string, unknown][]) {
    const keys = Object.hasOwn(known, name) ? known[name]?.entries : undefined;
    if (keys === undefined) warn(name);
    else
      for (const key of Object.keys(content as object)) if (!Object.hasOwn(keys, key)) warn(`${name}.${key}`);
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

function invalid(message: string, file: string, cause?: unknown): FleetError {
  return new FleetError('HOME_INVALID', message, {
    details: { path: file },
    hint: 'Mend the file, or remove it to use the defaults.',
    ...(cause === undefined ? {} : { cause }),
  });
}
