import fs from 'node:fs';

/**
 * Loaded first into a coordinator's process: makes it die, or its disk fail, at the write that a test names.
 *
 * `SPL_FAULT` is `‹what›:‹text›:‹n›`: at the n-th write to a file whose bytes hold the text,
 * `before-write` dies with nothing written, `half-write` with the half of it, `before-sync` with all of it but not
 * synced, `after-sync` with all of it durable and nobody told; `disk-full` writes a part, then fails with ENOSPC, as
 * does every write after it; `sync-fails` fails the sync with EIO. Where a file's writes are their own sync, the write is
 * done and then what is to happen at the sync happens.
 *
 * With `SPL_FAULT_FILE` the same is looked for in a file before each write, as long as it is not there.
 *
 * Only the process that serves is meant; what it starts inherits the environment and is left alone.
 */
const { SPL_FAULT: fault, SPL_FAULT_FILE: file } = process.env;
if ((fault ?? file) !== undefined && process.argv.includes('serve')) install(() => fault ?? textOf(file));

/** @param told what the fault is, as long as it is not known */
function install(told) {
  const { writev, fdatasync } = fs;
  let what;
  let text;
  let left;
  let met = false;
  let full = false;
  let due = -1;

  /** Tells whether the fault is known; asks for it where it is not. */
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

/** Tells whether every write to the file returns when it is durable: it was opened with O_DSYNC. */
function isSynced(fd) {
  if (process.platform !== 'linux') return false;
  const [, flags] = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  return (parseInt(flags, 8) & fs.constants.O_DSYNC) !== 0;
}

/** Returns the text of a file; undefined while it is not there. */
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
