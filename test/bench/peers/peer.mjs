import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The process of a peer: `node FILE FOLDER`, and of each of its workers: `node FILE FOLDER worker`. */
export const [, file, dir, role] = process.argv;
export const isWorker = role === 'worker';

const WORKERS = 2;

/**
 * Starts the peer's server and workers. Answers each number of the parent process with the time of a fan-out of so many
 * children, in ms.
 * @param {readonly string[]} server the command line of the server
 * @param {() => Promise<(children: number) => Promise<void>>} open connects, and returns what runs a fan-out to its join
 */
export async function answerFanOuts([program, ...words], open) {
  // The folder in the environment is what tells a server that is left over.
  const env = { ...process.env, PEER_DIR: dir };
  const server = spawn(program, words, { cwd: dir, env, stdio: ['ignore', 'ignore', 'inherit'] });
  server.once('error', error => fail(error));
  server.once('exit', code => fail(new Error(`${program} ended with ${code}`)));
  process.once('exit', () => server.kill('SIGKILL'));
  process.once('disconnect', () => process.exit());
  const fanOut = await open();
  for (let i = 0; i < WORKERS; i++) {
    const worker = fork(file, [dir, 'worker'], { env });
    worker.once('exit', code => fail(new Error(`a worker ended with ${code}`)));
    await once(worker, 'message');
  }
  process.on('message', children => {
    const begun = performance.now();
    fanOut(children).then(() => process.send(performance.now() - begun), fail);
  });
}

/** Tells the peer that this worker is ready, which it stays until the peer ends. */
export function ready() {
  process.once('disconnect', () => process.exit());
  process.send('ready');
}

function fail(error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
