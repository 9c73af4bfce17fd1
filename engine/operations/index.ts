import type { Command, Operation, Report } from './operation.ts';
import { STREAMS } from './streams.ts';

/**
 * The list of all operations, one line each; the file named there has everything else about the operation. Operations
 * are loaded on demand: a client loads the one that it calls, a server loads all.
 */

/** The commands. Each one changes something, and is answered when the change is durable. */
export const COMMANDS = {
  'records.append': async () => (await import('./commands/records-append.ts')).recordsAppend,
  'records.restore': async () => (await import('./commands/records-restore.ts')).recordsRestore,
  'task.add': async () => (await import('./commands/task-add.ts')).taskAdd,
  'fan-out.open': async () => (await import('./commands/fan-out-open.ts')).fanOutOpen,
  'task.fan-out': async () => (await import('./commands/task-fan-out.ts')).taskFanOut,
  'task.retry': async () => (await import('./commands/task-retry.ts')).taskRetry,
  'task.rerun': async () => (await import('./commands/task-rerun.ts')).taskRerun,
  'task.cancel': async () => (await import('./commands/task-cancel.ts')).taskCancel,
  'task.start': async () => (await import('./commands/task-actions.ts')).taskStart,
  'task.done': async () => (await import('./commands/task-actions.ts')).taskDone,
  'task.fail': async () => (await import('./commands/task-actions.ts')).taskFail,
  'task.approve': async () => (await import('./commands/task-actions.ts')).taskApprove,
  'task.reject': async () => (await import('./commands/task-actions.ts')).taskReject,
  'task.block': async () => (await import('./commands/task-actions.ts')).taskBlock,
  'task.defer': async () => (await import('./commands/task-actions.ts')).taskDefer,
  'task.reopen': async () => (await import('./commands/task-actions.ts')).taskReopen,
  'task.run-serial': async () => (await import('./commands/task-run-serial.ts')).taskRunSerial,
  archive: async () => (await import('./commands/archive.ts')).archive,
  'namespace.create': async () => (await import('./commands/namespace-create.ts')).namespaceCreate,
  'namespace.archive': async () => (await import('./commands/namespace-archive.ts')).namespaceArchive,
  'namespace.delete': async () => (await import('./commands/namespace-delete.ts')).namespaceDelete,
  'rule.add': async () => (await import('./commands/rule-add.ts')).ruleAdd,
  'rule.remove': async () => (await import('./commands/rule-remove.ts')).ruleRemove,
  'worktree.remove': async () => (await import('./commands/worktree-remove.ts')).worktreeRemove,
  kill: async () => (await import('./commands/kill.ts')).kill,
  unkill: async () => (await import('./commands/unkill.ts')).unkill,
  'fleet.start': async () => (await import('./commands/fleet-start.ts')).fleetStart,
  'fleet.stop': async () => (await import('./commands/fleet-stop.ts')).fleetStop,
  'fleet.restart': async () => (await import('./commands/fleet-restart.ts')).fleetRestart,
  'token.create': async () => (await import('./commands/token-create.ts')).tokenCreate,
  'token.revoke': async () => (await import('./commands/token-revoke.ts')).tokenRevoke,
} as const;

/** The reports. Each one answers a question and writes nothing. */
export const REPORTS = {
  health: async () => (await import('./reports/health.ts')).health,
  fleet: async () => (await import('./reports/fleet.ts')).fleet,
  live: async () => (await import('./reports/live.ts')).live,
  instance: async () => (await import('./reports/instance.ts')).instance,
  ping: async () => (await import('./reports/ping.ts')).ping,
  tasks: async () => (await import('./reports/tasks.ts')).tasks,
  runs: async () => (await import('./reports/runs.ts')).runs,
  task: async () => (await import('./reports/task.ts')).task,
  join: async () => (await import('./reports/join.ts')).join,
  children: async () => (await import('./reports/children.ts')).children,
  speedup: async () => (await import('./reports/speedup.ts')).speedup,
  namespaces: async () => (await import('./reports/namespaces.ts')).namespaces,
  worktrees: async () => (await import('./reports/worktrees.ts')).worktrees,
  namespace: async () => (await import('./reports/namespace.ts')).namespace,
  'namespace.effective': async () => (await import('./reports/namespace-effective.ts')).namespaceEffective,
  rules: async () => (await import('./reports/rules.ts')).rules,
  'rule.test': async () => (await import('./reports/rule-test.ts')).ruleTest,
  record: async () => (await import('./reports/record.ts')).record,
  records: async () => (await import('./reports/records.ts')).records,
  audit: async () => (await import('./reports/audit.ts')).audit,
  threads: async () => (await import('./reports/threads.ts')).threads,
  'thread.records': async () => (await import('./reports/thread-records.ts')).threadRecords,
  'thread.state': async () => (await import('./reports/thread-state.ts')).threadState,
  replay: async () => (await import('./reports/replay.ts')).replay,
  query: async () => (await import('./reports/query.ts')).query,
  tokens: async () => (await import('./reports/tokens.ts')).tokens,
} as const;

type Loaded<L> = L extends () => Promise<infer O> ? O : never;
type AnyCommand = Loaded<(typeof COMMANDS)[CommandName]>;
type AnyReport = Loaded<(typeof REPORTS)[ReportName]>;
type Signature<O> =
  O extends Command<string, infer I, infer A>
    ? { input: I; output: A }
    : O extends Report<string, infer I, infer A>
      ? { input: I; output: A }
      : never;

export type CommandName = keyof typeof COMMANDS;
export type ReportName = keyof typeof REPORTS;
export type RouteName = CommandName | ReportName | (typeof STREAMS)[number]['name'];

/** The input and the output of each command, by its name. */
export type Commands = { [N in CommandName]: Signature<Loaded<(typeof COMMANDS)[N]>> };

/** The input and the output of each report, by its name. */
export type Reports = { [N in ReportName]: Signature<Loaded<(typeof REPORTS)[N]>> };

type CommandOf<N extends CommandName> = Command<N, Commands[N]['input'], Commands[N]['output']>;
type ReportOf<N extends ReportName> = Report<N, Reports[N]['input'], Reports[N]['output']>;

/** Loads one command. */
export const commandNamed = <N extends CommandName>(name: N) =>
  COMMANDS[name]() as unknown as Promise<CommandOf<N>>;

/** Loads one report. */
export const reportNamed = <N extends ReportName>(name: N) =>
  REPORTS[name]() as unknown as Promise<ReportOf<N>>;

/** All operations, loaded. */
export interface Operations {
  readonly commands: readonly AnyCommand[];
  readonly reports: readonly AnyReport[];
  /** Everything that HTTP offers, in binding order. */
  readonly all: readonly Operation<RouteName>[];
  command<N extends CommandName>(name: N): CommandOf<N>;
  report<N extends ReportName>(name: N): ReportOf<N>;
}

export async function loadOperations(): Promise<Operations> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load): Promise<AnyCommand> => load()));
  const reports = await Promise.all(Object.values(REPORTS).map((load): Promise<AnyReport> => load()));
  const byName = new Map<string, unknown>([...commands, ...reports].map(each => [each.name, each]));
  return {
    commands,
    reports,
    all: [...commands, ...reports, ...STREAMS],
    command: <N extends CommandName>(name: N) => byName.get(name) as CommandOf<N>,
    report: <N extends ReportName>(name: N) => byName.get(name) as ReportOf<N>,
  };
}
