import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from '../../engine/client/client.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { resolveSocket } from '../../engine/home/socket.ts';
import { echoes, timeFanOut } from './fan-out.ts';

/** A process that answers a number with the time of a fan-out of so many children. */
export class FanOutProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;

  constructor(program: string, words: readonly string[]) {
    this.#child = fork(program, words, { execArgv: [] });
    this.#exit = once(this.#child, 'exit');
  }

  /**
   * A client on the socket of a home, as `spl` and the extension are.
   * @param program a file that runs `answerFanOuts` for the argument `client`
   */
  static client(program: string, home: string): FanOutProcess {
    return new FanOutProcess(program, ['client', home]);
  }

  /** @returns the time from the command to the durable join as the client sees it, in ms */
  async timeFanOut(count: number): Promise<number> {
    const answer = new Promise<number>(resolve => this.#child.once('message', resolve));
    this.#child.send(count);
    const ms = await Promise.race([answer, this.#exit.then(() => null)]);
    if (ms === null) throw new Error('a process that fans out has ended');
    return ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exit;
  }
}

/** Answers each number of the parent process with the time of a fan-out of so many children. */
export async function answerFanOuts(home: string): Promise<void> {
  const client = connect({ socketPath: await resolveSocket(homePaths(home)) });
  let fanOuts = 0;
  process.on('message', (count: number) => {
    void timeFanOut(client, `client-${++fanOuts}`, echoes(count)).then(ms => process.send!(ms));
  });
  await once(process, 'disconnect');
  await client.close();
}
