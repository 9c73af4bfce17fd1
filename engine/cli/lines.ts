import { createReadStream } from 'node:fs';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import type { Host } from './host.ts';
import { pathOf } from './settings.ts';

/**
 * The lines of a file, or of standard input for `-`, one after the other: never more of it is held than a line and a part.
 * @param limit what the file holds, in words, and the longest line.
 * @throws NOT_FOUND for a missing file; INVALID_RECORD for one that can't be read; TOO_LARGE.
 */
export async function* linesOf(
  file: string,
  host: Pick<Host, 'cwd' | 'env' | 'stdin'>,
  limit: { readonly what: string; readonly maxChars: number },
): AsyncGenerator<{ readonly line: string; readonly number: number }> {
  const source = file === '-' ? host.stdin : createReadStream(pathOf(file, host));
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  try {
    for await (const chunk of source) {
      rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > limit.maxChars) throw lineTooLong(number + lines.length + 1, limit);
      for (const line of lines) yield { line, number: ++number };
    }
  } catch (thrown) {
    throw FleetError.is(thrown) ? thrown : unreadable(file, thrown);
  }
  if (rest !== '') yield { line: rest, number: number + 1 };
}

function unreadable(file: string, cause: unknown): FleetError {
  const missing = systemCodeOf(cause) === 'ENOENT';
  const message = missing ? `no file '${file}'` : `file '${file}' can't be read: ${messageOf(cause)}`;
  return new FleetError(missing ? 'NOT_FOUND' : 'INVALID_RECORD', message, { details: { file }, cause });
}

function lineTooLong(line: number, { what, maxChars }: { what: string; maxChars: number }): FleetError {
  return new FleetError('TOO_LARGE', `line ${line} of the ${what} has more than ${maxChars} characters`, {
    details: { line, limit: maxChars },
  });
}
