import type { ErrorDocument } from '../contract/documents.ts';
import { FleetError, type ErrorCode } from '../errors.ts';

/** The HTTP status of each error code. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_RECORD: 400,
  USAGE: 400,
  PROTOCOL_MISMATCH: 400,
  AUTH_REQUIRED: 401,
  SCOPE_FORBIDDEN: 403,
  NAMESPACE_REJECTED: 403,
  NAMESPACE_FROZEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  TOO_LARGE: 413,
  NOT_SUPPORTED: 501,
  OVERLOADED: 429,
  UNAVAILABLE: 503,
  LOG_POISONED: 503,
  TIMED_OUT: 504,
  UNREACHABLE: 500,
  HOME_INVALID: 500,
  HOME_NEWER: 500,
  LEASE_HELD: 500,
  LOG_DAMAGED: 500,
  LOG_SHORT: 500,
  LINK_BROKEN: 500,
  WORKER_FAILED: 500,
  INTERNAL: 500,
};

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'authentication',
  403: 'permission',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  429: 'overloaded',
  501: 'not_supported',
  503: 'unavailable',
  504: 'timed_out',
};

/** The additional headers of error answers, by status. `Retry-After` is in seconds. */
const HEADERS_OF: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': 'Bearer' },
  429: { 'Retry-After': '1' },
};

/** Logs the cause of an answer that is the engine's own fault. The caller does not get that cause. */
export type Log = (message: string, cause: unknown) => void;

export interface ErrorAnswer {
  readonly status: number;
  /** The headers in addition to those of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly document: ErrorDocument;
}

/**
 * Returns the answer to anything thrown. An INTERNAL error, or a value that is not a FleetError, is a fault of the
 * engine: the caller learns only that, and the log gets the details.
 */
export function errorAnswer(thrown: unknown, log: Log): ErrorAnswer {
  const known = thrown instanceof FleetError && thrown.code !== 'INTERNAL';
  const error = known
    ? thrown
    : new FleetError('INTERNAL', 'the engine failed to answer', {
        hint: 'See the log of the engine for the cause.',
      });
  const status = STATUS[error.code];
  if (status === 500) log('a request failed', thrown);
  return {
    status,
    headers: HEADERS_OF[status] ?? {},
    document: {
      object: 'error',
      type: TYPES[status] ?? 'internal',
      code: error.code,
      message: error.message,
      details: { ...error.details },
      hint: error.hint ?? null,
    },
  };
}
