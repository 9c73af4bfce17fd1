import { chmod, lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';

/** The number of consecutive ports to try. If all are taken, the cause is another one. */
const PORT_TRIES = 100;
const LAST_PORT = 65_535;

/**
 * Listens on a Unix socket that only its owner may open. Removes a leftover socket at the path; only the holder of the
 * home's lease may do that.
 * @throws CONFLICT if something other than a socket is at the path; UNAVAILABLE if listening fails
 */
export async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  await removeStale(socketPath);
  try {
    await listen(server, { path: socketPath });
    await chmod(socketPath, 0o600);
  } catch (cause) {
    throw new FleetError('UNAVAILABLE', `can't listen on '${socketPath}': ${messageOf(cause)}`, {
      details: { socket: socketPath },
      cause,
    });
  }
}

/**
 * Listens on a port of the host, or on the next free one after it.
 * @returns the port, with a note if it is not the requested one
 * @throws UNAVAILABLE if a hundred consecutive ports are taken, or listening is not allowed
 */
export async function listenOnPort(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly port: number; readonly notes: readonly string[] }> {
  const last = Math.min(port + PORT_TRIES - 1, LAST_PORT);
  for (let candidate = port; candidate <= last; candidate++) {
    try {
      await listen(server, { host, port: candidate });
      const bound = portOf(server);
      return {
        port: bound,
        notes: candidate === port ? [] : [`port ${port} is taken: listening on ${bound}`],
      };
    } catch (cause) {
      if (systemCodeOf(cause) === 'EADDRINUSE') continue;
      throw new FleetError('UNAVAILABLE', `can't listen on ${host}:${candidate}: ${messageOf(cause)}`, {
        details: { host, port: candidate },
        cause,
      });
    }
  }
  throw new FleetError('UNAVAILABLE', `the ports ${port} to ${last} are all taken`, {
    details: { host, port, last },
    hint: 'Set another port in config.toml: [server] port.',
  });
}

async function removeStale(socketPath: string): Promise<void> {
  const found = await lstat(socketPath).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) {
    throw new FleetError('CONFLICT', `can't listen on '${socketPath}': the file there is not a socket`, {
      details: { socket: socketPath },
      hint: 'Move that file to another place.',
    });
  }
  await rm(socketPath, { force: true });
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('listening', onListening).once('error', onError);
    server.listen(options);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
