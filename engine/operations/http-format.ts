import type { Route } from './operation.ts';

/** The parts of HTTP that server and client must spell alike, besides the routes of the operations. */

/** Names of headers, in lower case. */
export const HEADERS = {
  /** The protocol version: on every answer, and on requests of a client that states its own. */
  protocol: 'spl-protocol',
  /** The DID of the request's actor. */
  actor: 'spl-actor',
  idempotencyKey: 'idempotency-key',
  /** `OutputInfo` as JSON, before a subtask's output. */
  output: 'spl-output',
} as const;

export const JSON_TYPE = 'application/json; charset=utf-8';
export const NDJSON_TYPE = 'application/x-ndjson';
/** The `Upgrade` token of the stream between coordinator and worker. */
export const LINK_UPGRADE = 'spl-link';

/** Readable by every user of the machine. */
export const HEALTH_PATH = '/health';
/** Reachable only with `Upgrade: spl-link`. */
export const LINK_PATH = '/v1/link';

/** The method and the target of a request, and the part of its input that goes into the body. */
export interface RequestLine {
  readonly method: Route['method'];
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Splits an input into path, query and body. The server reassembles it. */
export function requestLine(route: Route, input: Readonly<Record<string, unknown>>): RequestLine {
  const rest: Record<string, unknown> = { ...input };
  const take = (member: string): unknown => {
    const value = rest[member];
    delete rest[member];
    return value;
  };
  const path = route.path.replace(/:(\w+)/g, (_, member: string) => encodeURIComponent(asText(take(member))));
  const query = new URLSearchParams();
  for (const [member, { name }] of Object.entries(route.query ?? {})) {
    const value = take(member);
    if (value === undefined || value === null || value === false) continue;
    query.set(name, value === true ? '1' : asText(value));
  }
  return { method: route.method, target: query.size === 0 ? path : `${path}?${query.toString()}`, rest };
}

function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(',');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
