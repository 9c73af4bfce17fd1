import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { systemCodeOf } from '../../errors.ts';
import { readLivePidFile } from '../../home/pid-file.ts';
import type { HomePaths } from '../../home/paths.ts';
import { temporaryFolder } from '../../home/runtime.ts';
import { controlGroupAt } from './control-group.ts';
import { processTable, type ProcessTable } from '../../system/process-table.ts';
import { isRunning } from '../../system/processes.ts';
import { sweep } from './sweep.ts';

const noteSchema = v.object({
  /** The process group, which is the leader's pid; null until the leader runs. */
  group: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** The leader's start from `processStart`; null when it was not read. */
  start: v.nullable(v.string()),
  mark: v.pipe(v.string(), v.regex(/^[A-Z_]+=.+$/)),
  /** The folder of its control group. */
  control: v.nullable(v.string()),
  /** The files to remove with the note. */
  files: v.array(v.string()),
});

/**
 * A running command, noted in a file of its worker's home from before its start until nothing of it is left. When a
 * worker and its guard are killed together, the next process ends the command by the note.
 */
export type CommandNote = v.InferOutput<typeof noteSchema>;

/** The time that the system has to end killed processes: shorter than a worker may take to start. */
const KILL_MS = 5_000;

/** Writes a note. @throws the system's error. */
export async function noteCommand(file: string, note: CommandNote): Promise<void> {
  const write = (): Promise<void> => writeFile(file, JSON.stringify(note), { mode: 0o600, flag: 'wx' });
  try {
    await write();
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    await makeFolder(dirname(file));
    await write();
  }
}

/** Makes two folders, and no parents: a removed home must not be made anew. */
async function makeFolder(folder: string): Promise<void> {
  for (const each of [dirname(folder), folder]) await mkdir(each, { mode: 0o700 }).catch(() => undefined);
}

/**
 * Returns a path for a file that a command uses. It is beside the notes, because a temporary folder may disappear while
 * a worker runs; without notes it is in the temporary folder.
 * @param kind the end of its name, which distinguishes it from a note
 */
export async function fileForCommand(
  commandsDir: string | null | undefined,
  kind: 'out' | 'prompt' | 'results',
): Promise<string> {
  if (commandsDir == null) return join(await temporaryFolder(), `spl-${randomUUID()}.${kind}`);
  await makeFolder(commandsDir);
  return join(commandsDir, `${randomUUID()}.${kind}`);
}

/** True for a file that a command uses, in contrast to a note. */
const isForCommand = (name: string): boolean => /\.(?:out|prompt|results)$/.test(name);

/** Removes a note that may be gone already. */
export async function forgetCommand(file: string): Promise<void> {
  await unlink(file).catch(() => undefined);
}

/**
 * Ends the commands that a dead worker left running, with all their processes. Call it while no process serves the
 * home.
 * @returns the processes that are still running, as `pid command`.
 */
export async function endNotedCommands(
  commandsDir: string,
  processes: ProcessTable = processTable(),
): Promise<readonly string[]> {
  const names = await readdir(commandsDir).catch(() => []);
  const notes = names.filter(name => !isForCommand(name));
  const staying = (await Promise.all(notes.map(name => endNoted(join(commandsDir, name), processes)))).flat();
  // The files of a command without a note yet are in no note.
  if (staying.length === 0)
    await Promise.all(names.filter(isForCommand).map(name => forgetCommand(join(commandsDir, name))));
  return staying;
}

/** As `endNotedCommands`, for the home of a worker that may still be running; its commands are left alone then. */
export async function endOrphanedCommands({ pidFile, commandsDir }: HomePaths): Promise<readonly string[]> {
  return (await readLivePidFile(pidFile)) === undefined ? endNotedCommands(commandsDir) : [];
}

async function endNoted(file: string, processes: ProcessTable): Promise<readonly string[]> {
  const note = await readNote(file);
  // An incomplete note was not written to its end, before which no command starts.
  if (note !== undefined) {
    const control = note.control === null ? null : controlGroupAt(note.control);
    const { group, start } = note;
    const session = group !== null && isRunning({ pid: group, start }) ? group : undefined;
    const { staying } = await sweep(
      processes,
      { session, mark: note.mark, since: undefined, control },
      null,
      KILL_MS,
    );
    if (staying.length > 0) return staying;
    await control?.remove();
    await Promise.all(note.files.map(forgetCommand));
  }
  await forgetCommand(file);
  return [];
}

async function readNote(file: string): Promise<CommandNote | undefined> {
  try {
    const read = v.safeParse(noteSchema, JSON.parse(await readFile(file, 'utf8')));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}
