import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';

/** Returns the processor time of a process in all its threads, in milliseconds. */
export function cpuMs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread has ended since the folder was read.
    }
  }
  return ns / 1e6;
}

/** Returns the memory of a process, in MiB: now, and at its peak. */
export function memoryMib(pid: number): { readonly now: number; readonly peak: number } {
  return { now: mibIn(pid, 'status', 'VmRSS'), peak: mibIn(pid, 'status', 'VmHWM') };
}

/** Returns the memory of a process in MiB, with its share of the pages that other processes use too. */
export const pssMib = (pid: number): number => mibIn(pid, 'smaps_rollup', 'Pss');

function mibIn(pid: number, file: string, name: string): number {
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/${file} does not tell ${name}`);
  return Number(kib) / 1024;
}

/**
 * Returns the environment of everything measured: this process's, without variables that name another fleet, and with
 * subtasks that take no time. `node` is the present Node.js.
 */
export function benchEnvironment(home: string | null): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env))
    if (!name.startsWith('SPL_') && !name.startsWith('SYNCROPEL_') && !name.startsWith('NODE_'))
      env[name] = value;
  env['PATH'] = [dirname(process.execPath), env['PATH'] ?? ''].join(delimiter);
  env['SPL_ECHO_MS'] = '0';
  if (home !== null) env['SYNCROPEL_HOME'] = home;
  return env;
}

/**
 * Runs a command to its end.
 * @param input the text of its standard input
 * @param cwd its folder; default: this process's
 * @returns the time of the whole process, in ms @throws if it fails
 */
export function timeCommand(
  file: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
  cwd?: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let errors = '';
    const child = spawn(file, words, { env, cwd, stdio: ['pipe', 'ignore', 'pipe'] });
    child.stdin.on('error', reject).end(input);
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.once('error', reject);
    let ms = 0;
    child.once('exit', () => (ms = performance.now() - begun));
    child.once('close', code => {
      if (code === 0) resolve(ms);
      else reject(new Error(`'${[file, ...words].join(' ')}' ended with ${code}: ${errors.trim()}`));
    });
  });
}

/** Times a Node.js process that does nothing. */
export const timeBareNode = (env: NodeJS.ProcessEnv): Promise<number> =>
  timeCommand('node', ['-e', '0'], env);
