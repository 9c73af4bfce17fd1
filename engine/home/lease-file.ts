import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, systemCodeOf } from '../errors.ts';
import type { Lease } from './held-lease.ts';
import type { HomePaths } from './paths.ts';

/** `O_EXLOCK` and `O_NONBLOCK` of macOS and the BSDs, which Node.js passes on and does not name. */
const O_EXLOCK = 0x20;
const O_NONBLOCK = 0x4;

/**
 * The lease where there are no abstract sockets: an open file that the kernel locks as it opens it and unlocks
 * when its last descriptor goes. Not tested: no such system was at hand.
 * @returns undefined when another holds it.
 * @throws NOT_SUPPORTED on a system that has no such way of opening.
 */
export async function takeFile(paths: HomePaths): Promise<Lease | undefined> {
  if (process.platform === 'win32') {
    throw new FleetError('NOT_SUPPORTED', 'Windows has no lease that a home can be held by', {
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
