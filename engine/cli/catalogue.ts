import type { Verb } from './verb.ts';

/** A verb before it is loaded, with the data for the list of commands and for suggestions. */
export interface Entry {
  readonly path: string;
  readonly summary: string;
  readonly load: () => Promise<Verb>;
  readonly hidden?: boolean;
}

/**
 * Every command of `spl`, in the order of its help. Each command is a separate file, which is loaded when it is called.
 */
export const catalogue: readonly Entry[] = [
  entry('run', 'Run commands, a plan or agents side by side', () =>
    import('./verbs/run.ts').then(m => m.run),
  ),
  entry('fleet start', 'Start a coordinator and workers, and wait until all are live', () =>
    import('./verbs/fleet/start.ts').then(m => m.fleetStart),
  ),
  entry('fleet stop', 'Stop the workers, one instance, or the whole fleet', () =>
    import('./verbs/fleet/stop.ts').then(m => m.fleetStop),
  ),
  entry('fleet restart', 'Restart a worker', () =>
    import('./verbs/fleet/restart.ts').then(m => m.fleetRestart),
  ),
  entry('fleet list', 'List the instances', () => import('./verbs/fleet/list.ts').then(m => m.fleetList)),
  entry('fleet show', 'Show an instance', () => import('./verbs/fleet/show.ts').then(m => m.fleetShow)),
  entry('fleet ping', 'Check that an instance answers', () =>
    import('./verbs/fleet/ping.ts').then(m => m.fleetPing),
  ),
  entry('fleet status', 'Show the instances, freezes and heartbeat interval of the fleet', () =>
    import('./verbs/fleet/status.ts').then(m => m.fleetStatus),
  ),
  entry('task add', 'Add a task', () => import('./verbs/task/add.ts').then(m => m.taskAdd)),
  entry('task list', 'List tasks', () => import('./verbs/task/list.ts').then(m => m.taskList)),
  entry('task show', 'Show a task', () => import('./verbs/task/show.ts').then(m => m.taskShow)),
  entry('task tree', 'Show a task and its subtasks as a tree', () =>
    import('./verbs/task/tree.ts').then(m => m.taskTree),
  ),
  entry('task cancel', 'Cancel a task, or one of its subtasks', () =>
    import('./verbs/task/cancel.ts').then(m => m.taskCancel),
  ),
  entry('task start', 'Start work on a task', () =>
    import('./verbs/task/standing.ts').then(m => m.taskStart),
  ),
  entry('task done', 'Mark a task as done and ready for review', () =>
    import('./verbs/task/standing.ts').then(m => m.taskDone),
  ),
  entry('task fail', 'Mark a task as failed', () => import('./verbs/task/standing.ts').then(m => m.taskFail)),
  entry('task approve', 'Approve a task in review', () =>
    import('./verbs/task/standing.ts').then(m => m.taskApprove),
  ),
  entry('task reject', 'Reject a task in review', () =>
    import('./verbs/task/standing.ts').then(m => m.taskReject),
  ),
  entry('task block', 'Mark a task as blocked', () =>
    import('./verbs/task/standing.ts').then(m => m.taskBlock),
  ),
  entry('task defer', 'Defer a task to a date, or until somebody starts it', () =>
    import('./verbs/task/standing.ts').then(m => m.taskDefer),
  ),
  entry('task reopen', 'Reopen a finished task', () =>
    import('./verbs/task/standing.ts').then(m => m.taskReopen),
  ),
  entry('task fan-out', 'Split a task into subtasks and run them in parallel', () =>
    import('./verbs/task/fan-out.ts').then(m => m.taskFanOut),
  ),
  entry('task join-status', 'Show the progress of a fan-out', () =>
    import('./verbs/task/join-status.ts').then(m => m.taskJoinStatus),
  ),
  entry('task retry', 'Retry subtasks that did not accept', () =>
    import('./verbs/task/retry.ts').then(m => m.taskRetry),
  ),
  entry('task output', 'Print the output of a subtask', () =>
    import('./verbs/task/output.ts').then(m => m.taskOutput),
  ),
  entry('task speedup', 'Report the speedup of a fan-out', () =>
    import('./verbs/task/speedup.ts').then(m => m.taskSpeedup),
  ),
  entry('task run-serial', 'Run the same subtasks one at a time, as a baseline', () =>
    import('./verbs/task/run-serial.ts').then(m => m.taskRunSerial),
  ),
  entry('output', 'Print the output of what did not pass in a run, or of one subtask', () =>
    import('./verbs/output.ts').then(m => m.output),
  ),
  entry('retry', 'Run again what failed in a run', () => import('./verbs/retry.ts').then(m => m.retry)),
  entry('rerun', 'Run all subtasks of a task again, as a new task', () =>
    import('./verbs/rerun.ts').then(m => m.rerun),
  ),
  entry('runs', 'List the runs of a plan, or of all plans', () =>
    import('./verbs/runs.ts').then(m => m.runs),
  ),
  entry('archive', 'Remove finished tasks from lists', () =>
    import('./verbs/archive.ts').then(m => m.archive),
  ),
  entry('thread list', 'List threads', () => import('./verbs/thread/list.ts').then(m => m.threadList)),
  entry('thread show', 'Show the status and record counts of a thread', () =>
    import('./verbs/thread/show.ts').then(m => m.threadShow),
  ),
  entry('thread records', 'List the records of a thread', () =>
    import('./verbs/thread/records.ts').then(m => m.threadRecords),
  ),
  entry('thread snapshot', 'Write threads to a snapshot file', () =>
    import('./verbs/thread/snapshot.ts').then(m => m.threadSnapshot),
  ),
  entry('thread restore', 'Restore threads from a snapshot file', () =>
    import('./verbs/thread/restore.ts').then(m => m.threadRestore),
  ),
  entry('debug replay', 'Replay a thread record by record, with each change of status', () =>
    import('./verbs/debug-replay.ts').then(m => m.debugReplay),
  ),
  entry('kill', 'Freeze a namespace, or stop all new work', () =>
    import('./verbs/kill.ts').then(m => m.kill),
  ),
  entry('unkill', 'Undo a freeze or the emergency stop', () =>
    import('./verbs/unkill.ts').then(m => m.unkill),
  ),
  entry('worktree list', 'List the git worktrees of attempts', () =>
    import('./verbs/worktree/list.ts').then(m => m.worktreeList),
  ),
  entry('worktree remove', 'Remove a worktree, and its branch if no commit is lost', () =>
    import('./verbs/worktree/remove.ts').then(m => m.worktreeRemove),
  ),
  entry('namespace create', 'Register a namespace, or reactivate an archived one', () =>
    import('./verbs/namespace/create.ts').then(m => m.namespaceCreate),
  ),
  entry('namespace list', 'List namespaces', () =>
    import('./verbs/namespace/list.ts').then(m => m.namespaceList),
  ),
  entry('namespace show', 'Show a namespace and its ancestors', () =>
    import('./verbs/namespace/show.ts').then(m => m.namespaceShow),
  ),
  entry('namespace use', 'Set the namespace used by commands that name none', () =>
    import('./verbs/namespace/use.ts').then(m => m.namespaceUse),
  ),
  entry('namespace resolve', 'Print the effective policy of a namespace, with the source of each part', () =>
    import('./verbs/namespace/resolve.ts').then(m => m.namespaceResolve),
  ),
  entry('namespace archive', 'Archive a namespace and everything below it', () =>
    import('./verbs/namespace/archive.ts').then(m => m.namespaceArchive),
  ),
  entry('namespace delete', 'Archive a namespace and hide it from the list', () =>
    import('./verbs/namespace/delete.ts').then(m => m.namespaceDelete),
  ),
  entry('token create', 'Create a token with limited permissions', () =>
    import('./verbs/token/create.ts').then(m => m.tokenCreate),
  ),
  entry('token list', 'List the tokens made with spl token create', () =>
    import('./verbs/token/list.ts').then(m => m.tokenList),
  ),
  entry('token revoke', 'Revoke a token and close its open streams', () =>
    import('./verbs/token/revoke.ts').then(m => m.tokenRevoke),
  ),
  entry('rule add', 'Add a permission rule', () => import('./verbs/rule/add.ts').then(m => m.ruleAdd)),
  entry('rule list', 'List permission rules', () => import('./verbs/rule/list.ts').then(m => m.ruleList)),
  entry('rule remove', 'Remove a permission rule', () =>
    import('./verbs/rule/remove.ts').then(m => m.ruleRemove),
  ),
  entry('rule test', 'Test whether the rules allow a record', () =>
    import('./verbs/rule/test.ts').then(m => m.ruleTest),
  ),
  entry('intend', 'Record a goal', () => import('./verbs/write.ts').then(m => m.intend)),
  entry('do', 'Record an action', () => import('./verbs/write.ts').then(m => m.doAct)),
  entry('know', 'Record an observation or a verdict', () => import('./verbs/write.ts').then(m => m.know)),
  entry('learn', 'Record a decision', () => import('./verbs/write.ts').then(m => m.learn)),
  entry('audit export', 'Export every record with its time and signature', () =>
    import('./verbs/audit/export.ts').then(m => m.auditExport),
  ),
  entry('plan check', 'Check plan files, without a fleet', () =>
    import('./verbs/plan/check.ts').then(m => m.planCheck),
  ),
  entry('plan init', 'Write a first plan file for this folder', () =>
    import('./verbs/plan/init.ts').then(m => m.planInit),
  ),
  entry('expr check', 'Check an expression of --join, without a fleet', () =>
    import('./verbs/expr/check.ts').then(m => m.exprCheck),
  ),
  entry('query', 'Query the index with SQL', () => import('./verbs/query.ts').then(m => m.query)),
  entry('status', 'Show the coordinator, its fleet and the unfinished tasks', () =>
    import('./verbs/status.ts').then(m => m.status),
  ),
  entry('serve', 'Run a coordinator', () => import('./verbs/serve.ts').then(m => m.serve)),
  entry('doctor', 'Check the machine, the home and the log', () =>
    import('./verbs/doctor.ts').then(m => m.doctor),
  ),
  entry('completion', 'Print a completion script for a shell', () =>
    import('./verbs/completion.ts').then(m => m.completion),
  ),
  entry('version', 'Print the versions', () => import('./verbs/version.ts').then(m => m.version)),
  {
    ...entry('complete-names', 'List names for the completion scripts', () =>
      import('./verbs/complete-names.ts').then(m => m.completeNames),
    ),
    hidden: true,
  },
];

/** The first words of all commands. */
export const FIRST_WORDS: ReadonlySet<string> = new Set(catalogue.map(({ path }) => path.split(' ', 1)[0]!));

function entry(path: string, summary: string, load: () => Promise<Verb>): Entry {
  return { path, summary, load };
}
