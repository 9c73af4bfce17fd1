import { InvalidArgumentError, Option } from 'commander';
import type { CommandName, Commands, ReportName, Reports } from '../operations/index.ts';
import type { Connection, Host, Settings } from './host.ts';

/** The context of a command: the host, the settings of this call, and a connection that opens on first use. */
export interface Context extends Host {
  readonly settings: Settings;
  /** Loads every command with its options, for completion. */
  verbs(): Promise<readonly Verb[]>;
  /** Connects at the first call. @throws UNREACHABLE, AUTH_REQUIRED */
  client(): Promise<Connection>;
  /** Submits a command as the caller. */
  submit<N extends CommandName>(name: N, input: Commands[N]['input']): Promise<Commands[N]['output']>;
  /** Asks the engine for a document. */
  report<N extends ReportName>(name: N, input: Reports[N]['input']): Promise<Reports[N]['output']>;
  /** Prints the document with `--json`, otherwise the lines. */
  print(document: unknown, lines: () => readonly string[]): void;
}

/** One option of a command: its spelling, its help, and the reader of its value. */
export interface Flag<T> {
  readonly flags: string;
  readonly summary: string;
  readonly value: {
    readonly read: (text: string, previous: unknown) => unknown;
    readonly otherwise: T;
  };
  readonly choices?: readonly string[];
  /** The kind of name of the value, for shell completion. */
  readonly names?: Names;
}

/** The kinds of names that shell completion can list. `work` are the names that `spl run` takes, and files. */
export type Names = 'work' | 'tasks' | 'runs' | 'instances' | 'namespaces' | 'files' | 'folders';

/** A positional argument of a command. */
export interface Positional<T> {
  readonly placeholder: string;
  readonly summary: string;
  readonly required: boolean;
  readonly names?: Names;
  /** Never set. Carries the type of the value: undefined is part of it if the argument is optional. */
  readonly type?: T;
}

type Values<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> | Positional<infer T> ? T : never };

interface VerbSpec<F, P> {
  /** The words of the command: `fleet list`. */
  readonly path: string;
  readonly summary: string;
  /** The help text below the summary. */
  readonly description?: string;
  /** Complete command lines, each with its effect. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly positionals: P;
  readonly flags: F;
  /** True for a command that only scripts call. */
  readonly hidden?: boolean;
  /** Runs the command. @returns the exit code; nothing for 0 */
  run(context: Context, given: Values<F> & Values<P>): Promise<number | void>;
}

/** A command with the types of its options erased. */
export interface Verb extends Omit<
  VerbSpec<Record<string, Flag<unknown>>, Record<string, Positional<unknown>>>,
  'run'
> {
  run(context: Context, given: Record<string, unknown>): Promise<number | void>;
}

/** Declares a command. `run` gets its values with the types of the flags and positionals. */
export function defineVerb<
  F extends Record<string, Flag<unknown>>,
  P extends Record<string, Positional<unknown>>,
>(spec: VerbSpec<F, P>): Verb {
  return spec;
}

export function word(placeholder: string, summary: string, names?: Names): Positional<string> {
  return { placeholder, summary, required: true, ...(names && { names }) };
}

/** An optional positional argument. */
export function maybeWord(
  placeholder: string,
  summary: string,
  names?: Names,
): Positional<string | undefined> {
  return { placeholder, summary, required: false, ...(names && { names }) };
}

/** Any number of positional arguments. */
export function words(placeholder: string, summary: string, names?: Names): Positional<readonly string[]> {
  return { placeholder: `${placeholder}...`, summary, required: false, ...(names && { names }) };
}

export function text(flags: string, summary: string, names?: Names): Flag<string | null> {
  return { flags, summary, value: { read: given => given, otherwise: null }, ...(names && { names }) };
}

/** An option that can be repeated. */
export function texts(flags: string, summary: string): Flag<readonly string[]> {
  const read = (given: string, previous: unknown) => [...((previous as string[] | undefined) ?? []), given];
  return { flags, summary, value: { read, otherwise: [] } };
}

/** An option whose value is a comma-separated list. It can be repeated. */
export function list(flags: string, summary: string, names?: Names): Flag<readonly string[]> {
  const read = (given: string, previous: unknown) => {
    const items = given.split(',').map(item => item.trim());
    if (items.includes('')) throw new InvalidArgumentError('It must be a comma-separated list.');
    return [...((previous as string[] | undefined) ?? []), ...items];
  };
  return { flags, summary, value: { read, otherwise: [] }, ...(names && { names }) };
}

export function toggle(flags: string, summary: string): Flag<boolean> {
  return { flags, summary, value: { read: () => true, otherwise: false } };
}

export function choice<const C extends readonly string[]>(
  flags: string,
  summary: string,
  choices: C,
): Flag<C[number] | null> {
  const read = (given: string) => {
    if (choices.includes(given)) return given;
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`);
  };
  return { flags, summary, choices, value: { read, otherwise: null } };
}

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

export function number(flags: string, summary: string, range: Range): Flag<number | null> {
  return { flags, summary, value: { read: given => readNumber(given, range), otherwise: null } };
}

/** Converts an option for the parser. */
export function toOption(flag: Flag<unknown>): Option {
  const option = new Option(flag.flags, summaryOf(flag));
  if (option.required || option.optional) option.argParser(flag.value.read);
  return option;
}

/** The summary of an option, followed by its choices unless the summary names them. */
function summaryOf({ summary, choices = [] }: Flag<unknown>): string {
  const isTold = choices.every(each => summary.includes(each));
  return isTold ? summary : `${summary}: ${choices.join(', ')}`;
}

function readNumber(given: string, { min, max, whole = false }: Range): number {
  const value = given.trim() === '' ? NaN : Number(given);
  const kind = whole ? 'a whole number' : 'a number';
  if (!Number.isFinite(value) || value < min || value > max || (whole && !Number.isInteger(value))) {
    throw new InvalidArgumentError(`It must be ${kind} from ${min} to ${max}.`);
  }
  return value;
}
