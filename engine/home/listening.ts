import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { createSecureContext } from 'node:tls';
import { FleetError, messageOf } from '../errors.ts';
import { requirePrivate } from './access.ts';
import type { Config } from './config.ts';

/** The address of a coordinator's port, its certificate and its names. */
export interface Listening {
  readonly host: string;
  /** Both as PEM; null for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /**
   * True for a name in the header `Host`, without its port, that belongs to this port; loopback names are not listed.
   */
  readonly isOwnName: (name: string) => boolean;
  /** Notes for people. */
  readonly notes: readonly string[];
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1']);

/**
 * Chooses the address and the certificate of the port: plain HTTP on this machine alone, elsewhere a certificate or a
 * proxy that has one.
 * @param folder the base of relative paths
 * @throws HOME_INVALID for an address that others reach without TLS, and for a certificate or key that is missing, open
 * to others, or does not match.
 */
export async function listeningOf(
  host: string,
  server: Config['server'],
  folder: string,
): Promise<Listening> {
  const { tls_cert: cert, tls_key: key, proxy } = server;
  if ((cert === undefined) !== (key === undefined))
    throw invalid('[server] tls_cert and tls_key must be set together', 'Set both, or neither.');
  if (cert !== undefined && key !== undefined) {
    if (proxy !== undefined)
      throw invalid(
        '[server] proxy and tls_cert exclude each other',
        'Set proxy if the proxy terminates TLS, else tls_cert.',
      );
    return withTls(host, path.resolve(folder, cert), path.resolve(folder, key));
  }
  if (proxy !== undefined) return behind(host, proxy);
  if (LOOPBACK.has(host)) return { host, tls: null, isOwnName: () => false, notes: [] };
  throw invalid(
    `[server] host '${host}' is reachable from other machines, and requests to it would not be encrypted`,
    'Set [server] tls_cert and tls_key in config.toml, or proxy = "https://name" for a proxy that has a certificate.',
  );
}

async function withTls(host: string, certFile: string, keyFile: string): Promise<Listening> {
  const cert = await read('the certificate', certFile);
  requirePrivate('the key of the certificate', keyFile, await fs.stat(keyFile).catch(notReadable(keyFile)));
  const key = await read('the key of the certificate', keyFile);
  const certificate = parse(cert, key, certFile);
  const isOwnName = (name: string): boolean =>
    (net.isIP(bare(name)) === 0 ? certificate.checkHost(name) : certificate.checkIP(bare(name))) !==
    undefined;
  const hasEnded = Date.parse(certificate.validTo) < Date.now();
  const notes = hasEnded ? [`the certificate '${certFile}' expired on ${certificate.validTo}`] : [];
  return { host, tls: { cert, key }, isOwnName, notes };
}

function parse(cert: string, key: string, certFile: string): X509Certificate {
  try {
    // Fails when the key belongs to another certificate.
    createSecureContext({ cert, key });
    return new X509Certificate(cert);
  } catch (cause) {
    throw invalid(
      `the certificate '${certFile}' and its key can't be used: ${messageOf(cause)}`,
      'Both must be PEM files, and the key must have no password.',
      cause,
    );
  }
}

/** Describes a port behind a proxy, which ends TLS and sends its own name in `Host`. */
function behind(host: string, proxy: string): Listening {
  const url = new URL(proxy);
  if (url.protocol !== 'https:')
    throw invalid(
      `[server] proxy '${proxy}' is not an https URL`,
      'Set it to the https URL of the proxy that terminates TLS.',
    );
  const notes = LOOPBACK.has(host)
    ? []
    : [`${host} accepts connections without TLS: make it reachable only from the proxy ${proxy}`];
  return { host, tls: null, isOwnName: name => name.toLowerCase() === url.hostname, notes };
}

const bare = (name: string): string => name.replace(/^\[(.*)\]$/, '$1');

function read(what: string, file: string): Promise<string> {
  return fs.readFile(file, 'utf8').catch(notReadable(file, what));
}

const notReadable =
  (file: string, what = 'the file') =>
  (cause: unknown): never => {
    throw invalid(
      `${what} '${file}' is not readable: ${messageOf(cause)}`,
      'See [server] in config.toml.',
      cause,
    );
  };

function invalid(message: string, hint: string, cause?: unknown): FleetError {
  return new FleetError('HOME_INVALID', message, { hint, ...(cause === undefined ? {} : { cause }) });
}
