import { createReadStream } from 'node:fs';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import type { Host } from './host.ts';
import { pathOf } from './settings.ts';

/**
 * Yields the lines of a file, or of standard input for `-`. Holds at most one line and one chunk in memory.
 * @param limit the name of the contents, and the longest line
 * @throws NOT_FOUND for a missing file; INVALID_RECORD for one that cannot be read or is not UTF-8; TOO_LARGE for a
 * longer line
 */
export async function* linesOf(
  file: string,
  host: Pick<Host, 'cwd' | 'env' | 'stdin'>,
  limit: { readonly what: string; readonly maxChars: number },
): AsyncGenerator<{ readonly line: string; readonly number: number }> {
  const source = file === '-' ? host.stdin : createReadStream(pathOf(file, host));
  // Replacing invalid bytes would change the command that runs.
  const decoder = new TextDecoder('utf-8', { fatal: true });
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
    rest += decoder.decode();
  } catch (thrown) {
    throw FleetError.is(thrown) ? thrown : unreadable(file, thrown);
  }
  if (rest !== '') yield { line: rest, number: number + 1 };
}

function unreadable(file: string, cause: unknown): FleetError {
  const missing = systemCodeOf(cause) === 'ENOENT';
  const name = file === '-' ? 'the standard input' : `file '${file}'`;
  if (systemCodeOf(cause) === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return new FleetError('INVALID_RECORD', `${name} is not UTF-8`, {
      details: { file },
      hint: 'Save it as UTF-8, then try again.',
      cause,
    });
  const message = missing ? `no file '${file}'` : `${name} can't be read: ${messageOf(cause)}`;
  return new FleetError(missing ? 'NOT_FOUND' : 'INVALID_RECORD', message, { details: { file }, cause });
}

function lineTooLong(line: number, { what, maxChars }: { what: string; maxChars: number }): FleetError {
  return new FleetError('TOO_LARGE', `line ${line} of the ${what} has more than ${maxChars} characters`, {
    details: { line, limit: maxChars },
  });
}
