import type { ChildDocument } from './documents.ts';
import { oneLine } from './format.ts';

/** Subtasks that the echo executor accepted: it waits and accepts, and runs nothing. */
export interface Echoed {
  /** 1 or more. */
  readonly count: number;
  /** The goal of the first of them that looks like a command line; null where none does. */
  readonly command: string | null;
}

/** The words of a report about subtasks that were accepted without anything having been run. */
export const NOTHING_WAS_RUN = 'echo: nothing was run';

/** True for a subtask that was accepted without anything having been run. */
export const isEcho = ({ executor, verdict }: Pick<ChildDocument, 'executor' | 'verdict'>): boolean =>
  executor === 'echo' && verdict === 'accept';

/** Says that nothing was run, of how many of the subtasks, and how a goal that looks like a command is run. */
export function echoText({ count, command }: Echoed, subtasks: number): string {
  const some = count < subtasks ? ` for ${count} of ${subtasks} subtasks` : '';
  if (command === null) return `${NOTHING_WAS_RUN}${some}`;
  const goal = oneLine(command, 60);
  const run = goal === command ? `"${goal.replace(/["\\]/g, '\\$&')}"` : '…';
  return `${NOTHING_WAS_RUN}${some}; '${goal}' looks like a command: to run it, name run=${run}`;
}

/** Programs whose names are hardly ever the first word of a goal in words. */
const PROGRAMS = new Set(
  (
    'ant apt apt-get awk bash bazel bun bunx bundle cargo cat cc cd chmod clang cmake composer cp curl deno docker ' +
    'docker-compose dotnet echo eslint env ffmpeg flake8 g++ gcc gem git go gradle grep helm java javac jest jq ' +
    'kubectl ls make meson mkdir mocha mvn mypy mv ninja node nox npm npx nvm perl php phpunit pip pip3 playwright ' +
    'pnpm podman poetry prettier psql pytest python python3 rails rake rg rm rspec rsync ruby ruff rustc rustup sbt ' +
    'sed sh sleep sqlite3 ssh sudo swiftc tar terraform tox tsc tsx uv uvx vitest wget xargs yarn zig zsh'
  ).split(' '),
);
/** Of these, words that begin a sentence as well; they are commands where little stands behind them. */
const WORDS = new Set(['cat', 'cc', 'echo', 'env', 'git', 'go', 'make', 'node', 'rake', 'sleep', 'jest']);
/** `./x`, `../x`, `/x/y`, `~/x`, or a variable that is set for one command. */
const PATH_OR_VARIABLE = /^(?:\.{0,2}\/\S|~\/\S|[A-Za-z_]\w*=\S*\s+\S)/;
/** An option, a pipe, a redirection or a second command. */
const SHELL_SYNTAX = /\s(?:--?[A-Za-z][\w-]*(?:[\s=]|$)|&&\s|\|\|?\s|[<>]{1,2}\s?\S)/;

/**
 * Tells from a goal's look whether its author meant a command line. A guess, good for a hint and for nothing else:
 * a goal is never run.
 */
export function looksLikeCommand(goal: string): boolean {
  const line = goal.trim();
  if (line.includes('\n')) return false;
  if (PATH_OR_VARIABLE.test(line)) return true;
  const [program = '', ...rest] = line.split(/\s+/);
  if (!/^[a-z][\w.+-]*$/.test(program)) return false;
  if (SHELL_SYNTAX.test(` ${rest.join(' ')}`)) return true;
  return PROGRAMS.has(program) && (!WORDS.has(program) || rest.length <= 2);
}
