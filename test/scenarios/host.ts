import { statSync } from 'node:fs';
import * as path from 'node:path';
import { coordinatorThread, type CoordinatorThread } from '../../engine/client/coordinator-thread.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';

/**
 * Replaces an editor's extension host. On request, it hosts the coordinator of the given program as the extension does,
 * and it continues its other work. It reports events to its parent process.
 */
const program = process.argv[2] ?? '';
const home = process.env['SYNCROPEL_HOME'] ?? '';
const say = (word: object): void => void process.send?.(word);

/** Returns the number of listeners of each event of the process. */
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
  /** Blocks until the file exists. No event is handled meanwhile. */
  async block(file) {
    say({ blocks: true });
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (statSync(file, { throwIfNoEntry: false }) === undefined) Atomics.wait(cell, 0, 0, 10);
    return { goesOn: true };
  },
  async quit() {
    // Only the channel keeps the process running.
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
