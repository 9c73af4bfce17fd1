import type { Verb } from './verb.ts';

/** A verb before it is loaded: enough for the list of commands and for suggestions. */
export interface Entry {
  readonly path: string;
  readonly summary: string;
  readonly load: () => Promise<Verb>;
  readonly hidden?: boolean;
}

/** Every command of `spl`, in the order of its help. Each is a file of its own, loaded when it is called. */
export const catalogue: readonly Entry[] = [
  entry('fleet start', 'start a coordinator and workers, and wait until all are live', () =>
    import('./verbs/fleet/start.ts').then(m => m.fleetStart),
  ),
  entry('fleet stop', 'stop the workers, everything, or one instance', () =>
    import('./verbs/fleet/stop.ts').then(m => m.fleetStop),
  ),
  entry('fleet restart', 'stop one worker and start it again', () =>
    import('./verbs/fleet/restart.ts').then(m => m.fleetRestart),
  ),
  entry('fleet list', 'list the instances', () => import('./verbs/fleet/list.ts').then(m => m.fleetList)),
  entry('fleet show', 'show one instance', () => import('./verbs/fleet/show.ts').then(m => m.fleetShow)),
  entry('fleet ping', 'ask one instance for an answer', () =>
    import('./verbs/fleet/ping.ts').then(m => m.fleetPing),
  ),
  entry('fleet status', 'the fleet in figures: instances, freezes, intervals', () =>
    import('./verbs/fleet/status.ts').then(m => m.fleetStatus),
  ),
  entry('task add', 'add a task', () => import('./verbs/task/add.ts').then(m => m.taskAdd)),
  entry('task list', 'list the tasks', () => import('./verbs/task/list.ts').then(m => m.taskList)),
  entry('task show', 'show one task', () => import('./verbs/task/show.ts').then(m => m.taskShow)),
  entry('task tree', 'show a task and its subtasks as a tree', () =>
    import('./verbs/task/tree.ts').then(m => m.taskTree),
  ),
  entry('task cancel', 'cancel a task, or some of its subtasks', () =>
    import('./verbs/task/cancel.ts').then(m => m.taskCancel),
  ),
  entry('task start', 'begin to work on a task', () =>
    import('./verbs/task/standing.ts').then(m => m.taskStart),
  ),
  entry('task done', 'say that a task is done; it waits for a verdict then', () =>
    import('./verbs/task/standing.ts').then(m => m.taskDone),
  ),
  entry('task fail', 'give a task up as failed', () =>
    import('./verbs/task/standing.ts').then(m => m.taskFail),
  ),
  entry('task approve', 'judge a task in review as reached', () =>
    import('./verbs/task/standing.ts').then(m => m.taskApprove),
  ),
  entry('task reject', 'judge a task in review as not reached', () =>
    import('./verbs/task/standing.ts').then(m => m.taskReject),
  ),
  entry('task block', 'say what keeps a task from going on', () =>
    import('./verbs/task/standing.ts').then(m => m.taskBlock),
  ),
  entry('task defer', 'put a task off, until a time or until somebody starts it', () =>
    import('./verbs/task/standing.ts').then(m => m.taskDefer),
  ),
  entry('task reopen', 'take up a finished task again', () =>
    import('./verbs/task/standing.ts').then(m => m.taskReopen),
  ),
  entry('task fan-out', 'split a task into subtasks and run them in parallel', () =>
    import('./verbs/task/fan-out.ts').then(m => m.taskFanOut),
  ),
  entry('task join-status', 'how far a fan-out has come', () =>
    import('./verbs/task/join-status.ts').then(m => m.taskJoinStatus),
  ),
  entry('task retry', 'run subtasks that did not accept again', () =>
    import('./verbs/task/retry.ts').then(m => m.taskRetry),
  ),
  entry('task output', 'print what a subtask printed', () =>
    import('./verbs/task/output.ts').then(m => m.taskOutput),
  ),
  entry('task speedup', 'what running in parallel has gained', () =>
    import('./verbs/task/speedup.ts').then(m => m.taskSpeedup),
  ),
  entry('task run-serial', 'run the same subtasks one at a time, as a baseline', () =>
    import('./verbs/task/run-serial.ts').then(m => m.taskRunSerial),
  ),
  entry('thread list', 'list the threads', () => import('./verbs/thread/list.ts').then(m => m.threadList)),
  entry('thread show', 'what a thread amounts to', () =>
    import('./verbs/thread/show.ts').then(m => m.threadShow),
  ),
  entry('thread records', 'the records of a thread', () =>
    import('./verbs/thread/records.ts').then(m => m.threadRecords),
  ),
  entry('thread snapshot', 'write threads to a file, to be restored elsewhere', () =>
    import('./verbs/thread/snapshot.ts').then(m => m.threadSnapshot),
  ),
  entry('thread restore', 'take over the threads of a snapshot', () =>
    import('./verbs/thread/restore.ts').then(m => m.threadRestore),
  ),
  entry('debug replay', 'replay a thread record by record, and where its status changes', () =>
    import('./verbs/debug-replay.ts').then(m => m.debugReplay),
  ),
  entry(
    'kill',
    'keep new work out of a namespace or of everything, and end what runs where that is asked for',
    () => import('./verbs/kill.ts').then(m => m.kill),
  ),
  entry('unkill', 'undo a freeze, or the emergency stop', () =>
    import('./verbs/unkill.ts').then(m => m.unkill),
  ),
  entry('worktree list', 'list the worktrees that attempts have, or left', () =>
    import('./verbs/worktree/list.ts').then(m => m.worktreeList),
  ),
  entry('worktree remove', 'remove a worktree, and its branch where nothing is lost with it', () =>
    import('./verbs/worktree/remove.ts').then(m => m.worktreeRemove),
  ),
  entry('namespace create', 'register a namespace, or make an archived one active again', () =>
    import('./verbs/namespace/create.ts').then(m => m.namespaceCreate),
  ),
  entry('namespace list', 'list the namespaces', () =>
    import('./verbs/namespace/list.ts').then(m => m.namespaceList),
  ),
  entry('namespace show', 'show a namespace and what lies above it', () =>
    import('./verbs/namespace/show.ts').then(m => m.namespaceShow),
  ),
  entry('namespace use', 'choose the namespace that commands take which name none', () =>
    import('./verbs/namespace/use.ts').then(m => m.namespaceUse),
  ),
  entry(
    'namespace resolve',
    'print the policy that holds in a namespace, and which level set each part',
    () => import('./verbs/namespace/resolve.ts').then(m => m.namespaceResolve),
  ),
  entry('namespace archive', 'close a namespace, with all below it', () =>
    import('./verbs/namespace/archive.ts').then(m => m.namespaceArchive),
  ),
  entry('namespace delete', 'archive a namespace for good: it is no longer listed', () =>
    import('./verbs/namespace/delete.ts').then(m => m.namespaceDelete),
  ),
  entry('token create', 'make a token that may do less than the home’s own', () =>
    import('./verbs/token/create.ts').then(m => m.tokenCreate),
  ),
  entry('token list', 'list the tokens beside the home’s own', () =>
    import('./verbs/token/list.ts').then(m => m.tokenList),
  ),
  entry('token revoke', 'end a token at once, with the streams that are open with it', () =>
    import('./verbs/token/revoke.ts').then(m => m.tokenRevoke),
  ),
  entry('rule add', 'ask a rule of everything that is written', () =>
    import('./verbs/rule/add.ts').then(m => m.ruleAdd),
  ),
  entry('rule list', 'list the rules', () => import('./verbs/rule/list.ts').then(m => m.ruleList)),
  entry('rule remove', 'take a rule away', () => import('./verbs/rule/remove.ts').then(m => m.ruleRemove)),
  entry('rule test', 'what the rules would say of something', () =>
    import('./verbs/rule/test.ts').then(m => m.ruleTest),
  ),
  entry('intend', 'write down a goal', () => import('./verbs/write.ts').then(m => m.intend)),
  entry('do', 'write down what was done', () => import('./verbs/write.ts').then(m => m.doAct)),
  entry('know', 'write down what was observed, or judged', () =>
    import('./verbs/write.ts').then(m => m.know),
  ),
  entry('learn', 'write down what was decided', () => import('./verbs/write.ts').then(m => m.learn)),
  entry('audit export', 'every record with its time and its signature, a line each', () =>
    import('./verbs/audit/export.ts').then(m => m.auditExport),
  ),
  entry('plan check', 'check plan files, without a fleet', () =>
    import('./verbs/plan/check.ts').then(m => m.planCheck),
  ),
  entry('plan init', 'write a plan file for this folder, to begin with', () =>
    import('./verbs/plan/init.ts').then(m => m.planInit),
  ),
  entry('expr check', 'check a join predicate, without a fleet', () =>
    import('./verbs/expr/check.ts').then(m => m.exprCheck),
  ),
  entry('query', 'ask the index in SQL', () => import('./verbs/query.ts').then(m => m.query)),
  entry('status', 'what runs here, in a few lines', () => import('./verbs/status.ts').then(m => m.status)),
  entry('serve', 'run a coordinator', () => import('./verbs/serve.ts').then(m => m.serve)),
  entry('doctor', 'check the machine, the home and the log', () =>
    import('./verbs/doctor.ts').then(m => m.doctor),
  ),
  entry('completion', 'print a completion script for a shell', () =>
    import('./verbs/completion.ts').then(m => m.completion),
  ),
  entry('version', 'print the versions', () => import('./verbs/version.ts').then(m => m.version)),
  {
    ...entry('complete-names', 'list names for the completion scripts', () =>
      import('./verbs/complete-names.ts').then(m => m.completeNames),
    ),
    hidden: true,
  },
];

function entry(path: string, summary: string, load: () => Promise<Verb>): Entry {
  return { path, summary, load };
}
