import * as fs from 'node:fs';

const FILES = '/proc/self/fd';
/**
 * A flag of `open(2)`: a program that this process executes does not get the file. Node.js sets it for its own files.
 */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes the files that this process inherited from its parent, except the standard streams. Otherwise a lock that a
 * shell holds would be held as long as this process and its children live. Closes none outside Linux, where they can't
 * be recognised.
 */
export function closeInheritedFiles(): void {
  for (const name of namesIn(FILES)) {
    const fd = Number(name);
    if (fd > 2 && isInherited(fd)) closeQuietly(fd);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // The descriptor belonged to the listing, and is closed.
    return false;
  }
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // Another part of this process closed it.
  }
}
