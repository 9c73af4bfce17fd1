import { fanOutOpen } from './commands/fan-out-open.ts';
import { fleetRestart } from './commands/fleet-restart.ts';
import { fleetStart } from './commands/fleet-start.ts';
import { fleetStop } from './commands/fleet-stop.ts';
import { kill } from './commands/kill.ts';
import { namespaceArchive } from './commands/namespace-archive.ts';
import { namespaceCreate } from './commands/namespace-create.ts';
import { namespaceDelete } from './commands/namespace-delete.ts';
import { recordsAppend } from './commands/records-append.ts';
import { recordsRestore } from './commands/records-restore.ts';
import { ruleAdd } from './commands/rule-add.ts';
import { ruleRemove } from './commands/rule-remove.ts';
import { taskAdd } from './commands/task-add.ts';
import { taskCancel } from './commands/task-cancel.ts';
import { taskFanOut } from './commands/task-fan-out.ts';
import { taskRetry } from './commands/task-retry.ts';
import { taskRunSerial } from './commands/task-run-serial.ts';
import {
  taskStart,
  taskDone,
  taskFail,
  taskApprove,
  taskReject,
  taskBlock,
  taskDefer,
  taskReopen,
} from './commands/task-verbs.ts';
import { tokenCreate } from './commands/token-create.ts';
import { tokenRevoke } from './commands/token-revoke.ts';
import { unkill } from './commands/unkill.ts';
import { worktreeRemove } from './commands/worktree-remove.ts';
import { audit } from './reports/audit.ts';
import { children } from './reports/children.ts';
import { fleet } from './reports/fleet.ts';
import { health } from './reports/health.ts';
import { instance } from './reports/instance.ts';
import { join } from './reports/join.ts';
import { live } from './reports/live.ts';
import { namespaceEffective } from './reports/namespace-effective.ts';
import { namespace } from './reports/namespace.ts';
import { namespaces } from './reports/namespaces.ts';
import { ping } from './reports/ping.ts';
import { query } from './reports/query.ts';
import { record } from './reports/record.ts';
import { records } from './reports/records.ts';
import { replay } from './reports/replay.ts';
import { ruleTest } from './reports/rule-test.ts';
import { rules } from './reports/rules.ts';
import { speedup } from './reports/speedup.ts';
import { task } from './reports/task.ts';
import { tasks } from './reports/tasks.ts';
import { threadRecords } from './reports/thread-records.ts';
import { threadState } from './reports/thread-state.ts';
import { threads } from './reports/threads.ts';
import { tokens } from './reports/tokens.ts';
import { worktrees } from './reports/worktrees.ts';
import type { Command, Operation, Report } from './operation.ts';
import { STREAMS } from './streams.ts';

/** The list of all operations. Everything that is said about one of them is in its file. */

/** The commands: each does something, and is answered when it is durable. */
export const COMMANDS = [
  recordsAppend,
  recordsRestore,
  taskAdd,
  fanOutOpen,
  taskFanOut,
  taskRetry,
  taskCancel,
  taskStart,
  taskDone,
  taskFail,
  taskApprove,
  taskReject,
  taskBlock,
  taskDefer,
  taskReopen,
  taskRunSerial,
  namespaceCreate,
  namespaceArchive,
  namespaceDelete,
  ruleAdd,
  ruleRemove,
  worktreeRemove,
  kill,
  unkill,
  fleetStart,
  fleetStop,
  fleetRestart,
  tokenCreate,
  tokenRevoke,
] as const;

/** The reports: each answers a question, and writes nothing. */
export const REPORTS = [
  health,
  fleet,
  live,
  instance,
  ping,
  tasks,
  task,
  join,
  children,
  speedup,
  namespaces,
  worktrees,
  namespace,
  namespaceEffective,
  rules,
  ruleTest,
  record,
  records,
  audit,
  threads,
  threadRecords,
  threadState,
  replay,
  query,
  tokens,
] as const;

type Listed = (typeof COMMANDS)[number] | (typeof REPORTS)[number];
type Signature<C> =
  C extends Command<string, infer I, infer O>
    ? { input: I; output: O }
    : C extends Report<string, infer I, infer O>
      ? { input: I; output: O }
      : never;

/** The input and the output of each command, by its name. */
export type Commands = { [C in (typeof COMMANDS)[number] as C['name']]: Signature<C> };
export type CommandName = keyof Commands;

/** The input and the output of each report, by its name. */
export type Reports = { [R in (typeof REPORTS)[number] as R['name']]: Signature<R> };
export type ReportName = keyof Reports;

/** Everything that HTTP offers, in the order in which it is bound. */
export const OPERATIONS: readonly Operation<RouteName>[] = [...COMMANDS, ...REPORTS, ...STREAMS];
export type RouteName = Listed['name'] | (typeof STREAMS)[number]['name'];

const commands = new Map<string, unknown>(COMMANDS.map(each => [each.name, each]));
const reports = new Map<string, unknown>(REPORTS.map(each => [each.name, each]));

export const commandNamed = <N extends CommandName>(name: N) =>
  commands.get(name) as Command<N, Commands[N]['input'], Commands[N]['output']>;

export const reportNamed = <N extends ReportName>(name: N) =>
  reports.get(name) as Report<N, Reports[N]['input'], Reports[N]['output']>;
