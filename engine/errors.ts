/**
 * The kinds of errors, for programs to match. The first group is part of the HTTP contract; the second occurs on one machine
 * only.
 */
const ERROR_CODES = [
  'NAMESPACE_REJECTED',
  'NAMESPACE_FROZEN',
  'AUTH_REQUIRED',
  'SCOPE_FORBIDDEN',
  'INVALID_RECORD',
  'NOT_FOUND',
  'CONFLICT',
  'TOO_LARGE',
  'USAGE',
  'NOT_SUPPORTED',
  'UNREACHABLE',
  'UNAVAILABLE',
  'OVERLOADED',
  'TIMED_OUT',
  'HOME_INVALID',
  'HOME_NEWER',
  'LEASE_HELD',
  'LOG_DAMAGED',
  'LOG_SHORT',
  'LOG_POISONED',
  'LINK_BROKEN',
  'PROTOCOL_MISMATCH',
  'WORKER_FAILED',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** False for the code of a newer engine. */
export const isErrorCode = (code: string): code is ErrorCode =>
  (ERROR_CODES as readonly string[]).includes(code);

/** Facts beside the message, for programs; plain JSON data. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error type of the engine. `message` says what is wrong and which input it is about; `hint`, where
 * there is one, names the way out; `details` carries the same facts for programs.
 */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }

  /**
   * True when `value` is a FleetError, of that code when one is given. It goes by the name: the engine is built as a file
   * of its own, whose class is another one than that of who calls it.
   */
  static is(value: unknown, code?: ErrorCode): value is FleetError {
    if (!(value instanceof Error) || value.name !== 'FleetError') return false;
    return code === undefined || (value as FleetError).code === code;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system's own code of an error (`ENOENT`, `EPIPE`, …), or undefined when it has none. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
