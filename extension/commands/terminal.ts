import * as vscode from 'vscode';
import { splTerminal } from '../terminal/profile.ts';
import type { Handler } from './context.ts';

export const openTerminal: Handler<'fleet.openTerminal'> = async context => {
  vscode.window.createTerminal(splTerminal(await context.splEnvironment())).show();
};

/** Runs `spl doctor` in a terminal. It checks the machine, the home and the log, even when no engine runs. */
export const doctor: Handler<'fleet.doctor'> = async context => {
  const { SPL_PROGRAM, SPL_NODE, SYNCROPEL_HOME } = await context.splEnvironment();
  // The task runs the program directly with its arguments: no shell parses these paths.
  const execution = new vscode.ProcessExecution(SPL_NODE, [SPL_PROGRAM, 'doctor'], {
    env: { SYNCROPEL_HOME, ELECTRON_RUN_AS_NODE: '1' },
  });
  const task = new vscode.Task(
    { type: 'fleet' },
    vscode.TaskScope.Workspace,
    'spl doctor',
    'Fleet',
    execution,
  );
  task.presentationOptions = { clear: true, focus: true, reveal: vscode.TaskRevealKind.Always };
  await vscode.tasks.executeTask(task);
};
