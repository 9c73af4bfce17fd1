import { build } from 'esbuild';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HEAP_FLAGS } from '../../engine/runtime/heap.ts';
import type { StageMessage, StageName } from './child.ts';
import type { Figure } from './figure.ts';
import { benchEnvironment } from './processes.ts';
import { endProcesses } from '../harness/processes.ts';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));

/** Bundles the program of the stages. */
export async function buildProgram(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(SOURCES, 'child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // CommonJS packages require Node.js's own modules.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** The time limit of a stage, which only a fault exceeds. */
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
  /** Variables in addition to the environment of the stage and its processes. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a stage in a separate process, so that it is not affected by the memory and the compiled code of another stage.
 */
export async function runStage(run: StageRun): Promise<readonly Figure[]> {
  run.signal.throwIfAborted();
  const words = [run.name, run.bin, run.dir, run.quick ? 'quick' : 'full', SOURCES];
  // The coordinator runs in this process, with the flags with which `spl` starts one.
  const child = fork(run.program, words, {
    execArgv: [...HEAP_FLAGS],
    env: { ...benchEnvironment(null), ...run.env },
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  let figures: readonly Figure[] | undefined;
  child.on('message', message => {
    const said = message as StageMessage;
    if (said.type === 'say') run.say(said.text);
    else figures = said.figures;
  });
  const limitMs = run.quick ? QUICK_STAGE_MS : STAGE_MS;
  let cut: string | undefined;
  const cutShort = (why: string): void => {
    cut = why;
    child.kill('SIGKILL');
  };
  // A separate timer: Node.js 20 may collect the time-out of an `AbortSignal.any`, which then never fires.
  const timer = setTimeout(() => cutShort(`was not over within ${limitMs / 1000} s`), limitMs);
  const onStop = (): void => cutShort('was told to end');
  run.signal.addEventListener('abort', onStop);
  try {
    const [code, signal] = await exit;
    if (figures === undefined || code !== 0)
      throw new Error(`the stage '${run.name}' ${cut ?? `ended with ${code ?? signal}`}`);
    return figures;
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener('abort', onStop);
    // The stage ends its fleets itself, unless it was cut short or failed.
    await endProcesses(run.dir);
  }
}
