/**
 * The functions of the rules that operations call. The coordinator passes them to the handlers in `engine/operations`.
 */

export {
  addTask,
  cancel,
  fanOut,
  openFanOut,
  rerun,
  retry,
  runSerial,
  subtasksOfRetry,
} from './commands/fan-out.ts';
export { archive } from './commands/archive.ts';
export { kill, unkill } from './commands/kill.ts';
export { archiveNamespace, createNamespace, deleteNamespace } from './commands/namespaces.ts';
export { addRule, removeRule } from './commands/rules.ts';
export { decodeAhead } from '../subtask/decode.ts';
export { applyTaskAction } from './commands/task-actions.ts';
export { topicOf } from './model/record-bodies.ts';
export { membersAmong } from './model/subtask.ts';
export { isFinished, resolveTask, statusOf, subtaskNameAt } from './model/tasks.ts';
export { effectivePolicy } from './policy/namespace-policy.ts';
export { namespaceDocument, namespacesDocument, requireActive } from './policy/namespaces.ts';
export { rulesDocument, testRules } from './policy/permission-rules.ts';
export { liveDocument } from './views/live.ts';
export { replayThread } from './views/replay.ts';
export { runsDocument } from './views/runs.ts';
export { speedupReport } from './views/speedup.ts';
export {
  childrenDocument,
  fleetDocument,
  instanceDocument,
  joinDocument,
  resolveInstance,
  runFacts,
  taskDocument,
} from './views/views.ts';
