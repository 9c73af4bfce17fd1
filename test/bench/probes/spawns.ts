import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The whole program of the process: small, since a fork costs more the more memory a process has. */
const PROGRAM = `
const { spawn } = require('node:child_process');
process.on('message', run => {
  const begun = performance.now();
  spawn('/bin/sh', ['-c', run]).once('close', () => process.send(performance.now() - begun));
});
process.once('disconnect', () => process.exit());
`;

/** Probes the start of a command: a bare `spawn` of `/bin/sh` until its `close`, in a small Node.js process. */
export class SpawnProbe {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn(process.execPath, ['-e', PROGRAM], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** Runs one command. @returns its time in ms */
  async time(run: string): Promise<number> {
    this.#child.send(run);
    const [ms] = (await once(this.#child, 'message')) as [number];
    return ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}
