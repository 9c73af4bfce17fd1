import type { Outcome } from '../contract/documents.ts';
import type { ErrorCode } from '../errors.ts';

/** The exit codes of `spl`. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  unauthorised: 6,
  /** A run was cancelled by SIGHUP or SIGTERM. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  USAGE: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  INVALID_RECORD: EXIT.refused,
  CONFLICT: EXIT.refused,
  SCOPE_FORBIDDEN: EXIT.refused,
  NAMESPACE_REJECTED: EXIT.refused,
  NAMESPACE_FROZEN: EXIT.refused,
  TOO_LARGE: EXIT.refused,
  NOT_SUPPORTED: EXIT.refused,
  UNREACHABLE: EXIT.unreachable,
  AUTH_REQUIRED: EXIT.unauthorised,
  UNAVAILABLE: EXIT.failed,
  OVERLOADED: EXIT.failed,
  TIMED_OUT: EXIT.failed,
  HOME_INVALID: EXIT.failed,
  HOME_NEWER: EXIT.failed,
  LEASE_HELD: EXIT.failed,
  LOG_DAMAGED: EXIT.failed,
  LOG_SHORT: EXIT.failed,
  LOG_POISONED: EXIT.failed,
  LINK_BROKEN: EXIT.failed,
  PROTOCOL_MISMATCH: EXIT.failed,
  WORKER_FAILED: EXIT.failed,
  INTERNAL: EXIT.failed,
};

export function exitCodeOf(code: ErrorCode): number {
  return BY_CODE[code];
}

/** Returns the exit code of `--wait` and `--watch`: 0 only for a satisfied join. */
export function exitCodeOfOutcome(outcome: Outcome | null): number {
  return outcome === 'satisfied' ? EXIT.done : EXIT.failed;
}
