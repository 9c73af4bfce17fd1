import { startLauncher, type Launcher } from './launcher.ts';

/** The launcher of a worker: started when the first command needs it, and anew when it has ended. */
export class Launchers {
  readonly #label: string;
  readonly #program: string;
  #current: Promise<Launcher | null> | undefined;
  #isClosed = false;

  /**
   * @param label names its owner in a list of processes
   * @param program runs Perl
   */
  constructor(label: string, program = 'perl') {
    this.#label = label;
    this.#program = program;
  }

  /**
   * @returns null where this machine has no Perl, or after `close`.
   * @throws the system's error when it has no more descriptors; the next call tries again
   */
  current(): Promise<Launcher | null> {
    if (this.#isClosed) return Promise.resolve(null);
    return (this.#current ??= this.#start());
  }

  /** Ends the launcher, and kills the commands that still run. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#current?.catch(() => null))?.close();
  }

  async #start(): Promise<Launcher | null> {
    const forget = (): void => void (this.#current = undefined);
    try {
      const launcher = await startLauncher(this.#label, this.#program);
      void launcher?.gone.then(forget);
      return launcher;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
