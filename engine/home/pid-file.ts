import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import { systemCodeOf } from '../errors.ts';
import { isAlive } from '../system/process-table.ts';
import { writeAtomically } from './files.ts';

const pidFileSchema = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** The result of `processStart` for the process. */
  start: v.string(),
  /** The URL of its HTTP port, null while it has none. */
  endpoint: v.nullable(v.string()),
  version: v.string(),
});

/** The process that serves a home: a hint for people and clients. The lease decides. */
export type PidFile = v.InferOutput<typeof pidFileSchema>;

/** Writes `run/spl.pid`, atomically. */
export async function writePidFile(file: string, content: PidFile): Promise<void> {
  await writeAtomically(file, JSON.stringify(content) + '\n', 0o600);
}

/** Reads `run/spl.pid`, whose process may have ended; undefined when the file is missing or damaged. */
export async function readPidFile(file: string): Promise<PidFile | undefined> {
  try {
    const result = v.safeParse(pidFileSchema, JSON.parse(await fs.readFile(file, 'utf8')));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/** Reads `run/spl.pid` of a process that runs; undefined when there is none. */
export async function readLivePidFile(file: string): Promise<PidFile | undefined> {
  const content = await readPidFile(file);
  return content !== undefined && isAlive(content.pid, content.start) ? content : undefined;
}

/** Removes `run/spl.pid` if it names this process. Call it while holding the lease, so that the file can't change. */
export async function removePidFile(file: string): Promise<void> {
  const content = await readPidFile(file);
  if (content?.pid !== process.pid) return;
  await fs.unlink(file).catch((error: unknown) => {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  });
}
