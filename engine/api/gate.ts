import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PROTOCOL } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { hash } from '../record/hash.ts';
import { HEADERS, REPORT_ROUTES } from './routes.ts';

/** How a request came in: the socket's file permission is its key, the port asks for the token. */
export type Door = { readonly kind: 'socket' } | { readonly kind: 'tcp'; readonly token: string };

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
/** An editor's own views have origins too, and are no web pages. */
const EDITOR_ORIGIN = /^vscode-(?:webview|file):\/\//;

/**
 * Decides whether a request may come in at all, from its headers alone.
 * @throws SCOPE_FORBIDDEN for a foreign `Host` (a name that was made to point here) or a web page's `Origin`.
 * @throws PROTOCOL_MISMATCH when the client states another version than ours.
 * @throws AUTH_REQUIRED when the door asks for a token and the right one is not given.
 */
export function admit(request: IncomingMessage, door: Door): void {
  checkHost(request.headers.host);
  checkOrigin(request.headers.origin);
  checkProtocol(request.headers[HEADERS.protocol]);
  if (door.kind === 'tcp' && !isHealth(request)) checkToken(request.headers.authorization, door.token);
}

function checkHost(host: string | undefined): void {
  if (host !== undefined && LOOPBACK.test(host)) return;
  const what = host === undefined ? 'the request names no Host' : `Host '${host}' is not this machine`;
  throw new FleetError('SCOPE_FORBIDDEN', what, {
    details: { host: host ?? null },
    hint: 'Use localhost, 127.0.0.1 or [::1].',
  });
}

function checkOrigin(origin: string | undefined): void {
  if (origin === undefined || EDITOR_ORIGIN.test(origin)) return;
  throw new FleetError('SCOPE_FORBIDDEN', `Origin '${origin}' is a web page, and may not call an engine`, {
    details: { origin },
  });
}

function checkProtocol(stated: string | string[] | undefined): void {
  if (stated === undefined || stated === String(PROTOCOL)) return;
  throw new FleetError(
    'PROTOCOL_MISMATCH',
    `the client speaks protocol ${String(stated)}, this engine speaks protocol ${PROTOCOL}`,
    { details: { client: stated, engine: PROTOCOL }, hint: 'Use a client and an engine of one version.' },
  );
}

function isHealth({ method, url = '' }: IncomingMessage): boolean {
  const { path } = REPORT_ROUTES.health;
  return (method === 'GET' || method === 'HEAD') && (url === path || url.startsWith(`${path}?`));
}

function checkToken(authorization: string | undefined, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given !== undefined && sameText(given, token)) return;
  const what = authorization === undefined ? 'no token was given' : 'the token is not the right one';
  throw new FleetError('AUTH_REQUIRED', what, {
    hint: "Send 'Authorization: Bearer ‹token›'; the token is in the file 'token' of the engine's home.",
  });
}

/** Compared as digests, so that neither length nor content tells by the time that it takes. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(hash(a)), Buffer.from(hash(b)));
}
