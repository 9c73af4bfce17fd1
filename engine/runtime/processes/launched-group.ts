import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { FleetError, messageOf } from '../../errors.ts';
import { fileForCommand } from './command-notes.ts';
import { controlGroupAt, newControlGroup } from './control-group.ts';
import { removeFiles, signalGroup, type GroupOptions, type GuardedGroup } from './guarded-group.ts';
import { NotLaunched, type Launched, type Launcher, type Place, type Released } from './launcher.ts';
import { sweep } from './sweep.ts';
import { processTable } from '../../system/process-table.ts';

/**
 * Starts a command by the launcher, which guards it as well.
 * @throws WORKER_FAILED with the system's reason (no more processes, a command line too long, …); nothing is left then.
 */
export async function launchGroup(options: GroupOptions, launcher: Launcher): Promise<GuardedGroup> {
  const { script, args, errexit, env, cwd: dir, asserted, input, files, mark, commandsDir } = options;
  const id = randomUUID();
  const words = args.length === 0 ? [script] : [script, 'sh', ...args];
  const note = commandsDir === null ? null : join(commandsDir, id);
  const place = async (): Promise<Place> => ({
    fifo: await fileForCommand(commandsDir, 'out'),
    control: newControlGroup(options.controlParent),
  });
  const command = { id, words, errexit, env, dir, asserted, input, files, mark, note, place };
  try {
    return groupOf(await launcher.start(command), launcher);
  } catch (error) {
    const left = error instanceof NotLaunched ? error.left : nothing;
    // The launcher may have died after it had started the command.
    if (launcher.hasEnded) await endMarked(mark, left);
    await removeLeft({ ...left, files: [...left.files, ...files, ...(note === null ? [] : [note])] });
    const message = `the command could not be started: ${messageOf(error)}`;
    throw new FleetError('WORKER_FAILED', message, { cause: error });
  }
}

const nothing: Released = { files: [], control: null };

async function endMarked(mark: string, { control }: Released): Promise<void> {
  const group = control === null ? null : controlGroupAt(control);
  await sweep(processTable(), { session: undefined, mark, since: undefined, control: group }, null);
}

async function removeLeft({ files, control }: Released): Promise<void> {
  await removeFiles(files);
  if (control !== null) await controlGroupAt(control).remove();
}

function groupOf(launched: Launched, launcher: Launcher): GuardedGroup {
  const { pid, birth, control, output, exited } = launched;
  return {
    id: pid,
    birth,
    control: control === null ? null : controlGroupAt(control),
    output,
    exited,
    guardLost: launcher.gone,
    signal: name => signalGroup(pid, name),
    release: async () => removeLeft(await launched.release()),
  };
}
