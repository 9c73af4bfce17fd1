import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { systemCodeOf } from '../../errors.ts';

const noteSchema = v.object({
  /** The folder, which is beside the note and has the same name. */
  dir: v.string(),
  /** The top of the checkout from which it was made. */
  top: v.string(),
  /** The folder that all worktrees of its repository share; null in old notes. */
  common: v.optional(v.nullable(v.string()), null),
  branch: v.string(),
  base: v.string(),
  /** The lent files, which are not the attempt's, one character for each byte of a path. */
  lent: v.array(v.string()),
  /** The tree of its content after the set-up; null when no set-up ran. */
  made: v.optional(v.nullable(v.string()), null),
  /**
   * The nested repositories after the set-up that had something of their own, each with a text that describes its
   * state.
   */
  copies: v.optional(v.record(v.string(), v.string()), {}),
  /** The time at which its attempt began, after the set-up, in seconds since 1970. */
  begun_unix: v.optional(v.nullable(v.number()), null),
  task: v.string(),
  index: v.number(),
  attempt: v.number(),
  /** `making` until it can be used, `used` while its attempt runs, `kept` after that, `left` after a crash. */
  state: v.picklist(['making', 'used', 'kept', 'left']),
  /** The process that made it. */
  pid: v.number(),
  pid_start: v.nullable(v.string()),
  made_unix: v.number(),
});

/**
 * The note of a worktree. It is written before the worktree is made, and removed after it, so that no crash leaves an
 * unknown worktree.
 */
export type WorktreeNote = v.InferOutput<typeof noteSchema>;

const SUFFIX = '.json';

/** Writes a note atomically. */
export async function writeNote(folder: string, name: string, note: WorktreeNote): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, name + SUFFIX);
  await writeFile(`${file}.new`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

export async function removeNote(folder: string, name: string): Promise<void> {
  await rm(join(folder, name + SUFFIX), { force: true });
}

/** Returns the notes of a folder, which need not exist, by name. Invalid notes are skipped. */
export async function readNotes(folder: string): Promise<ReadonlyMap<string, WorktreeNote>> {
  const notes = new Map<string, WorktreeNote>();
  for (const entry of await listed(folder)) {
    if (!entry.endsWith(SUFFIX)) continue;
    const text = await readFile(join(folder, entry), 'utf8').catch(() => '');
    const note = v.safeParse(noteSchema, parsed(text));
    if (note.success) notes.set(entry.slice(0, -SUFFIX.length), note.output);
  }
  return notes;
}

async function listed(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
