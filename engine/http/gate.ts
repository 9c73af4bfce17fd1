import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PROTOCOL } from '../contract/engine.ts';
import type { Grant } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import { hash } from '../record/hash.ts';
import type { Holder } from './grants.ts';
import { HEADERS, HEALTH_PATH } from '../operations/http-format.ts';

/** Returns the grant of a token other than the home's own; undefined for one that no longer holds, or never did. */
export interface TokenBook {
  grantOf(token: string): Grant | undefined;
}

/** The door of a request. The file permission of the socket protects it; the port requires a token. */
export type Door =
  | { readonly kind: 'socket' }
  | {
      readonly kind: 'tcp';
      readonly token: string;
      readonly tokens?: TokenBook;
      /** Returns true for a name, without its port, that is one of ours in addition to the loopback's. */
      readonly isOwnName?: (name: string) => boolean;
    };

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
/** A name or an address, with an optional port. */
const NAME = /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
/** The origin of an editor's own views, which are not web pages. */
const EDITOR_ORIGIN = /^vscode-(?:webview|file):\/\//;

/**
 * Decides from the headers alone whether a request is admitted.
 * @returns its holder
 * @throws SCOPE_FORBIDDEN for a foreign `Host` (a name that was made to point here) or a web page's `Origin`
 * @throws PROTOCOL_MISMATCH if the client states another version than ours
 * @throws AUTH_REQUIRED if the door requires a token and no valid one is given
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

/** Compares digests, so that the duration reveals neither length nor content. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hash(a)), Buffer.from(hash(b)));
}
