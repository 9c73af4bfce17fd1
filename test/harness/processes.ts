import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Running {
  readonly pid: number;
  readonly command: string;
}

/**
 * The processes of this machine whose command line or environment names `text`, zombies left out. A scenario's
 * folder has a name that nothing else has, so that these are the processes of the scenario, whoever started them.
 */
export function processesNaming(text: string): readonly Running[] {
  return pids()
    .filter(pid => isNaming(pid, text))
    .map(pid => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }));
}

/** As `processesNaming`, of one process. */
export function isNaming(pid: number, text: string): boolean {
  if (pid === process.pid || isZombie(pid)) return false;
  return read(pid, 'cmdline').includes(text) || read(pid, 'environ').includes(text);
}

/** The living processes of one process group. */
export function processesOfGroup(group: number): readonly number[] {
  return pids().filter(pid => !isZombie(pid) && groupOf(pid) === group);
}

/**
 * The time limit for killing. Processes that a fleet starts anew are met again; those that can't be killed are not
 * waited for.
 */
const ENDING_MS = 20_000;

/** Ends the processes that name `text`, or those of them that are meant. @throws Error naming what does not end. */
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

/** The fields behind the command's name, which may hold anything. */
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
