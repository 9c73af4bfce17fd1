import * as v from 'valibot';

/**
 * Schemas of references to the objects of commands. Rows of the trees are such references. Links, menus, key bindings
 * and other extensions may pass them as well.
 */

const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(256));
const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const attempt = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const uri = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096));

export const instanceSchema = v.object({ kind: v.literal('instance'), did: name });
export type InstanceRef = v.InferOutput<typeof instanceSchema>;

const taskSchema = v.object({ kind: v.literal('task'), thread: name });
const childSchema = v.object({ kind: v.literal('child'), thread: name, index });
const attemptSchema = v.object({ kind: v.literal('attempt'), thread: name, index, attempt });
export type TaskRef = v.InferOutput<typeof taskSchema>;
export type ChildRef = v.InferOutput<typeof childSchema>;
export type AttemptRef = v.InferOutput<typeof attemptSchema>;

/** A task, one of its subtasks, or an attempt at one. */
export const workSchema = v.variant('kind', [taskSchema, childSchema, attemptSchema]);
export type WorkRef = v.InferOutput<typeof workSchema>;

/** The task of any of these references. */
export const ownTaskSchema = v.object({
  kind: v.picklist(['task', 'child', 'attempt']),
  thread: name,
});
export type OwnTaskRef = v.InferOutput<typeof ownTaskSchema>;

export const namespaceSchema = v.object({ kind: v.literal('namespace'), id: name });
export type NamespaceRef = v.InferOutput<typeof namespaceSchema>;

/** A file or folder, as the menus of the editor pass it. */
const resource = v.pipe(
  v.custom<object>(given => v.is(v.looseObject({ scheme: v.string(), fsPath: v.string() }), given)),
  v.transform(String),
  uri,
);
const ofResource = <K extends string>(kind: K) =>
  v.pipe(
    resource,
    v.transform(address => ({ kind, uri: address })),
  );

const ownPlanSchema = v.object({ kind: v.literal('plan'), uri });
export const planSchema = v.union([ownPlanSchema, ofResource('plan')]);
export type PlanRef = v.InferOutput<typeof ownPlanSchema>;

export const folderSchema = v.union([v.object({ kind: v.literal('folder'), uri }), ofResource('folder')]);

/** A subtask of a plan: its name, and its place in the plan when it was shown. */
export const planSubtaskSchema = v.object({
  ...ownPlanSchema.entries,
  subtask: index,
  name: v.exactOptional(v.nullable(v.string())),
});
export type PlanSubtaskRef = v.InferOutput<typeof planSubtaskSchema>;

/** A reference whose row can be revealed in a tree. Rows of namespaces are read only when they are opened. */
export type RevealedRef = InstanceRef | WorkRef;
