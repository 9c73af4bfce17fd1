import { Argument, Command, CommanderError, type Option } from 'commander';
import { VERSION } from '../contract/engine.ts';
import { FleetError, messageOf } from '../errors.ts';
import { catalogue, FIRST_WORDS, type Entry } from './catalogue.ts';
import { createContext, printJson, printLines } from './context.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { ReaderGone, type Host } from './host.ts';
import { GLOBAL_FLAGS, settingsFrom } from './settings.ts';
import { errorDocument, errorLines } from './render/error.ts';
import { toOption, type Verb } from './verb.ts';

/** The summary of each group of commands. */
export const GROUPS: Readonly<Record<string, string>> = {
  fleet: 'Start, inspect and stop the coordinator and its workers',
  task: 'Work with tasks and their subtasks',
  plan: 'Write and check plan files',
  namespace: 'Manage namespaces and their policies',
  rule: 'Manage permission rules',
  token: 'Manage tokens with limited permissions',
  worktree: 'Manage the git worktrees of attempts',
  thread: 'Read, save and restore the records of threads',
  audit: 'Export records for an audit',
  debug: 'Inspect how a state came about',
  expr: 'Check expressions of --join',
};

/**
 * Runs one command line. Never rejects.
 * @param argv the words after `spl`
 * @returns the exit code
 */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  let words: readonly string[] = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
  try {
    words = await withImpliedRun(words, host);
    return await parseAndRun(words, host);
  } catch (thrown) {
    if (thrown instanceof ReaderGone) return EXIT.done;
    if (thrown instanceof CommanderError) return afterParser(thrown, words, host);
    if (host.signal.aborted) return EXIT.interrupted;
    return afterFailure(toFleetError(thrown), givesJson(words), host);
  }
}

/** Loads every verb, for completion and for tests. */
export function allVerbs(): Promise<readonly Verb[]> {
  return Promise.all(catalogue.map(({ load }) => load()));
}

/** Returns the words, with `run` before them where it was left out. @throws USAGE for an unknown command */
async function withImpliedRun(words: readonly string[], host: Host): Promise<readonly string[]> {
  const { names, hasOwnOption } = namesIn(words);
  if (names.length === 0 || (!hasOwnOption && FIRST_WORDS.has(names[0]!))) return words;
  const { impliedRun } = await import('./run/implied-run.ts');
  return (await impliedRun(words, host)) ?? words;
}

async function parseAndRun(words: readonly string[], host: Host): Promise<number> {
  let code: number = EXIT.done;
  const wanted = findEntry(words);
  const verb = wanted?.load ? await wanted.load() : undefined;
  const root = buildTree(host, verb, async (given, globals) => {
    const context = createContext(host, settingsFrom(globals, host), allVerbs);
    try {
      code = (await verb!.run(context, given)) ?? (host.signal.aborted ? EXIT.interrupted : EXIT.done);
    } finally {
      await context.close();
    }
  });
  await root.parseAsync([...words], { from: 'user' });
  return code;
}

type Action = (given: Record<string, unknown>, globals: Record<string, unknown>) => Promise<void>;

/**
 * Builds the parser: of the called command alone, because building all would slow down every call. Without one, it has
 * every command by name, for the help and to suggest one for a typing error.
 */
function buildTree(host: Host, wanted: Verb | undefined, action: Action): Command {
  const root = configured(new Command('spl'), host)
    .description('Split a task into subtasks, run them on a fleet of workers, and join the results.')
    .version(VERSION, '-V, --version', 'Print the version')
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false);
  for (const flag of GLOBAL_FLAGS) root.addOption(toOption(flag));
  const groups = new Map<string, Command>();
  for (const entry of wanted === undefined
    ? catalogue
    : catalogue.filter(each => each.path === wanted.path)) {
    const words = entry.path.split(' ');
    const parent = words.length === 1 ? root : groupOf(words[0]!, groups, root);
    const command = configured(new Command(words.at(-1)), host).description(entry.summary);
    parent.addCommand(command, { hidden: entry.hidden === true });
    if (wanted !== undefined) fillIn(command, wanted, action);
  }
  root.addHelpText('after', '\nExamples:\n  $ spl fleet start --workers 2\n  $ spl task --help');
  return root;
}

function groupOf(name: string, groups: Map<string, Command>, root: Command): Command {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const summary = GROUPS[name];
  const group = new Command(name)
    .copyInheritedSettings(root)
    .description(summary ?? '')
    .helpCommand(false);
  group.configureHelp({ showGlobalOptions: false });
  root.addCommand(group, { hidden: summary === undefined });
  groups.set(name, group);
  return group;
}

/** Configures the parser to throw errors, so that they are printed in one place. */
function configured(command: Command, host: Host): Command {
  command.helpOption('-h, --help', 'Show this help');
  return command.exitOverride().configureOutput({
    writeOut: text => host.out.write(text),
    writeErr: text => host.err.write(text),
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(host.out.columns, 110),
    getErrHelpWidth: () => Math.min(host.err.columns, 110),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function fillIn(command: Command, verb: Verb, action: Action): void {
  command.configureHelp({ showGlobalOptions: true });
  if (verb.description !== undefined)
    command.description(`${verb.summary}\n\n${unwrapped(verb.description)}`);
  const positionals = Object.entries(verb.positionals);
  for (const [, { placeholder, summary, required }] of positionals) {
    command.addArgument(new Argument(required ? `<${placeholder}>` : `[${placeholder}]`, summary));
  }
  const options = Object.entries(verb.flags).map(([key, flag]) => ({ key, flag, option: toOption(flag) }));
  for (const { option } of options) command.addOption(option);
  command.addHelpText('after', exampleLines(verb).join('\n'));
  command.action(async (...values: unknown[]) => {
    const texts = command.opts<Record<string, unknown>>();
    const given: Record<string, unknown> = {};
    positionals.forEach(([key], i) => (given[key] = values[i]));
    for (const { key, flag, option } of options) {
      const value = texts[option.attributeName()];
      // The parser reads `--no-x` as `x: false`.
      given[key] = option.negate ? value === false : (value ?? flag.value.otherwise);
    }
    await action(given, command.optsWithGlobals<Record<string, unknown>>());
  });
}

/** Joins the lines of each paragraph, so that the help wraps them to its width. Empty lines separate paragraphs. */
const unwrapped = (text: string): string => text.replace(/([^\n])\n(?=[^\n])/g, '$1 ');

function exampleLines(verb: Verb): readonly string[] {
  const width = Math.max(...verb.examples.map(([command]) => command.length));
  const lines = verb.examples.map(([command, what]) =>
    width > 60 ? `  # ${what}\n  $ ${command}` : `  $ ${command.padEnd(width)}  ${what}`,
  );
  return ['', 'Examples:', ...lines];
}

/** Finds the command that the first one or two words name. */
function findEntry(words: readonly string[]): Entry | undefined {
  const { names } = namesIn(words);
  return (
    catalogue.find(entry => entry.path === names.join(' ')) ??
    catalogue.find(entry => entry.path === names[0])
  );
}

/**
 * Returns the first one or two words, without the options of every command and their values.
 * @returns hasOwnOption true if another option comes before them, which may have a value
 */
function namesIn(words: readonly string[]): {
  readonly names: readonly string[];
  readonly hasOwnOption: boolean;
} {
  const names: string[] = [];
  let hasOwnOption = false;
  const globals = GLOBAL_FLAGS.map(toOption);
  for (let i = 0; i < words.length && names.length < 2; i += 1) {
    const current = words[i]!;
    if (!current.startsWith('-')) names.push(current);
    else if (globals.some(option => takesNextWord(option, current))) i += 1;
    else if (names.length === 0)
      hasOwnOption ||= !globals.some(({ long }) => current.split('=', 1)[0] === long);
  }
  return { names, hasOwnOption };
}

const takesNextWord = (option: Option, given: string): boolean => option.required && option.long === given;

function givesJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end === -1 ? words : words.slice(0, end)).includes('--json');
}

function afterParser(error: CommanderError, words: readonly string[], host: Host): number {
  if (error.exitCode === 0) return EXIT.done;
  // The parser has already printed the help of a group that was called without a command.
  if (error.code === 'commander.help') return EXIT.usage;
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const entry = findEntry(words);
  const hint =
    suggestion === undefined
      ? `See: spl ${entry === undefined ? '' : `${entry.path} `}--help${quotesHint(error, entry)}`
      : suggestion.replace(/^\((.*)\)$/, '$1');
  return afterFailure(new FleetError('USAGE', message, { hint }), givesJson(words), host);
}

/** Returns the hint for an option of a command that was typed without quotes. */
const quotesHint = ({ code }: CommanderError, entry: Entry | undefined): string =>
  code === 'commander.unknownOption' && entry?.path === 'run'
    ? "\nAn option of a command belongs in its quotes: spl 'ls -l'"
    : '';

function afterFailure(error: FleetError, json: boolean, host: Host): number {
  if (json) printJson(host.err, errorDocument(error));
  else printLines(host.err, errorLines(error, host.err.colours));
  return exitCodeOf(error.code);
}

function toFleetError(thrown: unknown): FleetError {
  if (FleetError.is(thrown)) return thrown;
  return new FleetError('INTERNAL', messageOf(thrown), {
    cause: thrown,
    hint: 'This is a bug in spl. Please report it, with the command that you typed.',
  });
}
