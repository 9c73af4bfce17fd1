import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { FleetError, messageOf } from '../../errors.ts';
import { fileForCommand } from './command-notes.ts';
import { makeControlGroup } from './control-group.ts';
import { removeFiles, signalGroup, type GroupOptions, type GuardedGroup } from './guarded-group.ts';
import type { Launched, Launcher } from './launcher.ts';
import { sweep } from './sweep.ts';
import { processTable } from '../../system/process-table.ts';

/**
 * Starts a command by the launcher, which guards it as well.
 * @throws WORKER_FAILED with the system's reason (no more processes, a command line too long, …); nothing is left then.
 */
export async function launchGroup(options: GroupOptions, launcher: Launcher): Promise<GuardedGroup> {
  const { commandsDir, mark, files } = options;
  const id = randomUUID();
  const fifo = await fileForCommand(commandsDir, 'out');
  const control = await makeControlGroup(options.controlParent, id);
  const words = options.args.length === 0 ? [options.script] : [options.script, 'sh', ...options.args];
  const note = commandsDir === null ? null : join(commandsDir, id);
  const traces = { mark, control: control?.folder ?? null, files: [fifo, ...files] };
  const leftBehind = [...traces.files, ...(note === null ? [] : [note])];
  try {
    const launched = await launcher.start({
      id,
      words,
      errexit: options.errexit,
      env: options.env,
      dir: options.cwd,
      asserted: options.asserted,
      input: options.input,
      fifo,
      files,
      mark,
      control: traces.control,
      note: note === null ? null : { file: note, members: traces },
    });
    const contained = launched.isContained ? control : null;
    if (contained === null) await control?.remove();
    return groupOf(launched, launcher, contained, leftBehind);
  } catch (error) {
    // The launcher may have died after it had started the command.
    if (launcher.hasEnded)
      await sweep(processTable(), { session: undefined, mark, since: undefined, control }, null);
    await Promise.all([removeFiles(leftBehind), control?.remove()]);
    const message = `the command could not be started: ${messageOf(error)}`;
    throw new FleetError('WORKER_FAILED', message, { cause: error });
  }
}

function groupOf(
  launched: Launched,
  launcher: Launcher,
  control: GuardedGroup['control'],
  files: readonly string[],
): GuardedGroup {
  const { pid, output, exited } = launched;
  return {
    id: pid,
    control,
    output,
    exited,
    guardLost: launcher.gone,
    signal: name => signalGroup(pid, name),
    release: async () => {
      if (!(await launched.release())) await removeFiles(files);
      await control?.remove();
    },
  };
}
