import type { ChildDocument } from './documents.ts';
import { oneLine } from './format.ts';

/** The subtasks that the echo executor accepted. It waits, accepts, and runs nothing. */
export interface Echoed {
  /** 1 or more. */
  readonly count: number;
  /** The first of their goals that looks like a command line; null for none. */
  readonly command: string | null;
}

/** The start of a report about subtasks that the echo executor accepted. */
export const NOTHING_WAS_RUN = 'echo: nothing was run';

/** Returns true for a subtask that was accepted without running anything. */
export const isEcho = ({ executor, verdict }: Pick<ChildDocument, 'executor' | 'verdict'>): boolean =>
  executor === 'echo' && verdict === 'accept';

/** Says that nothing was run, for how many of the subtasks, and how to run a goal that looks like a command. */
export function echoText({ count, command }: Echoed, subtasks: number): string {
  const some = count < subtasks ? ` for ${count} of ${subtasks} subtasks` : '';
  if (command === null) return `${NOTHING_WAS_RUN}${some}`;
  const goal = oneLine(command, 60);
  const run = goal === command ? `"${goal.replace(/["\\]/g, '\\$&')}"` : '…';
  return `${NOTHING_WAS_RUN}${some}; '${goal}' looks like a command: to run it, name run=${run}`;
}

/** Programs whose names rarely begin a goal in prose. */
const PROGRAMS = new Set(
  (
    'ant apt apt-get awk bash bazel bun bunx bundle cargo cat cc cd chmod clang cmake composer cp curl deno docker ' +
    'docker-compose dotnet echo eslint env ffmpeg flake8 g++ gcc gem git go gradle grep helm java javac jest jq ' +
    'kubectl ls make meson mkdir mocha mvn mypy mv ninja node nox npm npx nvm perl php phpunit pip pip3 playwright ' +
    'pnpm podman poetry prettier psql pytest python python3 rails rake rg rm rspec rsync ruby ruff rustc rustup sbt ' +
    'sed sh sleep sqlite3 ssh sudo swiftc tar terraform tox tsc tsx uv uvx vitest wget xargs yarn zig zsh'
  ).split(' '),
);
/** The programs among them that also begin English sentences. They count as commands when few words follow. */
const WORDS = new Set(['cat', 'cc', 'echo', 'env', 'git', 'go', 'make', 'node', 'rake', 'sleep', 'jest']);
/** `./x`, `../x`, `/x/y`, `~/x`, or a variable that is set for one command. */
const PATH_OR_VARIABLE = /^(?:\.{0,2}\/\S|~\/\S|[A-Za-z_]\w*=\S*\s+\S)/;
/** An option, a pipe, a redirection or a second command. */
const SHELL_SYNTAX = /\s(?:--?[A-Za-z][\w-]*(?:[\s=]|$)|&&\s|\|\|?\s|[<>]{1,2}\s?\S)/;

/** Guesses whether the author of a goal meant a command line. Used only for a hint: a goal is never run. */
export function looksLikeCommand(goal: string): boolean {
  const line = goal.trim();
  if (line.includes('\n')) return false;
  if (PATH_OR_VARIABLE.test(line)) return true;
  const [program = '', ...rest] = line.split(/\s+/);
  if (!/^[a-z][\w.+-]*$/.test(program)) return false;
  if (SHELL_SYNTAX.test(` ${rest.join(' ')}`)) return true;
  return PROGRAMS.has(program) && (!WORDS.has(program) || rest.length <= 2);
}
