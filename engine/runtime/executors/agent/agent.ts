import { writeFile } from 'node:fs/promises';
import { messageOf } from '../../../errors.ts';
import { commandRunner, type CommandOptions, type CommandResult } from '../command.ts';
import { fileForCommand } from '../../processes/command-notes.ts';
import { withoutCommand } from '../ending.ts';
import {
  SUMMARY_CHARS,
  type AttemptResult,
  type AttemptSpec,
  type Executor,
  type ExecutorContext,
} from '../executor.ts';
import { cutToLength, readable } from '../summary.ts';
import { Lines } from './lines.ts';
import { isSessionLost } from './lost-session.ts';
import { promptOf } from './prompt.ts';
import { quotaOf } from './quota.ts';
import { noProgress, readers, type AgentProgress } from './readers.ts';
import type { AgentTemplate } from './templates.ts';

export interface AgentOptions extends CommandOptions {
  /** Returns the time in seconds since 1970. Default: the system's. */
  readonly nowSecs?: () => number;
}

/** Replaces the shell with the agent. Its arguments are passed on unread. */
const SCRIPT = 'exec "$@"';
/** The exit code of `/bin/sh` when a program does not exist. */
const NOT_FOUND = 127;
/** The longest reason from an agent, in UTF-16 code units. */
const REASON_CHARS = 500;

/** Makes an executor that gives each attempt's goal to a coding agent, with the command line of its template. */
export function agentExecutor(name: string, template: AgentTemplate, options: AgentOptions = {}): Executor {
  const commands = commandRunner(options);
  const nowSecs = options.nowSecs ?? ((): number => Date.now() / 1000);
  return {
    name: `agent:${name}`,
    program: template.command[0]!,
    sideEffects: true,
    runsCommands: false,
    refusal: () => null,
    start: async (attempt, context) => {
      const goOn = attempt.session === null ? null : template.resume;
      if (goOn !== null) {
        const gone = await run(goOn, attempt, context);
        if (!isConversationLost(gone) || context.signal.aborted) return result(gone);
      }
      return result(await run(template.command, { ...attempt, session: null }, context));
    },
  };

  async function run(
    command: readonly string[],
    attempt: AttemptSpec,
    context: ExecutorContext,
  ): Promise<AgentRun> {
    const progress = noProgress();
    let prompt: string;
    try {
      prompt = await fileForCommand(options.commandsDir, 'prompt');
      await writeFile(prompt, promptOf(attempt), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const reason = `the prompt could not be written: ${messageOf(error)}`;
      return { ended: withoutCommand('failed', reason), progress };
    }
    const read = readers[template.output]();
    const lines = new Lines(line => {
      const before = (progress.costUsd ?? 0) + progress.tokens;
      read(line, progress);
      const costUsd = progress.costUsd ?? 0;
      if (costUsd + progress.tokens !== before) context.used({ costUsd, tokens: progress.tokens });
    });
    const ended = await commands.run(
      {
        script: SCRIPT,
        args: [...filledIn(command, attempt, prompt), ...limitOf(template, attempt)],
        files: [prompt],
        ...(template.prompt === 'stdin' ? { input: prompt } : {}),
        onOutput: chunk => lines.add(chunk),
      },
      attempt,
      context,
    );
    lines.end();
    return { ended, progress };
  }

  function result({ ended, progress }: AgentRun): AttemptResult {
    return resultOf(name, template, ended, progress, nowSecs());
  }
}

/** One run of an agent's program: its end, and its progress. */
interface AgentRun {
  readonly ended: CommandResult;
  readonly progress: AgentProgress;
}

/**
 * True when the agent only reported that the conversation does not exist. It began no work, so that the attempt can
 * start anew.
 */
function isConversationLost({ ended, progress }: AgentRun): boolean {
  const hasFailed = progress.error !== null || (ended.verdict === 'failed' && ended.exitCode !== null);
  return (
    hasFailed &&
    (progress.costUsd ?? 0) + progress.tokens === 0 &&
    isSessionLost(progress.error ?? lastWords(ended, progress))
  );
}

/** Returns the arguments by which the tool limits itself to its share of a budget. */
function limitOf({ budget }: AgentTemplate, { budget_usd: budgetUsd }: AttemptSpec): readonly string[] {
  if (budget === null || budgetUsd === null) return [];
  return budget.map(word => word.replaceAll('{budget_usd}', String(budgetUsd)));
}

function filledIn(words: readonly string[], { session }: AttemptSpec, prompt: string): string[] {
  return words.map(word => word.replaceAll('{prompt_file}', prompt).replaceAll('{session}', session ?? ''));
}

function resultOf(
  name: string,
  { command }: AgentTemplate,
  result: CommandResult,
  progress: AgentProgress,
  nowSecs: number,
): AttemptResult {
  const said = progress.error === null ? null : cutToLength(readable(progress.error), REASON_CHARS);
  const isAccepted = result.verdict === 'accept' && said === null;
  const ended = result.verdict === 'accept' && !isAccepted ? 'failed' : result.verdict;
  const quota = ended === 'failed' ? quotaIn(result, progress, nowSecs) : null;
  const asks =
    isAccepted && progress.asks !== null ? cutToLength(readable(progress.asks), REASON_CHARS) : null;
  // An agent that asks has not done its work; the fan-out decides about waiting for a person.
  const verdict = asks === null ? ended : 'reject';
  return {
    ...result,
    verdict,
    reason:
      result.exitCode === NOT_FOUND && progress.summary === null
        ? `agent '${name}': '${command[0]}' was not found; install it, or add it to the PATH of the submitting shell`
        : (said ?? asks ?? result.reason),
    summary:
      progress.summary === null ? result.summary : cutToLength(readable(progress.summary), SUMMARY_CHARS),
    costUsd: progress.costUsd ?? 0,
    ...(progress.costUsd === null && result.exitCode !== NOT_FOUND ? { isCostUnknown: true } : {}),
    ...(asks === null ? {} : { asks }),
    ...(progress.tokens > 0 ? { tokens: progress.tokens } : {}),
    ...(progress.session === null ? {} : { session: progress.session }),
    ...(quota === null ? {} : { quota }),
  };
}

/** Returns the quota that an attempt ran out of. A time in the tool's stream takes precedence over one in its text. */
function quotaIn(
  result: CommandResult,
  progress: AgentProgress,
  nowSecs: number,
): { resetsAtUnix?: number } | null {
  const { refusedUntilUnix } = progress;
  const said = quotaOf(progress.error ?? lastWords(result, progress), nowSecs);
  if (refusedUntilUnix === undefined) return said;
  return refusedUntilUnix === null ? (said ?? {}) : { resetsAtUnix: refusedUntilUnix };
}

/** The number of last lines that may contain the reason of a failure when the agent has no other way to report it. */
const LAST_LINES = 3;

/**
 * Returns the last lines of an agent that gave no answer, else ''. An answer is about the work, and may contain any
 * word.
 */
function lastWords({ summary }: CommandResult, progress: AgentProgress): string {
  return progress.summary === null ? summary.split('\n').slice(-LAST_LINES).join('\n') : '';
}
