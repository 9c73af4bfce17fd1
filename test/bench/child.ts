import type { Figure, Stage } from './figure.ts';
import { answerFanOuts } from './fan-out-process.ts';
import { answerMessages } from './probes/messages.ts';
import { commands } from './stages/commands.ts';
import { crowded } from './stages/crowded.ts';
import { freeze } from './stages/freeze.ts';
import { latency } from './stages/latency.ts';
import { load, writeAndReadBack } from './stages/load.ts';
import { log } from './stages/log.ts';
import { memory } from './stages/memory.ts';
import { opening, openOnce, readOnce } from './stages/opening.ts';
import { peers } from './stages/peers.ts';
import { plans } from './stages/plans.ts';
import { profiled } from './stages/profiled.ts';
import { runs } from './stages/runs.ts';
import { scaling } from './stages/scaling.ts';
import { attempt, growth, many, shell, sleep } from './stages/shell.ts';
import { throughput } from './stages/throughput.ts';
import { worktree } from './stages/worktree.ts';
import { takeTurns } from './turns.ts';

/** The program of every process that the benchmark starts. It is bundled, so that plain JavaScript is measured. */

const stages = {
  throughput,
  latency,
  scaling,
  crowded,
  shell,
  sleep,
  many,
  attempt,
  opening,
  commands,
  runs,
  memory,
  freeze,
  worktree,
  load,
  plans,
  log,
  growth,
  peers,
  profiled,
};
export type StageName = keyof typeof stages;

/** A message of a stage to the process that started it. */
export type StageMessage =
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'figures'; readonly figures: readonly Figure[] };

async function main([word, ...rest]: readonly string[]): Promise<void> {
  switch (word) {
    case 'peer':
      return answerMessages(rest[0]!);
    case 'client':
      return answerFanOuts(rest[0]!);
    case 'turns':
      return takeTurns(rest[0]!, rest[1]!);
    case 'open':
      return say(await openOnce(rest[0]!, rest[1]!));
    case 'load-client':
      return say(await writeAndReadBack());
    case 'read':
      return say(await readOnce(rest[1]!));
    default: {
      const [bin, dir, quick, sources] = rest as [string, string, string, string];
      const stage: Stage = {
        bin,
        dir,
        quick: quick === 'quick',
        program: process.argv[1]!,
        sources,
        say: text => void say({ type: 'say', text }),
      };
      return say({ type: 'figures', figures: await stages[word as StageName](stage) });
    }
  }
}

/** Sends a message to the parent process. Resolves when it is sent. */
function say(message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
