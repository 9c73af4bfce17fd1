import type { Stats } from 'node:fs';
import { FleetError } from '../errors.ts';
import { shellQuoted } from './files.ts';

/** Read, write and search bits of group and others: none of them may be set on what must be private. */
const OTHERS = 0o077;

/** Checks that a file or folder belongs to this user. @throws HOME_INVALID with the command that repairs it. */
export function requireOwner(what: string, file: string, stats: Stats): void {
  const uid = process.getuid?.();
  if (uid === undefined || stats.uid === uid) return;
  throw new FleetError('HOME_INVALID', `${what} '${file}' belongs to user ${stats.uid}, not to ${uid}`, {
    details: { path: file, owner: stats.uid, uid },
    hint: `Run as its owner, or: chown -R ${uid} ${shellQuoted(file)}`,
  });
}

/** Checks that only this user can access a file or folder. @throws HOME_INVALID with the command that repairs it. */
export function requirePrivate(what: string, file: string, stats: Stats): void {
  requireOwner(what, file, stats);
  // Windows has no such bits; the access list of the profile folder protects the file there.
  if (process.platform === 'win32' || (stats.mode & OTHERS) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(3, '0');
  throw new FleetError('HOME_INVALID', `${what} '${file}' is open to other users (mode ${mode})`, {
    details: { path: file, mode },
    hint: `chmod go= ${shellQuoted(file)}`,
  });
}
