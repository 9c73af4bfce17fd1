import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants, open as openFile, unlink as unlinkFile } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { FleetError, messageOf, systemCodeOf } from '../../errors.ts';
import { processStart } from '../../system/process-table.ts';
import { fileForCommand, forgetCommand, noteCommand } from './command-notes.ts';
import { makeControlGroup, type ControlGroup } from './control-group.ts';
import { after } from './timer.ts';

/**
 * One command in a process group (and session) of its own, and its guard: a process outside the group that holds a
 * pipe to this one, and ends the group when the pipe closes without a word, as it does when this process dies.
 *
 * The group's leader waits at a gate, a shell that becomes the command at `go`. Leader and guard both stand before
 * that word, so a worker that dies at any moment leaves no unguarded command: a gate whose pipe closes runs nothing.
 */
export interface GuardedGroup {
  /** The process group, which is the leader's pid. */
  readonly id: number;
  /** In which all that the leader starts stays; null where this machine has none for us. */
  readonly control: ControlGroup | null;
  /** The group's output, both streams in the order of their arrival. Does not end by itself. */
  readonly output: Readable;
  /** The exit of the leader. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Settled when the guard ended before it was dismissed. Never rejects. */
  readonly guardLost: Promise<void>;
  /** Lets the leader become the command. */
  go(): void;
  /** Signals the whole group; 0 only asks. @returns false when nothing of the group is left, not even a zombie. */
  signal(name: NodeJS.Signals | 0): boolean;
  /** Dismisses the guard and waits for its end. For when all of it is gone, which is then no longer guarded. */
  release(): Promise<void>;
}

/** As in Node, one of the two is null; both are when the end was not seen. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GroupOptions {
  /** A command line for `/bin/sh`; what it is given besides is in `args`, and never becomes a part of the line. */
  readonly script: string;
  /** True when it ends at the first of its commands that fails. */
  readonly errexit: boolean;
  /** The script's arguments `$1`, `$2`, … */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The command's folder; null: this process's own. */
  readonly cwd: string | null;
  /** The file that it reads as its input. Null: an empty input. */
  readonly input: string | null;
  /** Removed at `release`, or by the guard. */
  readonly files: readonly string[];
  /** The folder in which the command must find itself, with no symbolic link in its path, or nothing runs; null: any. */
  readonly asserted: string | null;
  /** The `NAME=value` in `env` by which its processes are found. */
  readonly mark: string;
  /** Below which control group it gets one of its own; null: it gets none. */
  readonly controlParent: string | null;
  /** The folder in which it is noted as long as it runs; null: it is not. */
  readonly commandsDir: string | null;
}

/**
 * The output goes through a FIFO, because the pipes that Node makes are sockets, and a command can't open a socket
 * by name: `> /dev/stderr` and `tee /dev/stdout` would fail. Where no FIFO is to be had, the socket has to do.
 * It says so from a shell that outlives a reader's death: else it would end here, and leave the FIFO to nobody.
 * Arguments: the FIFO's path, the input's, the folder to be in or nothing, an option of the shell or nothing, the command,
 * and what it is given.
 */
const GATE = `
if LC_ALL=C mkfifo -m 600 -- "$1" 2>/dev/null; then (trap '' PIPE; echo fifo); else echo socket; fi
read -r word && [ "$word" = go ] || { rm -f -- "$1"; exit 125; }
[ ! -p "$1" ] || exec >"$1"
exec 2>&1
[ -z "$3" ] || [ "$(pwd -P)" = "$3" ] || { echo "spl: the command would run in $(pwd -P), and not in $3"; exit 125; }
exec <"$2" || exit 125
option=$4
shift 4
exec /bin/sh $option -c -- "$@"`;

/**
 * Ends the group, and what left it as far as it is in the control group or can be found by its mark. One kill is enough
 * where signalling a group is atomic against forking, as on Linux; elsewhere a fork might slip through, hence a few more.
 * The note goes last, and stays where something may run on.
 * Arguments: the group, the mark, the folder of the control group or nothing, the note or nothing, the files to remove.
 */
const GUARD = `
trap '' HUP INT TERM
read -r word
[ "$word" = done ] && exit 0
group=$1 mark=$2 control=$3 note=$4
shift 4
n=0
while [ "$n" -lt 5 ] && kill -s KILL -- "-$group" 2>/dev/null; do n=$((n + 1)); sleep 0.1; done
rm -f -- "$@"
[ -z "$control" ] || { echo 1 >"$control/cgroup.kill"; } 2>/dev/null
n=0
while [ "$n" -lt 5 ]; do
  found=
  for process in $(cat "$control/cgroup.procs" 2>/dev/null); do
    found=yes
    kill -s KILL "$process" 2>/dev/null
  done
  for process in /proc/[0-9]*; do
    grep -qszxF -- "$mark" "$process/environ" || continue
    found=yes
    kill -s KILL "\${process#/proc/}" 2>/dev/null
  done
  [ -n "$found" ] || break
  n=$((n + 1))
  sleep 0.1
done
[ -z "$control" ] || find "$control" -depth -type d -exec rmdir {} ';' 2>/dev/null
[ -n "$found" ] || [ ! -e /proc/self ] || [ -z "$note" ] || rm -f -- "$note"`;

/** Just enough for `sleep`, `rm`, `grep`, `cat` and `find`: the guard must not carry the marks by which the attempt's processes are found. */
const GUARD_ENVIRONMENT = { PATH: '/usr/bin:/bin' };
const DISMISSAL = 'done\n';
/** The time that a shell of ours may take to end once told to, in milliseconds. */
const SHELL_END_MS = 2_000;

const open = promisify(openFile);
const unlink = promisify(unlinkFile);

/**
 * Makes the group and its guard. Nothing of the command runs before `go`.
 * @throws WORKER_FAILED with the system's reason (no more processes, a command line too long, …); nothing is left then.
 */
export async function prepareGroup(options: GroupOptions): Promise<GuardedGroup> {
  const fifo = await fileForCommand(options.commandsDir, 'out');
  const { input, script, args } = options;
  const files = [fifo, ...options.files];
  let leader: Shell | undefined;
  let guard: Shell | undefined;
  const id = randomUUID();
  const control = await makeControlGroup(options.controlParent, id);
  const note = options.commandsDir === null ? null : join(options.commandsDir, id);
  try {
    const words = [fifo, input ?? '/dev/null', options.asserted ?? '', options.errexit ? '-e' : '', script];
    leader = await startShell(GATE, ['spl-gate', ...words, ...(args.length === 0 ? [] : ['sh', ...args])], {
      env: options.env,
      stdio: ['pipe', 'pipe', 'ignore'],
      ...(options.cwd === null ? {} : { cwd: options.cwd }),
    });
    const traces = { group: leader.pid, mark: options.mark, control: control?.folder ?? null, files };
    if (note !== null) await noteCommand(note, { ...traces, start: startOf(leader.pid) });
    const guarded = [String(leader.pid), options.mark, control?.folder ?? '', note ?? ''];
    guard = await startShell(GUARD, ['spl-guard', ...guarded, ...files], {
      env: GUARD_ENVIRONMENT,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const output = await outputOf(leader, fifo);
    const joined = await entered(control, leader.pid);
    return guardedGroup({ leader, guard, output, files, note, control: joined });
  } catch (error) {
    // The gate takes the end of its input for a no, and waits for its own children before it ends.
    if (leader !== undefined) await endShell(leader, '');
    if (guard !== undefined) await endShell(guard, DISMISSAL);
    await removeFiles(files);
    await control?.remove();
    if (note !== null) await forgetCommand(note);
    const message = `the command could not be started: ${messageOf(error)}`;
    throw new FleetError('WORKER_FAILED', message, { cause: error });
  }
}

/** Returns the start time of a process, or null where reading it costs a process: the mark identifies it there. */
const startOf = (pid: number): string | null => (process.platform === 'linux' ? processStart(pid) : null);

/** Puts the leader, which waits at the gate, into the control group. @returns null where the system does not let it. */
async function entered(control: ControlGroup | null, pid: number): Promise<ControlGroup | null> {
  try {
    await control?.add(pid);
    return control;
  } catch {
    await control?.remove();
    return null;
  }
}

interface Parts extends Pick<GuardedGroup, 'output' | 'control'> {
  readonly leader: Shell;
  readonly guard: Shell;
  readonly files: readonly string[];
  readonly note: string | null;
}

function guardedGroup({ leader, guard, output, files, note, control }: Parts): GuardedGroup {
  return {
    id: leader.pid,
    control,
    output,
    exited: leader.exited,
    guardLost: guard.exited.then(ignore),
    go: () => leader.stdin.end('go\n'),
    signal: name => signalGroup(leader.pid, name),
    release: async () => {
      leader.stdin.destroy();
      // In this order: should this process die in between, the guard still removes the files.
      await removeFiles(files);
      await endShell(guard, DISMISSAL);
      await control?.remove();
      if (note !== null) await forgetCommand(note);
    },
  };
}

/** Removes files that may be gone already. */
export async function removeFiles(files: readonly string[]): Promise<void> {
  await Promise.all(files.map(file => unlink(file).catch(ignore)));
}

/** Returns the stream of the group's output, once the gate has said which one it is. */
async function outputOf(leader: Shell, fifo: string): Promise<Readable> {
  const socket = leader.stdout;
  if (socket === null) throw new Error('it has no output');
  const word = await Promise.race([firstText(socket), leader.exited.then(() => '')]);
  if (word === 'socket\n') return socket;
  if (word !== 'fifo\n') throw new Error('its shell ended at once');
  socket.destroy();
  // Opened for writing too, so that it never reads as ended: whoever keeps the far end open does not matter then.
  const fd = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

async function firstText(stream: Readable): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  stream.pause();
  return chunk.toString('latin1');
}

function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch (error) {
    // EPERM says that there are processes, all of them another user's.
    return systemCodeOf(error) !== 'ESRCH';
  }
}

interface Shell {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  /** Null where it was not asked for. */
  readonly stdout: Readable | null;
  readonly exited: Promise<Exit>;
}

/** Starts `/bin/sh` on a script of ours in a session of its own. @throws the system's error. */
async function startShell(script: string, args: readonly string[], options: SpawnOptions): Promise<Shell> {
  const child = spawn('/bin/sh', ['-c', script, ...args], { ...options, detached: true });
  if (child.pid === undefined || child.stdin === null) throw (await once(child, 'error'))[0];
  child.on('error', ignore);
  child.stdin.on('error', ignore);
  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return { process: child, pid: child.pid, stdin: child.stdin, stdout: child.stdout, exited };
}

/** Says the last word to a shell of ours, and waits until it has gone. */
async function endShell(shell: Shell, word: string): Promise<void> {
  shell.stdin.end(word);
  const cancel = after(SHELL_END_MS, () => signalGroup(shell.pid, 'SIGKILL'));
  await shell.exited;
  cancel();
}

function ignore(): void {
  // The writes to a process that has ended, and the removal of a file that is gone, may fail.
}
