import { statSync } from 'node:fs';
import * as path from 'node:path';
import { coordinatorThread, type CoordinatorThread } from '../../engine/client/coordinator-thread.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';

/**
 * A stand-in for an editor's extension host: it hosts the coordinator of the program that it is given as the extension
 * does, when it is told to, and goes on with what else it has to do. What it notices it sends to its parent.
 */
const program = process.argv[2] ?? '';
const home = process.env['SYNCROPEL_HOME'] ?? '';
const say = (word: object): void => void process.send?.(word);

/** Returns the number of listeners to each event of the process. */
const listeners = (): string[] =>
  process.eventNames().map(name => `${String(name)} ${process.listenerCount(name)}`);

let running: CoordinatorThread | undefined;

const acts: Readonly<Record<string, (argument: string) => Promise<object>>> = {
  async open() {
    const before = listeners();
    const file = path.join(program, 'coordinator-thread.js');
    const logger = { info: () => undefined, error: (message: string) => say({ error: message }) };
    const opened = (running = await coordinatorThread({ file, home, workerPriority: 0, client: {}, logger }));
    opened.ended.then(
      () => stop(opened),
      (error: unknown) => stop(opened, error),
    );
    return { opened: true, before, after: listeners() };
  },
  async close() {
    await running?.close();
    return { closed: true, after: listeners() };
  },
  /** Does nothing else until there is such a file: no event is heard meanwhile. */
  async block(file) {
    say({ blocks: true });
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (statSync(file, { throwIfNoEntry: false }) === undefined) Atomics.wait(cell, 0, 0, 10);
    return { goesOn: true };
  },
  async quit() {
    // The channel is all that keeps it running.
    setImmediate(() => process.disconnect());
    return { quits: true };
  },
};

async function stop(ended: CoordinatorThread, error?: unknown): Promise<void> {
  await ended.close();
  say({ stopped: true, ...(error === undefined ? {} : { cause: messageOf(error) }) });
}

process.on('message', ({ act, argument = '' }: { act: string; argument?: string }) => {
  acts[act]?.(argument).then(say, (thrown: unknown) =>
    say(FleetError.is(thrown) ? { refused: thrown.code } : { error: messageOf(thrown) }),
  );
});
