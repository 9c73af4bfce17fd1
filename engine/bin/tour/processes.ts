import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The processes whose command line or environment names `text`. Where there is no `/proc`, only command lines are
 * looked at.
 */
export function processesNaming(text: string): readonly number[] {
  return process.platform === 'linux' ? inProc(text) : inPs(text);
}

/** Sends a signal to a process that may have ended meanwhile. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

function inProc(text: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => Number.isInteger(pid) && pid !== process.pid)
    .filter(pid => ['cmdline', 'environ'].some(file => readProc(pid, file).includes(text)));
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    // It has ended, or is somebody else's.
    return '';
  }
}

function inPs(text: string): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines
    .filter(line => line.includes(text))
    .map(line => Number.parseInt(line, 10))
    .filter(pid => pid !== process.pid);
}
