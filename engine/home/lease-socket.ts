import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FleetError, systemCodeOf } from '../errors.ts';
import type { Lease } from './held-lease.ts';

/** The size of `sun_path` on Linux. */
const NAME_BYTES = 108;

/** The maximum number of waiting processes. Without it any local process could use up the holder's file descriptors. */
const MAX_WAITING = 256;

/**
 * Returns the name of a home's lease in Linux's abstract namespace, where the first byte is NUL and the file system has
 * no entry. The name contains the device and inode of the folder, so that it is the same wherever the folder is mounted
 * or linked.
 *
 * It has the full length of an address: some versions of Node.js pad a shorter one with NULs and others do not, and
 * the same home would have two names.
 * @throws NOT_FOUND when there is no such folder.
 */
export async function socketName(home: string): Promise<string> {
  try {
    const { dev, ino } = await fs.stat(home, { bigint: true });
    return `\0spl-lease-${process.getuid?.() ?? 0}-${dev}:${ino}`.padEnd(NAME_BYTES, '.');
  } catch (cause) {
    throw new FleetError('NOT_FOUND', `there is no home at '${home}'`, { details: { home }, cause });
  }
}

/** Binds the name. @returns undefined when another process has it. */
export function takeSocket(name: string): Promise<Lease | undefined> {
  const waiting = new Set<net.Socket>();
  const server = net.createServer(connection => {
    waiting.add(connection);
    connection.unref();
    connection.on('close', () => waiting.delete(connection));
    connection.on('error', () => connection.destroy());
    // Waiting processes send nothing; reading notices the end of their connections.
    connection.resume();
  });
  server.maxConnections = MAX_WAITING;
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      if (systemCodeOf(error) === 'EADDRINUSE') resolve(undefined);
      else reject(new FleetError('UNAVAILABLE', "the home's lease can't be taken", { cause: error }));
    });
    // `exclusive` keeps a cluster's primary process from holding the lease in its place.
    server.listen({ path: name, exclusive: true }, () => resolve(leaseOf(server, waiting)));
  });
}

function leaseOf(server: net.Server, waiting: ReadonlySet<net.Socket>): Lease {
  let released: Promise<void> | undefined;
  return {
    release: () =>
      (released ??= new Promise(resolve => {
        server.close(() => resolve());
        for (const connection of waiting) connection.destroy();
      })),
  };
}

/** True when a process has bound the name. */
export function isBound(name: string): Promise<boolean> {
  return new Promise(resolve => {
    const connection = net.connect({ path: name });
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

/** A connection that ends sooner was rejected, or the holder has bound the name and does not listen yet. */
const PROMPT_MS = 10;

/**
 * Waits until the process that bound the name dies or releases it: the kernel then ends the connection to it.
 * @throws the signal's reason when it aborts.
 */
export async function waitUntilFreed(name: string, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const connected = await untilDisconnected(name, signal);
  signal.throwIfAborted();
  // Prevents a busy loop while a holder rejects connections.
  if (!connected || performance.now() - began < PROMPT_MS) await delay(PROMPT_MS);
  signal.throwIfAborted();
}

function untilDisconnected(name: string, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    let connected = false;
    const connection = net.connect({ path: name });
    const abort = (): void => void connection.destroy();
    connection.on('connect', () => (connected = true));
    connection.on('error', () => connection.destroy());
    connection.on('end', () => connection.destroy());
    connection.on('close', () => {
      signal.removeEventListener('abort', abort);
      resolve(connected);
    });
    connection.resume();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
