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
    throw invalid('[server] tls_cert and tls_key go together', 'Name both, or neither.');
  if (cert !== undefined && key !== undefined) {
    if (proxy !== undefined)
      throw invalid('[server] proxy and tls_cert exclude each other', 'TLS ends at the proxy, or here.');
    return withTls(host, path.resolve(folder, cert), path.resolve(folder, key));
  }
  if (proxy !== undefined) return behind(host, proxy);
  if (LOOPBACK.has(host)) return { host, tls: null, isOwnName: () => false, notes: [] };
  throw invalid(
    `[server] host '${host}': others reach it, and what they send would be read on the way`,
    'Name a certificate in config.toml: [server] tls_cert and tls_key; or the proxy that has one: proxy = "https://name".',
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
  const notes = hasEnded ? [`the certificate '${certFile}' ended on ${certificate.validTo}`] : [];
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
      'Both are PEM, the key without a password.',
      cause,
    );
  }
}

/** Describes a port behind a proxy, which ends TLS and sends its own name in `Host`. */
function behind(host: string, proxy: string): Listening {
  const url = new URL(proxy);
  if (url.protocol !== 'https:')
    throw invalid(`[server] proxy '${proxy}' is not an https URL`, 'It is the proxy that ends TLS.');
  const notes = LOOPBACK.has(host)
    ? []
    : [`${host} is listened on without TLS: only the proxy ${proxy} must reach it, which ends TLS`];
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
