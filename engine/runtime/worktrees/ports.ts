import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** The number of ports of one attempt. */
export const PORTS = 10;
/** Below the ports that systems assign, and above those that people choose. */
const FIRST = 20_000;
const LAST = 31_900;
/** The attempt's ports, and one more that marks them as taken. */
const BLOCK = PORTS + 1;
const BLOCKS = Math.floor((LAST - FIRST) / BLOCK);

/** A block of ports on this machine that belongs to one attempt. */
export interface PortBlock {
  readonly first: number;
  release(): void;
}

/**
 * Takes a block of ports that are free now. A socket that listens on one more port marks the block as taken, so that
 * the death of the worker frees it.
 * @param start the block to begin with, any whole number: different numbers seldom meet
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
