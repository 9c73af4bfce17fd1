import * as v from 'valibot';
import * as vscode from 'vscode';
import {
  folderSchema,
  instanceSchema,
  namespaceSchema,
  ownTaskSchema,
  planSchema,
  planSubtaskSchema,
  workSchema,
  type WorkRef,
} from './targets.ts';

/** The schema of commands without an argument. */
const nothing = v.undefined();

/**
 * Every contributed command, with the schema of its argument. Each argument is optional: without it, the command asks.
 */
export const COMMANDS = {
  'fleet.start': nothing,
  'fleet.stopWorkers': nothing,
  'fleet.stopAll': nothing,
  'fleet.killSwitch': nothing,
  'fleet.liftKillSwitch': nothing,
  'fleet.showStatus': nothing,
  'fleet.openConfiguration': nothing,
  'fleet.restartInstance': instanceSchema,
  'fleet.stopInstance': instanceSchema,
  'fleet.pingInstance': instanceSchema,
  'fleet.showInstance': instanceSchema,
  'fleet.copyDid': instanceSchema,
  'fleet.openInstanceLog': instanceSchema,
  'fleet.addTask': nothing,
  'fleet.fanOut': ownTaskSchema,
  'fleet.rerun': ownTaskSchema,
  'fleet.openReport': ownTaskSchema,
  'fleet.showOutput': workSchema,
  'fleet.openChanges': workSchema,
  'fleet.openWorktree': workSchema,
  'fleet.openWorktreeTerminal': workSchema,
  'fleet.showWorktrees': nothing,
  'fleet.setTaskStatus': ownTaskSchema,
  'fleet.retry': workSchema,
  'fleet.retryFailed': ownTaskSchema,
  'fleet.cancel': workSchema,
  'fleet.archive': ownTaskSchema,
  'fleet.archiveFinished': nothing,
  'fleet.showArchived': nothing,
  'fleet.showAllFolders': nothing,
  'fleet.showThisFolder': nothing,
  'fleet.filterTasks': nothing,
  'fleet.clearFilter': nothing,
  'fleet.runSerial': ownTaskSchema,
  'fleet.savePlan': ownTaskSchema,
  'fleet.showTask': ownTaskSchema,
  'fleet.showJson': ownTaskSchema,
  'fleet.replay': workSchema,
  'fleet.showThread': workSchema,
  'fleet.query': nothing,
  'fleet.runPlan': planSchema,
  'fleet.runPlanSubtask': planSubtaskSchema,
  'fleet.runPlanSerially': planSchema,
  'fleet.openPlanReport': planSchema,
  'fleet.previewPlan': planSchema,
  'fleet.newPlan': folderSchema,
  'fleet.copyThread': workSchema,
  'fleet.copyAlias': ownTaskSchema,
  'fleet.newNamespace': namespaceSchema,
  'fleet.freezeNamespace': namespaceSchema,
  'fleet.unfreezeNamespace': namespaceSchema,
  'fleet.archiveNamespace': namespaceSchema,
  'fleet.reviveNamespace': namespaceSchema,
  'fleet.deleteNamespace': namespaceSchema,
  'fleet.showEffectivePolicy': namespaceSchema,
  'fleet.useNamespace': namespaceSchema,
  'fleet.clearNamespace': nothing,
  'fleet.copyNamespace': namespaceSchema,
  'fleet.doctor': nothing,
  'fleet.openTerminal': nothing,
  'fleet.firstPlan': nothing,
  'fleet.firstFanOut': nothing,
  'fleet.openWalkthrough': nothing,
  'fleet.openHistory': nothing,
  'fleet.reconnect': nothing,
  'fleet.showLog': nothing,
} as const;

export type CommandId = keyof typeof COMMANDS;
export const COMMAND_IDS = Object.keys(COMMANDS) as readonly CommandId[];

/** The argument of a command; undefined for a command that takes none or was called without one. */
export type Argument<Id extends CommandId> = v.InferOutput<(typeof COMMANDS)[Id]> | undefined;
/** The second argument has all selected rows, if there are several. */
export type Arguments<Id extends CommandId> = [Argument<Id>] extends [undefined]
  ? []
  : [argument?: Argument<Id>, selected?: readonly NonNullable<Argument<Id>>[]];

/** The results of the commands that have one. */
interface Results {
  /** The thread of the serial run; undefined if the user cancelled. */
  readonly 'fleet.runSerial': string | undefined;
  /** The thread of the last new task; undefined if the user cancelled. */
  readonly 'fleet.rerun': string | undefined;
}
export type Result<Id extends CommandId> = Id extends keyof Results ? Results[Id] : void;

/** Runs a command for a caller in the extension. The caller shows what the command throws. */
export type RunCommand = <Id extends CommandId>(id: Id, ...args: Arguments<Id>) => Promise<Result<Id>>;

/** Describes the call of a command for a row, a lens or a button. */
export function asCommand<Id extends CommandId>(
  id: Id,
  title: string,
  ...args: Arguments<Id>
): vscode.Command & { readonly command: Id } {
  return { command: id, title, arguments: args };
}

/** Runs a call that `asCommand` described. Errors of the command are shown to the user. */
export function execute({ command, arguments: args = [] }: vscode.Command): Thenable<unknown> {
  return vscode.commands.executeCommand(command, ...(args as unknown[]));
}

/** The argument in key bindings: the selected rows. */
const selectionSchema = v.object({ kind: v.literal('selection') });

/**
 * Decodes the arguments of a call from outside: a row, and all selected rows if there are several. Drops what the command
 * does not take.
 */
export function decodeArguments<Id extends CommandId>(
  id: Id,
  argument: unknown,
  selected: unknown = undefined,
  selection: () => readonly WorkRef[] = () => [],
): Arguments<Id> {
  const isByKey = v.is(selectionSchema, argument);
  const rows: readonly unknown[] = isByKey ? selection() : Array.isArray(selected) ? selected : [];
  const fit = [isByKey ? rows[0] : argument, ...rows].map(row => v.safeParse(COMMANDS[id], row));
  const [first, ...all] = fit.map(({ success, output }) => (success ? output : undefined));
  if (first === undefined) return [] as unknown as Arguments<Id>;
  const several = all.filter(row => row !== undefined);
  return (several.length > 1 ? [first, several] : [first]) as unknown as Arguments<Id>;
}
