import { InvalidArgumentError, Option } from 'commander';
import type { CommandName, Commands, ReportName, Reports } from '../contract/engine.ts';
import type { Connection, Host, Settings } from './host.ts';

/** The context of a verb: the host, the settings of this call, and the engine once it is asked for. */
export interface Context extends Host {
  readonly settings: Settings;
  /** Every verb with its options: what completion is made from. */
  verbs(): Promise<readonly Verb[]>;
  /** Connects at the first call. @throws UNREACHABLE, AUTH_REQUIRED. */
  client(): Promise<Connection>;
  /** Does something, in the caller's name. */
  submit<N extends CommandName>(name: N, input: Commands[N]['input']): Promise<Commands[N]['output']>;
  /** Asks something. */
  report<N extends ReportName>(name: N, input: Reports[N]['input']): Promise<Reports[N]['output']>;
  /** Prints the document with `--json`, else the lines. */
  print(document: unknown, lines: () => readonly string[]): void;
}

/** One option of a verb: how it is written, what it is for, and what its text becomes. */
export interface Flag<T> {
  readonly flags: string;
  readonly summary: string;
  readonly value: {
    readonly read: (text: string, previous: unknown) => unknown;
    readonly otherwise: T;
  };
  readonly choices?: readonly string[];
  /** The kind of name that the value is, so that a shell can complete it. */
  readonly names?: Names;
}

/** Things that a shell can ask us to list. */
export type Names = 'tasks' | 'instances' | 'namespaces' | 'files' | 'folders';

/** A word that stands after the verb. */
export interface Positional<T> {
  readonly placeholder: string;
  readonly summary: string;
  readonly required: boolean;
  readonly names?: Names;
  /** Never set: carries the type of the word, which is undefined where it may be left out. */
  readonly type?: T;
}

type Values<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> | Positional<infer T> ? T : never };

interface VerbSpec<F, P> {
  /** The words that call it: `fleet list`. */
  readonly path: string;
  readonly summary: string;
  /** The details for a reader of the help beyond the summary. */
  readonly description?: string;
  /** Command lines that work as they are, each with what it does. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly positionals: P;
  readonly flags: F;
  /** True for those that others call, not people. */
  readonly hidden?: boolean;
  /** @returns the exit code; 0 when nothing is returned. */
  run(context: Context, given: Values<F> & Values<P>): Promise<number | void>;
}

/** A verb as the frame sees it: the types of its options erased. */
export interface Verb extends Omit<
  VerbSpec<Record<string, Flag<unknown>>, Record<string, Positional<unknown>>>,
  'run'
> {
  run(context: Context, given: Record<string, unknown>): Promise<number | void>;
}

/** Declares a verb; what `run` is given has the types that its flags and positionals say. */
export function defineVerb<
  F extends Record<string, Flag<unknown>>,
  P extends Record<string, Positional<unknown>>,
>(spec: VerbSpec<F, P>): Verb {
  return spec;
}

export function word(placeholder: string, summary: string, names?: Names): Positional<string> {
  return { placeholder, summary, required: true, ...(names && { names }) };
}

/** A word that may be left out. */
export function maybeWord(
  placeholder: string,
  summary: string,
  names?: Names,
): Positional<string | undefined> {
  return { placeholder, summary, required: false, ...(names && { names }) };
}

/** As many words as somebody writes, none included. */
export function words(placeholder: string, summary: string, names?: Names): Positional<readonly string[]> {
  return { placeholder: `${placeholder}...`, summary, required: false, ...(names && { names }) };
}

export function text(flags: string, summary: string, names?: Names): Flag<string | null> {
  return { flags, summary, value: { read: given => given, otherwise: null }, ...(names && { names }) };
}

/** An option that may be given many times. */
export function texts(flags: string, summary: string): Flag<readonly string[]> {
  const read = (given: string, previous: unknown) => [...((previous as string[] | undefined) ?? []), given];
  return { flags, summary, value: { read, otherwise: [] } };
}

/** An option whose value is a list with commas between; it may be given many times. */
export function list(flags: string, summary: string, names?: Names): Flag<readonly string[]> {
  const read = (given: string, previous: unknown) => {
    const items = given.split(',').map(item => item.trim());
    if (items.includes('')) throw new InvalidArgumentError('It must be a list with commas between.');
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

/** The option as the parser wants it. */
export function toOption(flag: Flag<unknown>): Option {
  const option = new Option(flag.flags, summaryOf(flag));
  if (option.required || option.optional) option.argParser(flag.value.read);
  return option;
}

/** The summary of an option, with the values that it takes where there are few and it does not name them itself. */
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
