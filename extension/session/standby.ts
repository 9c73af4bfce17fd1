import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import * as path from 'node:path';
import type * as vscode from 'vscode';
import { homePaths } from '../../engine/home/paths.ts';
import { withoutRepository } from '../../engine/runtime/environment.ts';
import { messageOf } from '../../engine/errors.ts';

/** The time limit for the standby to end. */
const END_MS = 1000;

/**
 * Keeps a process that waits for the home's lease, and takes over the coordinator when this process releases the lease
 * or dies. The standby exists while a fan-out is open, and outlives this process.
 */
export class Standby {
  readonly #splFile: string;
  readonly #home: string;
  readonly #log: vscode.LogOutputChannel;
  readonly #onLost: () => void;
  #process: ChildProcess | undefined;
  #isWanted = false;
  /**
   * Pending until the actual state is the wanted one. One change runs at a time; changes that are no longer wanted are
   * skipped.
   */
  #settling: Promise<void> | undefined;

  /** @param onLost called when the standby is gone without having been ended */
  constructor(splFile: string, home: string, log: vscode.LogOutputChannel, onLost: () => void) {
    this.#splFile = splFile;
    this.#home = home;
    this.#log = log;
    this.#onLost = onLost;
  }

  /** Starts the standby if it is not running. A failure is only logged, since the fan-out goes on without a standby. */
  begin(): Promise<void> {
    return this.#want(true);
  }

  /** Ends the standby. Resolves when it is gone, so that it cannot take over a lease that is released next. */
  end(): Promise<void> {
    return this.#want(false);
  }

  #want(isWanted: boolean): Promise<void> {
    this.#isWanted = isWanted;
    return (this.#settling ??= this.#settle());
  }

  async #settle(): Promise<void> {
    let done: boolean | undefined;
    try {
      while (done !== this.#isWanted) {
        done = this.#isWanted;
        await (done ? this.#start() : this.#stop());
      }
    } catch (thrown) {
      this.#log.error(`standby: ${messageOf(thrown)}`);
    } finally {
      this.#settling = undefined;
    }
  }

  async #start(): Promise<void> {
    if (this.#isRunning()) return;
    const waiting = (this.#process = await this.#spawn());
    this.#log.info(`standby waits: PID ${waiting.pid}`);
    waiting.once('exit', () => {
      if (this.#process === waiting) this.#onLost();
    });
  }

  async #stop(): Promise<void> {
    const waiting = this.#process;
    if (waiting === undefined || !this.#isRunning()) return;
    this.#process = undefined;
    const gone = once(waiting, 'exit');
    waiting.kill('SIGTERM');
    const impatience = setTimeout(() => waiting.kill('SIGKILL'), END_MS);
    await gone;
    clearTimeout(impatience);
    this.#log.info(`standby ended: PID ${waiting.pid}`);
  }

  #isRunning(): boolean {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  async #spawn(): Promise<ChildProcess> {
    const { logsDir } = homePaths(this.#home);
    await mkdir(logsDir, { recursive: true, mode: 0o700 });
    const log = await open(path.join(logsDir, 'standby.log'), 'a', 0o600);
    try {
      const words = [this.#splFile, 'serve', '--standby', '--home', this.#home];
      const child = spawn(process.execPath, words, {
        detached: true,
        cwd: '/',
        stdio: ['ignore', log.fd, log.fd],
        // The editor's own program acts as Node.js only with this variable.
        env: { ...withoutRepository(process.env), ELECTRON_RUN_AS_NODE: '1' },
      });
      await once(child, 'spawn');
      child.unref();
      return child;
    } finally {
      await log.close();
    }
  }
}
