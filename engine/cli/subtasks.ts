import { MAX_SUBTASKS } from '../subtask/subtask-ref.ts';
import { FleetError } from '../errors.ts';
import { parseDescriptor, type Descriptor, type DescriptorFault } from '../plan/descriptor.ts';
import type { Host } from './host.ts';
import { linesOf } from './lines.ts';
import { pathOf } from './settings.ts';

export interface SubtaskSources {
  /** The values of `--subtask`, in order. */
  readonly subtask: readonly string[];
  /** The value of `--subtasks`: a file, or `-` for standard input. */
  readonly subtasks: string | null;
  /** The folder that relative folders and files refer to. */
  readonly cwd: string;
  readonly env: Host['env'];
  readonly stdin: AsyncIterable<Uint8Array | string>;
}

/** The longest line of a file of subtasks, in characters. */
const MAX_LINE_CHARS = 1024 * 1024;

/**
 * Reads the subtasks of a fan-out: those of the options first, then those of the file.
 * @throws INVALID_RECORD with the subtask, the key and the position; NOT_FOUND for a missing file
 */
export async function readSubtasks(sources: SubtaskSources): Promise<Descriptor[]> {
  const given = sources.subtask.map((text, index) => read(text, index, null, sources));
  if (sources.subtasks === null) return given;
  const limit = { what: 'subtasks', maxChars: MAX_LINE_CHARS };
  for await (const { line, number } of linesOf(sources.subtasks, sources, limit)) {
    if (line.trim() === '') continue;
    if (given.length >= MAX_SUBTASKS) throw tooMany();
    given.push(read(line, given.length, number, sources));
  }
  return given;
}

function read(text: string, index: number, line: number | null, host: Pick<Host, 'cwd' | 'env'>): Descriptor {
  const result = parseDescriptor(text);
  if (!result.ok) throw faulty(result.fault, index, line);
  const { descriptor } = result;
  return descriptor.dir === undefined ? descriptor : { ...descriptor, dir: pathOf(descriptor.dir, host) };
}

function faulty(
  { key, position, message }: DescriptorFault,
  subtask: number,
  line: number | null,
): FleetError {
  const place = line === null ? `position ${position}` : `line ${line}, position ${position}`;
  const where = key === null ? `at ${place}` : `key '${key}' at ${place}`;
  return new FleetError('INVALID_RECORD', `subtask ${subtask}, ${where}: ${message}`, {
    details: { subtask, key, position, ...(line !== null && { line }) },
    hint: 'spl task fan-out --help shows the format of a subtask.',
  });
}

function tooMany(): FleetError {
  return new FleetError('TOO_LARGE', `more than ${MAX_SUBTASKS} subtasks`, {
    details: { limit: MAX_SUBTASKS },
  });
}
