import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, systemCodeOf } from '../errors.ts';
import type { Lease } from './held-lease.ts';
import type { HomePaths } from './paths.ts';

/** `O_EXLOCK` and `O_NONBLOCK` of macOS and the BSDs. Node.js passes them on, but has no names for them. */
const O_EXLOCK = 0x20;
const O_NONBLOCK = 0x4;

/**
 * Takes the lease on a system without abstract sockets: the kernel locks a file as it is opened, and unlocks it when
 * its last descriptor is closed. Not tested: no such system was available.
 * @returns undefined when another process holds it.
 * @throws NOT_SUPPORTED on a system that can't lock a file this way.
 */
export async function takeFile(paths: HomePaths): Promise<Lease | undefined> {
  if (process.platform === 'win32') {
    throw new FleetError('NOT_SUPPORTED', 'Windows has no lock that protects a home from a second writer', {
      hint: 'Use WSL.',
    });
  }
  const { O_RDWR, O_CREAT } = fs.constants;
  const file = path.join(paths.home, 'lease');
  try {
    const handle = await fs.open(file, O_RDWR | O_CREAT | O_EXLOCK | O_NONBLOCK, 0o600);
    let released: Promise<void> | undefined;
    return { release: () => (released ??= handle.close()) };
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    if (code === 'ENOENT') {
      throw new FleetError('NOT_FOUND', `there is no home at '${paths.home}'`, {
        details: { home: paths.home },
        cause,
      });
    }
    throw cause;
  }
}
