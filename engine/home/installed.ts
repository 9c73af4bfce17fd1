import { access, constants } from 'node:fs/promises';
import * as path from 'node:path';

/** True for a program that commands find in this environment: a path, or a name in a folder of `PATH`. */
export async function isInstalled(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (env['PATH'] ?? '').split(path.delimiter);
  for (const folder of folders) if (await isExecutable(path.join(folder, program))) return true;
  return false;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
