/** The command that a person types for one job with one tool. */
export interface Typed {
  /** The commands, a line each. Empty if nothing has to be typed; `^C` and `↑` stand for one key. */
  readonly command: string;
  /** A file that must be written first, as short as the tool allows. Its characters count. */
  readonly file?: string;
  /** An option that the first run must have had. Its characters count. */
  readonly option?: string;
  readonly note?: string;
}

export const TOOLS = ['spl', 'npm-run-all', 'turbo', 'xargs', 'parallel', 'just'] as const;
export type Tool = (typeof TOOLS)[number];

/** A daily job. A tool that cannot do it is missing. */
export interface Job {
  readonly name: string;
  readonly spl: Typed & { readonly exitCode: number };
  readonly peers: Partial<Record<Exclude<Tool, 'spl'>, Typed>>;
}

const STOP: Typed = { command: '^C' };
const AGAIN: Typed = { command: '↑' };

/**
 * The daily jobs, in a folder with the scripts `lint`, `types` and `test` of a `package.json`, of which `test` fails.
 * Every tool is installed for the user. The commands of peers follow their manuals:
 * https://github.com/mysticatea/npm-run-all/tree/master/docs, https://turborepo.com/docs,
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/xargs.html (-P: GNU, BSD),
 * https://www.gnu.org/software/parallel/man.html, https://just.systems/man/en/.
 */
export const JOBS: readonly Job[] = [
  {
    name: 'three scripts side by side, the first time',
    spl: { command: 'spl lint types test', exitCode: 1 },
    peers: {
      'npm-run-all': { command: 'run-p lint types test' },
      turbo: { command: 'turbo lint types test', file: '{"tasks":{"lint":{},"types":{},"test":{}}}' },
      xargs: { command: "printf '%s\\n' lint types test|xargs -P3 -n1 npm run" },
      parallel: { command: 'parallel npm run ::: lint types test' },
      just: {
        command: 'just',
        file: '[parallel]\nall: lint types test\nlint:\n npm run lint\ntypes:\n npm run types\ntest:\n npm test\n',
      },
    },
  },
  {
    name: 'again: the last command of the shell',
    spl: { ...AGAIN, note: 'typed anew: spl run, 8 keys, with the file of spl plan init', exitCode: 1 },
    peers: {
      'npm-run-all': AGAIN,
      turbo: AGAIN,
      xargs: AGAIN,
      parallel: AGAIN,
      just: { ...AGAIN, note: 'typed anew: just, 5 keys, with the file of the first job' },
    },
  },
  {
    name: 'why did one fail: its whole output',
    spl: { command: 'spl output', note: 'its last lines stand at the end of the run', exitCode: 0 },
    peers: {
      turbo: { command: 'cat .turbo/turbo-test.log' },
      parallel: { command: 'cat r/1/test/stdout', option: ' --results r' },
    },
  },
  {
    name: 'run again what failed',
    spl: { command: 'spl retry', exitCode: 1 },
    peers: {
      turbo: { command: 'turbo lint types test', note: 'or ↑, 2 keys; what passed is in the cache' },
      parallel: { command: 'parallel --retry-failed --joblog l', option: ' --joblog l' },
    },
  },
  {
    name: 'a command for each line of a file',
    spl: { command: "spl -e files 'wc -l'", exitCode: 0 },
    peers: {
      xargs: { command: 'xargs -P0 -I{} wc -l {}<files', note: 'no name before a line' },
      parallel: { command: 'parallel wc -l <files', note: '--tag prints the line before each' },
    },
  },
  {
    name: 'a matrix of two by two',
    spl: { command: "spl 'npm test '{1,2}\\ {a,b}", note: 'the shell expands the braces', exitCode: 1 },
    peers: {
      'npm-run-all': { command: "run-p 'test -- '{1,2}\\ {a,b}", note: 'the shell expands the braces' },
      xargs: { command: "printf '%s\\n' {1,2}\\ {a,b}|xargs -P4 -L1 npm test" },
      parallel: { command: 'parallel npm test ::: 1 2 ::: a b' },
    },
  },
  {
    name: 'stop it',
    spl: { ...STOP, exitCode: 130 },
    peers: { 'npm-run-all': STOP, turbo: STOP, xargs: STOP, parallel: STOP, just: STOP },
  },
  {
    name: 'one after another',
    spl: { command: 'spl lint,types,test', exitCode: 1 },
    peers: {
      'npm-run-all': { command: 'run-s lint types test' },
      turbo: { command: 'turbo lint types test --concurrency=1' },
      xargs: { command: "printf '%s\\n' lint types test|xargs -n1 npm run" },
      parallel: { command: 'parallel -j1 npm run ::: lint types test' },
      just: { command: 'just lint types test', note: 'with the file of the first job' },
    },
  },
  {
    name: 'three agents',
    spl: {
      command: "spl --agent claude 'Fix it' 'Test it' 'Document it'",
      note: 'each in a git worktree',
      exitCode: 0,
    },
    peers: {
      xargs: {
        command: "printf '%s\\n' 'Fix it' 'Test it' 'Document it'|xargs -P3 -I{} claude -p {}",
        note: 'all in one folder',
      },
      parallel: {
        command: "parallel claude -p ::: 'Fix it' 'Test it' 'Document it'",
        note: 'all in one folder',
      },
    },
  },
];

/** Returns the number of characters that a person types, with the return key of each command. */
export function keystrokes({ command, file = '', option = '' }: Typed): number {
  if (command === '^C') return 1;
  return file.length + option.length + (command === '' ? 0 : command.length + 1);
}
