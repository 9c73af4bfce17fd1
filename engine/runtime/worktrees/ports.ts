import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** The number of ports that an attempt has to itself. */
export const PORTS = 10;
/** Below what systems give out by themselves, and above what people choose. */
const FIRST = 20_000;
const LAST = 31_900;
/** The attempt's ports, and behind them one that says that they are taken. */
const BLOCK = PORTS + 1;
const BLOCKS = Math.floor((LAST - FIRST) / BLOCK);

/** A block of ports on this machine that no other attempt is given. */
export interface PortBlock {
  readonly first: number;
  release(): void;
}

/**
 * Takes a block of ports, all of them free now. What marks it as taken is a socket that listens behind its last port, so
 * that a worker's death frees it whatever happens.
 *
 * @param start where to begin looking, any whole number: different ones seldom meet.
 * @returns undefined when none is free.
 */
export async function takePorts(start: number): Promise<PortBlock | undefined> {
  for (let n = 0; n < BLOCKS; n++) {
    const first = FIRST + ((start + n) % BLOCKS) * BLOCK;
    const mark = await listen(first + PORTS);
    if (mark === undefined) continue;
    if (await areFree(first)) {
      mark.unref();
      return { first, release: () => void mark.close() };
    }
    mark.close();
  }
  return undefined;
}

async function areFree(first: number): Promise<boolean> {
  for (let port = first; port < first + PORTS; port++) {
    const server = await listen(port);
    if (server === undefined) return false;
    server.close();
    await once(server, 'close');
  }
  return true;
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer(socket => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
