import fs from 'node:fs';

/**
 * Loaded first in a coordinator's process. Kills the process, or makes its disk fail, at the write that a test names.
 *
 * `SPL_FAULT` is `‹fault›:‹text›:‹n›`. The fault occurs at the n-th write to a file that contains the text:
 * - `before-write` kills the process before anything is written; `half-write` after half of the write;
 * - `before-sync` kills it when everything is written and nothing synced; `after-sync` when everything is durable, before
 *   anyone is notified;
 * - `disk-full` writes a part, then fails with ENOSPC, like every later write; `sync-fails` fails the sync with EIO.
 *
 * If the writes to a file are synchronous, the write is done first, and then the fault of the sync occurs.
 *
 * `SPL_FAULT_FILE` names a file with the same value. The file is looked for before each write, until it exists.
 *
 * Only the process that serves is affected. Its children inherit the environment, and are unaffected.
 */
const { SPL_FAULT: fault, SPL_FAULT_FILE: file } = process.env;
if ((fault ?? file) !== undefined && process.argv.includes('serve')) install(() => fault ?? textOf(file));

/** @param told returns the fault, until it is known */
function install(told) {
  const { writev, fdatasync } = fs;
  let what;
  let text;
  let left;
  let met = false;
  let full = false;
  let due = -1;

  /** Returns true if the fault is known. Otherwise asks for it. */
  const isComing = () => {
    if (what === undefined) {
      let n;
      [what, text, n = '1'] = told()?.split(':') ?? [];
      left = Number(n);
    }
    return what !== undefined;
  };

  fs.writev = (fd, buffers, position, done) => {
    const bytes = Buffer.concat(buffers);
    if (full) return void process.nextTick(done, systemError('ENOSPC', 'no space left on device, write'));
    if (met || !isComing() || !bytes.includes(text) || --left > 0) return writev(fd, buffers, position, done);
    met = true;
    if (what === 'before-write') die();
    if (what === 'before-sync' || what === 'after-sync' || what === 'sync-fails') {
      if (isSynced(fd)) {
        const fails = () => done(systemError('EIO', 'i/o error, writev'));
        return writev(fd, buffers, position, what === 'sync-fails' ? fails : die);
      }
      due = fd;
      return writev(fd, buffers, position, done);
    }
    fs.writeSync(fd, bytes.subarray(0, bytes.length >> 1), 0, bytes.length >> 1, position);
    if (what === 'half-write') die();
    full = true;
    process.nextTick(done, systemError('ENOSPC', 'no space left on device, write'));
  };

  fs.fdatasync = (fd, done) => {
    if (fd !== due) return fdatasync(fd, done);
    due = -1;
    if (what === 'before-sync') die();
    if (what === 'sync-fails') return void process.nextTick(done, systemError('EIO', 'i/o error, fdatasync'));
    fdatasync(fd, die);
  };
}

/** Returns true if every write to the file returns when it is durable: the file was opened with O_DSYNC. */
function isSynced(fd) {
  if (process.platform !== 'linux') return false;
  const [, flags] = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  return (parseInt(flags, 8) & fs.constants.O_DSYNC) !== 0;
}

/** Returns the text of a file; undefined if it does not exist. */
function textOf(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function die() {
  process.kill(process.pid, 'SIGKILL');
}

function systemError(code, words) {
  return Object.assign(new Error(`${code}: ${words}`), { code, errno: -1, syscall: 'write' });
}
