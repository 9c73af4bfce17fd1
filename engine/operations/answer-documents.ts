import * as v from 'valibot';
import * as d from '../contract/documents.ts';
import type { CommandName, Commands, ReportName, Reports } from '../contract/engine.ts';
import { tokenCreatedSchema, tokenSchema, tokensSchema } from '../contract/tokens.ts';

/** The schemas of all answers that are one document: the client decodes with them, and OpenAPI tells them. */

const appendedSchema = v.pipe(
  v.looseObject({ object: v.literal('list'), data: v.array(d.storedSchema) }),
  v.transform(({ data }) => ({ stored: data })),
);

/** The schema of each command's answer. */
export const COMMAND_DOCUMENTS: {
  readonly [N in CommandName]: v.GenericSchema<unknown, Commands[N]['output']>;
} = {
  'records.append': appendedSchema,
  'records.restore': d.restoredSchema,
  'task.add': d.taskAddedSchema,
  'fan-out.open': d.fanOutOpenedSchema,
  'task.fan-out': d.fannedOutSchema,
  'task.retry': d.joinStatusSchema,
  'task.cancel': d.taskSchema,
  'task.start': d.taskSchema,
  'task.done': d.taskSchema,
  'task.fail': d.taskSchema,
  'task.approve': d.taskSchema,
  'task.reject': d.taskSchema,
  'task.block': d.taskSchema,
  'task.defer': d.taskSchema,
  'task.reopen': d.taskSchema,
  'task.run-serial': d.fannedOutSchema,
  'namespace.create': d.namespaceSchema,
  'namespace.archive': d.namespaceSchema,
  'namespace.delete': d.namespaceSchema,
  'rule.add': d.ruleSchema,
  'rule.remove': d.ruleSchema,
  'worktree.remove': d.worktreeRemovedSchema,
  kill: d.controlSchema,
  unkill: d.controlSchema,
  'fleet.start': d.fleetStartedSchema,
  'fleet.stop': d.fleetStoppedSchema,
  'fleet.restart': d.instanceSchema,
  'token.create': tokenCreatedSchema,
  'token.revoke': tokenSchema,
};

/** The schema of each report. */
export const REPORT_DOCUMENTS: {
  readonly [N in ReportName]: v.GenericSchema<unknown, Reports[N]['output']>;
} = {
  health: d.healthSchema,
  fleet: d.fleetSchema,
  live: d.liveSchema,
  instance: d.instanceSchema,
  ping: d.pingSchema,
  tasks: d.tasksSchema,
  task: d.taskSchema,
  join: d.joinStatusSchema,
  children: d.childrenSchema,
  speedup: d.speedupSchema,
  namespaces: d.namespacesSchema,
  worktrees: d.worktreesSchema,
  namespace: d.namespaceShownSchema,
  'namespace.effective': d.effectivePolicySchema,
  rules: d.rulesSchema,
  'rule.test': d.ruleTestedSchema,
  record: d.recordSchema,
  records: d.recordsSchema,
  audit: d.auditSchema,
  threads: d.threadsSchema,
  'thread.records': d.threadRecordsSchema,
  'thread.state': d.threadStateSchema,
  replay: d.replaySchema,
  query: d.querySchema,
  tokens: tokensSchema,
};
