import { MAX_CHILDREN, type CommandName, type ReportName } from '../contract/engine.ts';

/**
 * The one table of what HTTP offers: the server binds it, the client builds its requests from it, so that they
 * cannot disagree. It loads nothing, since every `spl` process reads it.
 */

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

/** The form of an input's member in the query. Limits are inclusive. */
export type QueryParameter =
  | { readonly name: string; readonly kind: 'text'; readonly absent?: null }
  | { readonly name: string; readonly kind: 'flag' }
  /** Whole numbers, at most `most` of them, with commas between. */
  | { readonly name: string; readonly kind: 'numbers'; readonly most: number }
  | {
      readonly name: string;
      readonly kind: 'number';
      readonly min: number;
      readonly max: number;
      readonly absent?: number;
    };

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `:member` where a member of the input stands. */
  readonly path: string;
  /** By member of the input. What is neither in the path nor here is the body. */
  readonly query?: Readonly<Record<string, QueryParameter>>;
}

const text = (name: string): QueryParameter => ({ name, kind: 'text' });
const flag = (name: string): QueryParameter => ({ name, kind: 'flag' });
const limit = (absent: number): QueryParameter => ({
  name: 'limit',
  kind: 'number',
  min: 1,
  max: MAX_PAGE,
  absent,
});
const position = (name: string) =>
  ({ name, kind: 'number', min: 0, max: Number.MAX_SAFE_INTEGER }) as const satisfies QueryParameter;

/** The largest `limit` of a listing. */
export const MAX_PAGE = 10_000;

export const COMMAND_ROUTES = {
  'records.append': { method: 'POST', path: '/v1/records' },
  'records.restore': { method: 'POST', path: '/v1/records/restore' },
  'task.add': { method: 'POST', path: '/v1/tasks' },
  'fan-out.open': { method: 'POST', path: '/v1/fan-outs' },
  'task.fan-out': { method: 'POST', path: '/v1/tasks/:task/fan-out' },
  'task.retry': { method: 'POST', path: '/v1/tasks/:task/retry' },
  'task.cancel': { method: 'POST', path: '/v1/tasks/:task/cancel' },
  'task.start': { method: 'POST', path: '/v1/tasks/:task/start' },
  'task.done': { method: 'POST', path: '/v1/tasks/:task/done' },
  'task.fail': { method: 'POST', path: '/v1/tasks/:task/fail' },
  'task.approve': { method: 'POST', path: '/v1/tasks/:task/approve' },
  'task.reject': { method: 'POST', path: '/v1/tasks/:task/reject' },
  'task.block': { method: 'POST', path: '/v1/tasks/:task/block' },
  'task.defer': { method: 'POST', path: '/v1/tasks/:task/defer' },
  'task.reopen': { method: 'POST', path: '/v1/tasks/:task/reopen' },
  'task.run-serial': { method: 'POST', path: '/v1/tasks/:task/run-serial' },
  'namespace.create': { method: 'POST', path: '/v1/namespaces' },
  'namespace.archive': { method: 'POST', path: '/v1/namespaces/:namespace/archive' },
  'namespace.delete': { method: 'POST', path: '/v1/namespaces/:namespace/delete' },
  'rule.add': { method: 'POST', path: '/v1/rules' },
  'rule.remove': { method: 'DELETE', path: '/v1/rules/:rule' },
  'worktree.remove': { method: 'POST', path: '/v1/worktrees/remove' },
  kill: { method: 'POST', path: '/v1/kill' },
  unkill: { method: 'POST', path: '/v1/unkill' },
  'fleet.start': { method: 'POST', path: '/v1/fleet/start' },
  'fleet.stop': { method: 'POST', path: '/v1/fleet/stop' },
  'fleet.restart': { method: 'POST', path: '/v1/fleet/restart' },
  'token.create': { method: 'POST', path: '/v1/tokens' },
  'token.revoke': { method: 'DELETE', path: '/v1/tokens/:token' },
} as const satisfies Record<CommandName, Route>;

export const REPORT_ROUTES = {
  health: { method: 'GET', path: '/health' },
  fleet: { method: 'GET', path: '/v1/fleet/status' },
  live: { method: 'GET', path: '/v1/fleet/live' },
  instance: { method: 'GET', path: '/v1/fleet/instances/:instance' },
  ping: { method: 'POST', path: '/v1/fleet/instances/:instance/ping' },
  tasks: {
    method: 'GET',
    path: '/v1/tasks',
    query: {
      all: flag('all'),
      limit: { name: 'limit', kind: 'number', min: 1, max: 100_000 },
      namespace: text('namespace'),
    },
  },
  task: { method: 'GET', path: '/v1/tasks/:task' },
  join: { method: 'GET', path: '/v1/tasks/:task/join', query: { summary: flag('summary') } },
  children: {
    method: 'GET',
    path: '/v1/tasks/:task/subtasks',
    query: {
      offset: { ...position('offset'), absent: 0 },
      limit: { name: 'limit', kind: 'number', min: 1, max: MAX_CHILDREN, absent: 100 },
      indices: { name: 'index', kind: 'numbers', most: MAX_CHILDREN },
    },
  },
  speedup: {
    method: 'GET',
    path: '/v1/tasks/:task/speedup',
    query: { vsSerial: { name: 'vs_serial', kind: 'text', absent: null } },
  },
  namespaces: {
    method: 'GET',
    path: '/v1/namespaces',
    query: {
      all: flag('all'),
      parent: text('parent'),
      offset: position('offset'),
      limit: { name: 'limit', kind: 'number', min: 1, max: MAX_PAGE },
    },
  },
  worktrees: { method: 'GET', path: '/v1/worktrees' },
  namespace: { method: 'GET', path: '/v1/namespaces/:namespace' },
  'namespace.effective': { method: 'GET', path: '/v1/namespaces/:namespace/effective' },
  rules: { method: 'GET', path: '/v1/rules' },
  'rule.test': { method: 'POST', path: '/v1/rules/test' },
  record: { method: 'GET', path: '/v1/records/:id' },
  records: {
    method: 'GET',
    path: '/v1/records',
    query: {
      thread: text('thread'),
      actor: text('actor'),
      act: text('act'),
      limit: limit(100),
      after: position('after'),
    },
  },
  audit: {
    method: 'GET',
    path: '/v1/audit',
    query: {
      thread: text('thread'),
      actor: text('actor'),
      since: position('since'),
      limit: limit(100),
      after: position('after'),
    },
  },
  threads: { method: 'GET', path: '/v1/threads', query: { limit: limit(100), after: position('after') } },
  'thread.records': { method: 'GET', path: '/v1/threads/:thread/records' },
  'thread.state': { method: 'GET', path: '/v1/threads/:thread/state' },
  replay: { method: 'GET', path: '/v1/threads/:thread/replay' },
  query: { method: 'POST', path: '/v1/query' },
  tokens: { method: 'GET', path: '/v1/tokens' },
} as const satisfies Record<ReportName, Route>;

export const STREAM_ROUTES = {
  events: {
    method: 'GET',
    path: '/v1/events/stream',
    query: { thread: text('thread'), kinds: text('kinds'), after: position('after') },
  },
  output: {
    method: 'GET',
    path: '/v1/tasks/:task/subtasks/:subtask/output',
    query: { attempt: { name: 'attempt', kind: 'number', min: 1, max: 1_000_000 }, follow: flag('follow') },
  },
} as const satisfies Record<string, Route>;

/** The routes that the server answers by itself. */
export const OWN_ROUTES = {
  openapi: { method: 'GET', path: '/v1/openapi.json' },
} as const satisfies Record<string, Route>;

/** All of them, by what they do. */
export const ROUTES = { ...COMMAND_ROUTES, ...REPORT_ROUTES, ...STREAM_ROUTES, ...OWN_ROUTES } as const;

/** Reached by `Upgrade: spl-link` only. */
export const LINK_PATH = '/v1/link';

export type RouteName = keyof typeof ROUTES;

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
