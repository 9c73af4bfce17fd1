import { execFile } from 'node:child_process';
import { probeOf, type Probe, type Skipped } from '../figure.ts';
import { benchEnvironment, timeCommand } from '../processes.ts';

/** A program that runs the same commands without a fleet. */
interface Rival {
  readonly name: string;
  /** Runs a command of `/bin/sh` so many times. @returns the time of the whole process, in ms */
  readonly time: (run: string, count: number) => Promise<number>;
  /** The times so far. */
  readonly times: number[];
}

/** The programs beside which commands are measured: `xargs`, and GNU parallel where it is installed. */
export class Rivals {
  readonly #rivals: readonly Rival[];
  readonly skipped: readonly Skipped[];

  private constructor(rivals: readonly Rival[], skipped: readonly Skipped[]) {
    this.#rivals = rivals;
    this.skipped = skipped;
  }

  static async of(slots: number): Promise<Rivals> {
    const env = { ...benchEnvironment(null), PARALLEL_SHELL: '/bin/sh' };
    const lines = (text: string, count: number): string => `${text}\n`.repeat(count);
    const xargs: Rival = {
      name: `xargs -P${slots}`,
      time: (run, count) =>
        timeCommand('xargs', [`-P${slots}`, '-n1', '/bin/sh', '-c', run], env, lines('x', count)),
      times: [],
    };
    const parallel: Rival = {
      name: `parallel -j${slots}`,
      time: (run, count) => timeCommand('parallel', [`-j${slots}`], env, lines(run, count)),
      times: [],
    };
    return (await hasGnuParallel(env))
      ? new Rivals([xargs, parallel], [])
      : new Rivals([xargs], [{ name: parallel.name, why: 'not installed' }]);
  }

  /** Lets each rival run the commands once. */
  async run(run: string, count: number): Promise<void> {
    for (const { time, times } of this.#rivals) times.push(await time(run, count));
  }

  /** Returns a probe of each rival, of the times since the last call. @param unit the time of one unit, in ms */
  probes(unit = 1): Probe[] {
    return this.#rivals.map(({ name, times }) =>
      probeOf(
        name,
        times.splice(0).map(ms => ms / unit),
      ),
    );
  }
}

/** The moreutils have a program of this name too. */
function hasGnuParallel(env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise(resolve => {
    execFile('parallel', ['--version'], { env }, (error, text) =>
      resolve(error === null && text.startsWith('GNU parallel')),
    );
  });
}
