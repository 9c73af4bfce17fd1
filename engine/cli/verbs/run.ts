import type { Priority } from '../../contract/commands.ts';
import type { FanOutOpened } from '../../contract/documents.ts';
import { MAX_SUBTASKS } from '../../subtask/subtask-ref.ts';
import { FleetError } from '../../errors.ts';
import { DETACH_OPTION, followOpened, leaveRunning, OUTPUT_OPTION } from '../run/opened.ts';
import { readRequest, type Requested } from '../run/requests.ts';
import { ensureSlots, releaseWorkers, runningFleet } from '../run/slots.ts';
import { FORCE_OPTION, PRIORITY_OPTION } from '../fan-out-options.ts';
import { MEASURE_OPTION } from '../run/measure.ts';
import { PARAM_OPTION } from '../params.ts';
import { pathOf } from '../settings.ts';
import { inNamespace } from '../used-namespace.ts';
import { defineVerb, number, text, toggle, words, type Context } from '../verb.ts';

/** The most attempts of a subtask. */
const MAX_ATTEMPTS = 100;

export const run = defineVerb({
  path: 'run',
  summary: 'Run commands, a plan or agents side by side',
  description: [
    'Starts a fleet if none runs, with a slot per core. It ends after 10 minutes without work. Prints the output of each',
    'subtask with its name before each line, then what did not pass, and exits 0 if everything passed.',
    '',
    'A word is a command for /bin/sh, so put it in quotes. If the first word is a plan file, the other words are names or',
    'patterns of its subtasks: they run with what they depend on.',
    '',
    'Without words, the only plan file of the folder runs (*.fanout.yaml). Words without spaces that all name subtasks of',
    'that plan run this part of it. Otherwise, if all of them are scripts of package.json, they run with its package',
    'manager: side by side or, joined by commas, one after another.',
    '',
    'With --each, each line of a file is a subtask. The command gets the line where it has {}, else at its end, as one',
    'word, whatever is in it. With --agent, each word is a goal for a coding agent, in a git worktree of its own.',
    '',
    'The word run can be left out before a command in quotes, a script, a subtask, a plan file, -e and --agent. A command',
    'of spl comes first: spl run status runs a script of that name.',
    '',
    'When a subtask fails, those that run are finished and no more are started. With --each, all are run.',
  ].join('\n'),
  examples: [
    ["spl 'npm test' 'npm run lint'", 'run two commands side by side'],
    ['spl lint test', 'run two scripts, or subtasks of the only plan'],
    ['spl run', 'run the only plan of the folder'],
    ["spl release.fanout.yaml 'test-*'", 'run a part of a plan, with what it depends on'],
    ["ls src/*.js | spl -j4 -e - 'npx eslint'", 'run a command per line, at most four at a time'],
    ["spl --agent claude 'Fix the flaky test' 'Document the API'", 'give each goal to a coding agent'],
  ],
  positionals: {
    words: words(
      'commands',
      'Commands, scripts, or names of subtasks; or a plan file, and names or patterns of its subtasks',
      'work',
    ),
  },
  flags: {
    each: text('-e, --each <file>', 'Run the command for each line of a file; - is standard input', 'files'),
    agent: text('--agent <name>', 'Give each word as a goal to this coding agent'),
    jobs: number('-j, --jobs <n>', 'The most subtasks at a time; starts workers if it needs more slots', {
      min: 1,
      max: MAX_SUBTASKS,
      whole: true,
    }),
    keepGoing: toggle('--keep-going', 'Run the rest when a subtask fails (default with --each)'),
    failFast: toggle('--fail-fast', 'End the rest when a subtask fails'),
    retries: number('--retries <n>', 'How often a subtask that failed is tried again (default: 0)', {
      min: 0,
      max: MAX_ATTEMPTS - 1,
      whole: true,
    }),
    param: PARAM_OPTION,
    join: text('--join <done-when>', 'What must pass: all (default), any, k_of_n:K, or a CEL expression'),
    timeout: number('--timeout <secs>', 'Time limit of the whole run in seconds; the rest is ended', {
      min: 0.001,
      max: 31_536_000,
    }),
    output: OUTPUT_OPTION,
    alias: text('--alias <name>', 'Name of the task (default: generated)'),
    priority: PRIORITY_OPTION,
    force: FORCE_OPTION,
    detach: DETACH_OPTION,
    measure: MEASURE_OPTION,
    noInput: toggle('--no-input', 'Reject a subtask that asks a person, instead of waiting for the answer'),
  },
  async run(context, given) {
    refuseBoth(given);
    const fleet = await runningFleet(context);
    const request = await readRequest(context, given, fleet);
    const extra = await ensureSlots(context, fleet, given.jobs ?? 0);
    const opened = await open(context, given, request);
    if (given.detach) return leaveRunning(context, opened);
    try {
      return await followOpened(context, opened, given);
    } finally {
      if (extra.length > 0) await releaseWorkers(context, extra).catch(() => undefined);
    }
  },
});

interface Given {
  readonly each: string | null;
  readonly jobs: number | null;
  readonly keepGoing: boolean;
  readonly failFast: boolean;
  readonly retries: number | null;
  readonly join: string | null;
  readonly timeout: number | null;
  readonly alias: string | null;
  readonly noInput: boolean;
  readonly priority: Priority | null;
  readonly force: boolean;
  readonly detach: boolean;
  readonly measure: boolean;
}

function refuseBoth({ keepGoing, failFast, detach, measure }: Given): void {
  const both = keepGoing && failFast ? ['--keep-going', '--fail-fast'] : ['--detach', '--measure'];
  if ((keepGoing && failFast) || (detach && measure))
    throw new FleetError('USAGE', `${both.join(' and ')} can’t be combined`, {
      hint: 'Use only one of them.',
    });
}

/** Opens the fan-out. A signal does not break this off: what has been opened must be known, to be cancelled. */
async function open(context: Context, given: Given, request: Requested): Promise<FanOutOpened> {
  const { goal, namespace: own, subtasks, ...fanOut } = request;
  const attempts = given.retries === null ? {} : { attempts: given.retries + 1 };
  const { engine, actor } = await context.client();
  return inNamespace(context, own, namespace =>
    engine.submit(
      'fan-out.open',
      {
        goal,
        alias: given.alias,
        priority: given.priority ?? fanOut.priority ?? 'medium',
        labels: [],
        domain: null,
        hypothesis: null,
        criteria: [],
        namespace,
        dir: pathOf('.', context),
        fan_out: {
          ...NO_LIMITS,
          ...fanOut,
          priority: null,
          subtasks: subtasks.map(subtask => ({ ...subtask, ...attempts })),
          namespace: null,
          ...(given.join !== null && { join: given.join }),
          losers: losersOf(given) ?? fanOut.losers ?? 'drain',
          ...(given.timeout !== null && { timeout_secs: given.timeout }),
          ...(given.jobs !== null && { max_parallel: given.jobs }),
          ...(given.noInput && { no_input: true }),
          ...((given.force || given.measure) && { force: true }),
        },
      },
      { actor },
    ),
  );
}

const NO_LIMITS = {
  join: 'all',
  timeout_secs: null,
  budget_usd: null,
  budget_tokens: null,
  budget_secs: null,
  dir: null,
} as const;

function losersOf({ keepGoing, failFast, each }: Given): 'keep' | 'cancel' | null {
  if (failFast) return 'cancel';
  return keepGoing || each !== null ? 'keep' : null;
}
