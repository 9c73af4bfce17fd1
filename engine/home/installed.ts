import { access, constants, stat } from 'node:fs/promises';
import * as path from 'node:path';

/** True for a program that commands find in this environment, as a path or as a name in a folder of `PATH`. */
export async function isInstalled(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (env['PATH'] ?? '').split(path.delimiter);
  for (const folder of folders) if (await isExecutable(path.join(folder, program))) return true;
  return false;
}

/** Returns the programs that commands do not find in this environment, by their executors. */
export async function missingPrograms(
  { programs = {} }: { readonly programs?: Readonly<Record<string, string>> | undefined },
  env: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const missing: Record<string, string> = {};
  for (const [executor, program] of Object.entries(programs))
    if (!(await isInstalled(program, env))) missing[executor] = program;
  return missing;
}

/** True for a file that can be executed. Folders have the same permission bit, but can't be run. */
async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
