import type { Task, Tasks } from './choose-tasks.ts';

/** A command of a script that runs another script: `npm run lint`, `yarn lint`, `pnpm -s test`. */
const RUN =
  /^(?:npm|pnpm|yarn|bun)\s+(?:-s\s+|--silent\s+)?(?:run(?:-script)?\s+)?(?:-s\s+|--silent\s+)?([A-Za-z0-9:._-]+)$/;
/** A command that runs several scripts: `run-p lint test:*`. */
const RUN_MANY = /^(?:run-s|run-p|npm-run-all2?)((?:\s+[A-Za-z0-9:._*-]+)+)$/;
/** Words of a package manager that are no scripts. */
const OTHER_WORDS: readonly string[] = ['install', 'ci', 'exec', 'dlx', 'run', 'publish', 'pack', 'audit'];

/** A script that runs until somebody stops it, or that does nothing. */
const NEVER_ENDS = /(^|\s)(--watch(All)?(?!=false)(\s|=|$)|(tsc|vitest|rollup)\b.*\s-w(\s|$)|nodemon\b)/;
const NO_TESTS = /no test specified/;

/** Reads the scripts of a `package.json`, or of another file with commands by name. */
export function tasksOfScripts(scripts: Readonly<Record<string, unknown>>): Tasks {
  const texts = Object.entries(scripts).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && isUseful(entry[1]),
  );
  const all = new Map(texts);
  return new Map(texts.map(([name, text]) => [name, taskOf(text, all.get(`pre${name}`))]));
}

const isUseful = (text: string): boolean =>
  text.trim() !== '' && text.length < 10_000 && !NEVER_ENDS.test(text) && !NO_TESTS.test(text);

/** @param before the script that the package manager runs first, such as `pretest` */
function taskOf(text: string, before: string | undefined): Task {
  const own = text.split(/&&|;|\n/).map(runsOf);
  const first = (before ?? '').split(/&&|;|\n/).map(runsOf);
  return {
    runs: [...first, ...own].flatMap(each => each ?? []),
    isOnlyThese: before === undefined && own.every(each => each !== null),
  };
}

/** Returns the scripts that a command runs; null if it is another command. */
function runsOf(command: string): readonly string[] | null {
  const text = command.trim().replaceAll(/["']/g, '');
  const one = RUN.exec(text)?.[1];
  if (one !== undefined) return OTHER_WORDS.includes(one) ? null : [one];
  const words = RUN_MANY.exec(text)?.[1]?.trim().split(/\s+/);
  return words?.filter(word => !word.startsWith('-')) ?? null;
}

/** True for a script that runs scripts of other packages. */
export const isDelegating = (text: string): boolean =>
  /\b(turbo|nx|lerna|lage|wsrun|moon|ultra|wireit)\b/.test(text) ||
  /\bpnpm\b.*\s(-r|--recursive|--filter|-F)\b/.test(text) ||
  /\byarn\s+workspaces?\b/.test(text) ||
  /\bnpm\b.*\s(--workspaces?|-ws?)\b/.test(text) ||
  /\bbun\b.*\s--filter\b/.test(text);
