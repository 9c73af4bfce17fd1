import type { Route } from './operation.ts';

/** The parts of HTTP that the server and the client must spell alike, beside the routes of the operations. */

/** Names of headers, in lower case. */
export const HEADERS = {
  /** The protocol's version; on every answer, and on requests of a client that states its own. */
  protocol: 'spl-protocol',
  /** The DID in whose name a request is made. */
  actor: 'spl-actor',
  idempotencyKey: 'idempotency-key',
  /** `OutputInfo` as JSON, ahead of a subtask's output. */
  output: 'spl-output',
} as const;

export const JSON_TYPE = 'application/json; charset=utf-8';
export const NDJSON_TYPE = 'application/x-ndjson';
/** The `Upgrade` token of the stream between coordinator and worker. */
export const LINK_UPGRADE = 'spl-link';

/** Open to everyone on the machine. */
export const HEALTH_PATH = '/health';
/** Reached by `Upgrade: spl-link` only. */
export const LINK_PATH = '/v1/link';

/** The method and the target of a request, and the rest of its input for the body. */
export interface RequestLine {
  readonly method: Route['method'];
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Spreads an input over path, query and body, as the server will gather it again. */
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
