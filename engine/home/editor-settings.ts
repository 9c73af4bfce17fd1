import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import { systemCodeOf } from '../errors.ts';
import { configSchema, tables } from './config-schema.ts';
import { writeAtomically } from './files.ts';
import { homePaths } from './paths.ts';

/**
 * The part of a fleet's configuration that an editor keeps in its own settings. It writes them to a file of the home,
 * where commands and processes without an editor find them too.
 */

export const editorSettingsSchema = v.object({
  ...v.pick(configSchema, ['agents', 'worktree']).entries,
  fleet: v.optional(v.pick(tables.fleet, ['slots', 'timeout_secs', 'stall_secs', 'stall_policy']), {}),
});
export type EditorSettings = v.InferOutput<typeof editorSettingsSchema>;

const NONE: EditorSettings = { agents: {}, worktree: {}, fleet: {} };

/** Reads the settings of an editor. A file that is missing or has another form says nothing: the editor writes it anew. */
export async function readEditorSettings(home: string): Promise<EditorSettings> {
  try {
    return v.parse(
      editorSettingsSchema,
      JSON.parse(await fs.readFile(homePaths(home).editorSettings, 'utf8')),
    );
  } catch {
    return NONE;
  }
}

/**
 * Writes the settings of an editor, unless the home has the same; without any, it has no file. Makes the folder of the
 * home if there is something to write.
 */
export async function writeEditorSettings(home: string, settings: EditorSettings): Promise<void> {
  const file = homePaths(home).editorSettings;
  if (Object.values(settings).every(table => Object.keys(table).length === 0))
    return fs.rm(file, { force: true });
  const text = JSON.stringify(settings, null, 2) + '\n';
  const before = await fs.readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (before === text) return;
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  await writeAtomically(file, text, 0o600);
}
