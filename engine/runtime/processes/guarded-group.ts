import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants, open as openFile, unlink as unlinkFile } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { FleetError, messageOf, systemCodeOf } from '../../errors.ts';
import { processStart, processTable, type Birth } from '../../system/process-table.ts';
import { fileForCommand, forgetCommand, noteCommand } from './command-notes.ts';
import { makeControlGroup, type ControlGroup } from './control-group.ts';
import { after } from './timer.ts';

/**
 * One command in a process group and session of its own, and its guard. The guard is a process outside the group that
 * reads from a pipe to this one. It ends the group when the pipe closes without a dismissal, as it does when this
 * process dies.
 *
 * The group's leader is a gate: a shell that waits, and becomes the command at `go`. Leader and guard exist before
 * `go`, so that a worker that dies at any moment leaves no unguarded command. A gate whose pipe closes runs nothing.
 */
export interface GuardedGroup {
  /** The process group, which is the leader's pid. */
  readonly id: number;
  /** The leader's start; undefined where the table does not say. */
  readonly birth: Birth | undefined;
  /** The control group of the leader and all that it starts; null when this machine has none for this user. */
  readonly control: ControlGroup | null;
  /** The output of the group, both streams in the order of arrival. Does not end by itself; it is the group's to close. */
  readonly output: Readable;
  /** Resolves with the exit of the leader. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Resolves when the guard ends without a dismissal. Never rejects. */
  readonly guardLost: Promise<void>;
  /** Signals the whole group; 0 only asks. @returns false when no process of the group exists, not even a zombie. */
  signal(name: NodeJS.Signals | 0): boolean;
  /** Dismisses the guard and waits for its end. Call it when the whole group has ended. */
  release(): Promise<void>;
}

/** As in Node, one of the first two is null; both are when the end was not observed. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when nothing of the group, and nothing that left it, is there any more; false where that was not looked at. */
  readonly isClear: boolean;
  /** The system's reason why the command never began; null where it did. */
  readonly fault: string | null;
}

export interface GroupOptions {
  /** A command line for `/bin/sh`. Data is passed in `args`, never in the line. */
  readonly script: string;
  /** True when it ends at its first failing command. */
  readonly errexit: boolean;
  /** The script's arguments `$1`, `$2`, … */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The command's folder; null: this process's own. */
  readonly cwd: string | null;
  /** The file of its standard input. Null: an empty input. */
  readonly input: string | null;
  /** Files that are removed at `release`, or by the guard. */
  readonly files: readonly string[];
  /** The folder that the command must run in, without a symbolic link in its path, or nothing runs; null: any. */
  readonly asserted: string | null;
  /** The `NAME=value` in `env` by which its processes are found. */
  readonly mark: string;
  /** The parent of its control group; null: it has none. */
  readonly controlParent: string | null;
  /** The folder in which it is noted while it runs; null: it is not noted. */
  readonly commandsDir: string | null;
}

/**
 * The output goes through a FIFO: the pipes of Node are sockets, and a command can't open a socket by name, so that `>
 * /dev/stderr` and `tee /dev/stdout` would fail. The socket is used when no FIFO can be made. A subshell reports the
 * choice, because it survives when the reader dies; otherwise the gate would end here and leave the FIFO behind.
 * Arguments: the path of the FIFO, the path of the input, the required folder or nothing, an option of the shell or
 * nothing, the command, and its arguments.
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
 * Ends the group, and processes that left it if they are in the control group or have the mark. One kill is enough
 * where signalling a group is atomic against forking, as on Linux; elsewhere a fork might slip through, hence several.
 * The note is removed last, and only when nothing is left running.
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

/** Enough for `sleep`, `rm`, `grep`, `cat` and `find`. The guard must not have the mark of the attempt. */
const GUARD_ENVIRONMENT = { PATH: '/usr/bin:/bin' };
const DISMISSAL = 'done\n';
/** The time that a gate or guard may take to end, in milliseconds. */
const SHELL_END_MS = 2_000;

const open = promisify(openFile);
const unlink = promisify(unlinkFile);

/**
 * Starts a command behind a gate, with a guard of its own.
 * @param mayBegin asked when gate and guard stand; false turns the command back.
 * @returns null where it did not begin.
 * @throws WORKER_FAILED with the system's reason (no more processes, a command line too long, …); nothing is left then.
 */
export async function startGatedGroup(
  options: GroupOptions,
  mayBegin: () => boolean,
): Promise<GuardedGroup | null> {
  const { group, go } = await prepareGroup(options);
  if (mayBegin()) {
    go();
    return group;
  }
  group.signal('SIGKILL');
  await group.exited;
  await group.release();
  return null;
}

interface Prepared {
  readonly group: GuardedGroup;
  /** Lets the leader become the command. */
  readonly go: () => void;
}

/** Makes the group and its guard. Nothing of the command runs before `go`. */
async function prepareGroup(options: GroupOptions): Promise<Prepared> {
  const fifo = await fileForCommand(options.commandsDir, 'out');
  const { input, script, args } = options;
  const files = [fifo, ...options.files];
  let leader: Shell | undefined;
  let guard: Shell | undefined;
  const id = randomUUID();
  const control = await makeControlGroup(options.controlParent);
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
    const { stdin } = leader;
    output.on('error', ignore);
    const group = guardedGroup({ leader, guard, output, files, note, control: joined });
    return { group, go: () => stdin.end('go\n') };
  } catch (error) {
    // The gate ends at the end of its input, after its own children.
    if (leader !== undefined) await endShell(leader, '');
    if (guard !== undefined) await endShell(guard, DISMISSAL);
    await removeFiles(files);
    await control?.remove();
    if (note !== null) await forgetCommand(note);
    const message = `the command could not be started: ${messageOf(error)}`;
    throw new FleetError('WORKER_FAILED', message, { cause: error });
  }
}

/** Returns the start of a process, or null where reading it starts a process: the mark identifies it there. */
const startOf = (pid: number): string | null => (process.platform === 'linux' ? processStart(pid) : null);

/** Puts the leader, which waits at the gate, into the control group. @returns null when the system denies it. */
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
    birth: processTable().birthOf(leader.pid),
    control,
    output,
    exited: leader.exited,
    guardLost: guard.exited.then(ignore),
    signal: name => signalGroup(leader.pid, name),
    release: async () => {
      leader.stdin.destroy();
      output.destroy();
      // In this order the guard still removes the files if this process dies in between.
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

/** Returns the stream of the group's output, as reported by the gate. */
async function outputOf(leader: Shell, fifo: string): Promise<Readable> {
  const socket = leader.stdout;
  if (socket === null) throw new Error('it has no output');
  const word = await Promise.race([firstText(socket), leader.exited.then(() => '')]);
  if (word === 'socket\n') return socket;
  if (word !== 'fifo\n') throw new Error('its shell ended at once');
  socket.destroy();
  // Opened for writing too, so that reading never ends when the writers at the other end close it.
  const fd = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

async function firstText(stream: Readable): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  stream.pause();
  return chunk.toString('latin1');
}

/** Signals a process group; 0 only asks. @returns false when nothing of it is left, not even a zombie. */
export function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch (error) {
    // EPERM means that the group has processes, all of them another user's.
    return systemCodeOf(error) !== 'ESRCH';
  }
}

interface Shell {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  /** Null when it was not requested. */
  readonly stdout: Readable | null;
  readonly exited: Promise<Exit>;
}

/** Starts `/bin/sh` on one of these scripts in a session of its own. @throws the system's error. */
async function startShell(script: string, args: readonly string[], options: SpawnOptions): Promise<Shell> {
  const child = spawn('/bin/sh', ['-c', script, ...args], { ...options, detached: true });
  if (child.pid === undefined || child.stdin === null) throw (await once(child, 'error'))[0];
  child.on('error', ignore);
  child.stdin.on('error', ignore);
  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal, isClear: false, fault: null }));
  });
  return { process: child, pid: child.pid, stdin: child.stdin, stdout: child.stdout, exited };
}

/** Sends a last line to a gate or guard, and waits for its end. */
async function endShell(shell: Shell, word: string): Promise<void> {
  shell.stdin.end(word);
  const cancel = after(SHELL_END_MS, () => signalGroup(shell.pid, 'SIGKILL'));
  await shell.exited;
  cancel();
}

function ignore(): void {
  // Writes to an ended process, and removals of a missing file, may fail.
}
