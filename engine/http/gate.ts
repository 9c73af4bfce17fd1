import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PROTOCOL } from '../contract/engine.ts';
import type { Grant } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import { hash } from '../record/hash.ts';
import type { Holder } from './grants.ts';
import { HEADERS, HEALTH_PATH } from '../operations/http-format.ts';

/** Tells what a token beside the home's own lets its holder do; undefined for one that holds no more, or never did. */
export interface TokenBook {
  grantOf(token: string): Grant | undefined;
}

/** The door that a request came through. The socket's file permission is its key; the port asks for a token. */
export type Door =
  | { readonly kind: 'socket' }
  | {
      readonly kind: 'tcp';
      readonly token: string;
      readonly tokens?: TokenBook;
      /** Tells whether a name, without its port, is one of ours beside those of the loopback. */
      readonly isOwnName?: (name: string) => boolean;
    };

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
/** A name or an address, and perhaps a port. */
const NAME = /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
/** An editor's own views have origins too, and are no web pages. */
const EDITOR_ORIGIN = /^vscode-(?:webview|file):\/\//;

/**
 * Decides whether a request may come in at all, from its headers alone.
 * @returns who it comes from.
 * @throws SCOPE_FORBIDDEN for a foreign `Host` (a name that was made to point here) or a web page's `Origin`.
 * @throws PROTOCOL_MISMATCH when the client states another version than ours.
 * @throws AUTH_REQUIRED when the door asks for a token and none that holds is given.
 */
export function admit(request: IncomingMessage, door: Door): Holder {
  checkHost(request.headers.host, door);
  checkOrigin(request.headers.origin);
  checkProtocol(request.headers[HEADERS.protocol]);
  if (door.kind === 'socket') return 'root';
  return isHealth(request) ? 'anyone' : holderOf(request.headers.authorization, door);
}

function checkHost(host: string | undefined, door: Door): void {
  if (host !== undefined && (LOOPBACK.test(host) || isNameOf(door, host))) return;
  const what =
    host === undefined ? 'the request has no Host header' : `the Host '${host}' does not name this machine`;
  throw new FleetError('SCOPE_FORBIDDEN', what, {
    details: { host: host ?? null },
    hint: 'Use localhost, 127.0.0.1 or [::1], or a name that the certificate or [server] proxy has.',
  });
}

function isNameOf(door: Door, host: string): boolean {
  const name = NAME.exec(host)?.[1];
  return name !== undefined && door.kind === 'tcp' && door.isOwnName?.(name) === true;
}

function checkOrigin(origin: string | undefined): void {
  if (origin === undefined || EDITOR_ORIGIN.test(origin)) return;
  throw new FleetError(
    'SCOPE_FORBIDDEN',
    `the Origin '${origin}' is a web page, and web pages can't call an engine`,
    {
      details: { origin },
    },
  );
}

function checkProtocol(stated: string | string[] | undefined): void {
  if (stated === undefined || stated === String(PROTOCOL)) return;
  throw new FleetError(
    'PROTOCOL_MISMATCH',
    `the client uses protocol ${String(stated)}, but this engine uses protocol ${PROTOCOL}`,
    {
      details: { client: stated, engine: PROTOCOL },
      hint: 'Use a client and an engine of the same version.',
    },
  );
}

function isHealth({ method, url = '' }: IncomingMessage): boolean {
  return (
    (method === 'GET' || method === 'HEAD') && (url === HEALTH_PATH || url.startsWith(`${HEALTH_PATH}?`))
  );
}

function holderOf(authorization: string | undefined, { token, tokens }: Door & { kind: 'tcp' }): Holder {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given !== undefined && sameText(given, token)) return 'root';
  const grant = given === undefined ? undefined : tokens?.grantOf(given);
  if (grant !== undefined) return grant;
  const what =
    authorization === undefined ? 'the request has no token' : 'the token is wrong, expired or revoked';
  throw new FleetError('AUTH_REQUIRED', what, {
    hint: "Send 'Authorization: Bearer ‹token›'; the token is in the file 'token' of the engine's home, or made with spl token create.",
  });
}

/** Compared as digests, so that neither length nor content tells by the time that it takes. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hash(a)), Buffer.from(hash(b)));
}
