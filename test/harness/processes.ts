import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Running {
  readonly pid: number;
  readonly command: string;
}

/**
 * Returns the processes whose command line or environment contains `text`, without zombies. The name of a scenario's
 * folder is unique, so these are the scenario's processes, whoever started them.
 */
export function processesNaming(text: string): readonly Running[] {
  return pids()
    .filter(pid => isNaming(pid, text))
    .map(pid => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }));
}

/** Like `processesNaming`, for one process. */
export function isNaming(pid: number, text: string): boolean {
  if (pid === process.pid || isZombie(pid)) return false;
  return read(pid, 'cmdline').includes(text) || read(pid, 'environ').includes(text);
}

/** Returns the living processes of one process group. */
export function processesOfGroup(group: number): readonly number[] {
  return pids().filter(pid => !isZombie(pid) && groupOf(pid) === group);
}

/**
 * The time limit for killing. Processes that a fleet restarts are killed again; processes that cannot be killed are not
 * waited for.
 */
const ENDING_MS = 20_000;

/** Kills the processes that name `text` and satisfy the filter. @throws Error with the processes that do not end */
export async function endProcesses(
  text: string,
  isMeant: (process: Running) => boolean = () => true,
): Promise<void> {
  const deadline = performance.now() + ENDING_MS;
  const find = (): readonly Running[] => processesNaming(text).filter(isMeant);
  for (let left = find(); left.length > 0; left = find()) {
    if (performance.now() > deadline)
      throw new Error(`still running: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`);
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    await delay(10);
  }
}

const pids = (): number[] => readdirSync('/proc').map(Number).filter(Number.isInteger);

function isZombie(pid: number): boolean {
  const [state = ''] = statOf(pid);
  return state === 'Z' || state === 'X' || state === '';
}

const groupOf = (pid: number): number => Number(statOf(pid)[2]);

/** Returns the fields after the command's name, which may contain any character. */
function statOf(pid: number): string[] {
  const stat = read(pid, 'stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
