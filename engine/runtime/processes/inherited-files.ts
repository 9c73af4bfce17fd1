import * as fs from 'node:fs';

const FILES = '/proc/self/fd';
/** Of `open(2)`: the file is closed in what the process executes. Node.js sets it for each of its own. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes the files that this process has of whoever started it, but for its streams: a lock that a shell holds would
 * else be held for as long as this process and all that it starts live. Where the system does not tell them apart
 * (outside Linux) none is closed.
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
    // It was that of the listing, and is closed.
    return false;
  }
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // Somebody else closed it.
  }
}
