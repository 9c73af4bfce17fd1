import * as vscode from 'vscode';
import {
  asCommand,
  COMMAND_IDS,
  decodeArguments,
  type Arguments,
  type CommandId,
  type Result,
  type RunCommand,
} from '../command-registry.ts';
import { wayOut } from '../failures.ts';
import { offer } from '../messages.ts';
import { sentences } from '../plain.ts';
import type { WorkRef } from '../targets.ts';
import { addTask } from './add-task.ts';
import type { CommandContext, Handler } from './context.ts';
import { fanOut } from './fan-out.ts';
import { firstFanOut, openWalkthrough } from './first-fan-out.ts';
import { openConfiguration, startFleet, stopAll, stopWorkers } from './fleet.ts';
import {
  copyDid,
  openInstanceLog,
  pingInstance,
  restartInstance,
  showInstance,
  showLog,
  showStatus,
  stopInstance,
} from './instance.ts';
import { freezeNamespace, killSwitch, liftKillSwitch, unfreezeNamespace } from './kill-switch.ts';
import {
  archiveNamespace,
  clearNamespace,
  copyNamespace,
  deleteNamespace,
  newNamespace,
  reviveNamespace,
  showEffectivePolicy,
  useNamespace,
} from './namespace.ts';
import {
  firstPlan,
  newPlan,
  openPlanReport,
  previewPlan,
  runPlan,
  runPlanSerially,
  runPlanSubtask,
} from './plan.ts';
import { query } from './query.ts';
import { savePlan } from './save-plan.ts';
import { clearFilter, filterTasks, showAllFolders, showThisFolder } from './scope.ts';
import {
  archive,
  archiveFinished,
  cancel,
  copyAlias,
  copyThread,
  openReport,
  replay,
  rerun,
  retry,
  retryFailed,
  runSerial,
  showArchived,
  showOutput,
  showJson,
  showTask,
  showThread,
} from './task.ts';
import { setTaskStatus } from './task-status.ts';
import { doctor, openTerminal } from './terminal.ts';
import { openChanges, openWorktree, openWorktreeTerminal, showWorktrees } from './work.ts';

const openHistory: Handler<'fleet.openHistory'> = async ({ session }) => void (await session.open());

const HANDLERS: { readonly [Id in CommandId]: Handler<Id> } = {
  'fleet.start': startFleet,
  'fleet.stopWorkers': stopWorkers,
  'fleet.stopAll': stopAll,
  'fleet.killSwitch': killSwitch,
  'fleet.liftKillSwitch': liftKillSwitch,
  'fleet.showStatus': showStatus,
  'fleet.openConfiguration': openConfiguration,
  'fleet.restartInstance': restartInstance,
  'fleet.stopInstance': stopInstance,
  'fleet.pingInstance': pingInstance,
  'fleet.showInstance': showInstance,
  'fleet.copyDid': copyDid,
  'fleet.openInstanceLog': openInstanceLog,
  'fleet.addTask': addTask,
  'fleet.fanOut': fanOut,
  'fleet.rerun': rerun,
  'fleet.openReport': openReport,
  'fleet.showOutput': showOutput,
  'fleet.openChanges': openChanges,
  'fleet.openWorktree': openWorktree,
  'fleet.openWorktreeTerminal': openWorktreeTerminal,
  'fleet.showWorktrees': showWorktrees,
  'fleet.setTaskStatus': setTaskStatus,
  'fleet.retry': retry,
  'fleet.retryFailed': retryFailed,
  'fleet.cancel': cancel,
  'fleet.archive': archive,
  'fleet.archiveFinished': archiveFinished,
  'fleet.showArchived': showArchived,
  'fleet.showAllFolders': showAllFolders,
  'fleet.showThisFolder': showThisFolder,
  'fleet.filterTasks': filterTasks,
  'fleet.clearFilter': clearFilter,
  'fleet.runSerial': runSerial,
  'fleet.savePlan': savePlan,
  'fleet.showTask': showTask,
  'fleet.showJson': showJson,
  'fleet.replay': replay,
  'fleet.showThread': showThread,
  'fleet.query': query,
  'fleet.runPlan': runPlan,
  'fleet.runPlanSubtask': runPlanSubtask,
  'fleet.runPlanSerially': runPlanSerially,
  'fleet.openPlanReport': openPlanReport,
  'fleet.previewPlan': previewPlan,
  'fleet.newPlan': newPlan,
  'fleet.copyThread': copyThread,
  'fleet.copyAlias': copyAlias,
  'fleet.newNamespace': newNamespace,
  'fleet.freezeNamespace': freezeNamespace,
  'fleet.unfreezeNamespace': unfreezeNamespace,
  'fleet.archiveNamespace': archiveNamespace,
  'fleet.reviveNamespace': reviveNamespace,
  'fleet.deleteNamespace': deleteNamespace,
  'fleet.showEffectivePolicy': showEffectivePolicy,
  'fleet.useNamespace': useNamespace,
  'fleet.clearNamespace': clearNamespace,
  'fleet.copyNamespace': copyNamespace,
  'fleet.doctor': doctor,
  'fleet.openTerminal': openTerminal,
  'fleet.firstPlan': firstPlan,
  'fleet.firstFanOut': firstFanOut,
  'fleet.openWalkthrough': openWalkthrough,
  'fleet.openHistory': openHistory,
  'fleet.reconnect': openHistory,
  'fleet.showLog': showLog,
};

/** Returns the function with which panels run commands. Unlike other callers, a panel shows the errors itself. */
export function commandRunner(context: CommandContext): RunCommand {
  return (id, ...args) => run(context, id, args);
}

function run<Id extends CommandId>(
  context: CommandContext,
  id: Id,
  args: Arguments<Id>,
): Promise<Result<Id>> {
  return HANDLERS[id](context, ...args);
}

/** Registers every command. Decodes the argument of a call, and shows errors with their hints. */
export function registerCommands(
  context: CommandContext,
  selection: () => readonly WorkRef[],
): readonly vscode.Disposable[] {
  return COMMAND_IDS.map(id => registerCommand(context, id, selection));
}

function registerCommand<Id extends CommandId>(
  context: CommandContext,
  id: Id,
  selection: () => readonly WorkRef[],
): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (argument: unknown, selected: unknown) => {
    try {
      await run(context, id, decodeArguments(id, argument, selected, selection));
    } catch (thrown) {
      showError(context, id, thrown);
    }
  });
}

function showError({ log, model }: CommandContext, id: CommandId, thrown: unknown): void {
  log.error(`${id}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  const out = wayOut(thrown, model);
  const show = asCommand('fleet.showLog', vscode.l10n.t('Show Log'));
  void offer('error', sentences(thrown), ...(out === undefined ? [] : [out]), show);
}
