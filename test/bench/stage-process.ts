import { build } from 'esbuild';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { StageMessage, StageName } from './child.ts';
import type { Figure } from './figure.ts';
import { benchEnvironment } from './processes.ts';

/** Bundles the program that the stages run in. */
export async function buildProgram(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('child.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  });
}

/** No stage takes so long, unless something is broken. */
const STAGE_MS = 600_000;
const QUICK_STAGE_MS = 60_000;

export interface StageRun {
  readonly name: StageName;
  readonly program: string;
  readonly bin: string;
  readonly dir: string;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** Added to the environment of the stage and of all that it starts. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a stage in a process of its own, so that none meets the memory and the compiled code of another. */
export async function runStage(run: StageRun): Promise<readonly Figure[]> {
  const words = [run.name, run.bin, run.dir, run.quick ? 'quick' : 'full'];
  const child = fork(run.program, words, {
    execArgv: [],
    env: { ...benchEnvironment(null), ...run.env },
    signal: AbortSignal.any([run.signal, AbortSignal.timeout(run.quick ? QUICK_STAGE_MS : STAGE_MS)]),
  });
  let figures: readonly Figure[] | undefined;
  child.on('message', message => {
    const said = message as StageMessage;
    if (said.type === 'say') run.say(said.text);
    else figures = said.figures;
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (figures === undefined || code !== 0)
    throw new Error(`the stage '${run.name}' ended with ${code ?? signal}`);
  return figures;
}
