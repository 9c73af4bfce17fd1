import * as vscode from 'vscode';
import { splTerminal } from '../terminal/profile.ts';
import type { Handler } from './context.ts';

export const openTerminal: Handler<'fleet.openTerminal'> = async context => {
  vscode.window.createTerminal(splTerminal(await context.splEnvironment())).show();
};

/** Checks the machine, the home and the log, also when no engine runs: `spl doctor` in a terminal. */
export const doctor: Handler<'fleet.doctor'> = async context => {
  const { SPL_PROGRAM, SPL_NODE, SYNCROPEL_HOME } = await context.splEnvironment();
  // No shell parses these paths: the task runs the program with its arguments as they are.
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
