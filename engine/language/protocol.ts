import * as v from 'valibot';
import { WHENS } from '../subtask/when.ts';
import { effectivePolicySchema, NAMESPACE_STATUSES, VERDICTS } from '../contract/documents.ts';

/**
 * The messages between the plan server and its client in addition to the Language Server Protocol. The client sends the
 * facts of a fleet, since the server itself asks no fleet. The server returns requests to run and graphs to draw.
 */

/** Sent to the server: the known facts of the fleet; null if there is no fleet to ask. */
export const KNOWN = 'plan/known';
/** Sent to the server: the end of a plan's last run. */
export const LAST_RUN = 'plan/lastRun';
/** Sent by the server: a plan was read again. */
export const READ = 'plan/read';
/** Asks for the subtasks of a plan and their places. */
export const OUTLINE = 'plan/outline';
/** Asks for the graph of a plan. */
export const GRAPH = 'plan/graph';
/** Asks for the request to run. */
export const REQUEST = 'plan/request';
/** Asks for a first plan of a folder. */
export const DRAFT = 'plan/draft';

const text = v.string();
const worker = v.looseObject({ did: text, alias: text });
const namespace = v.looseObject({
  id: text,
  status: v.picklist(NAMESPACE_STATUSES),
  archived_by: v.nullable(text),
  frozenBy: v.nullable(text),
  policy: v.nullable(effectivePolicySchema),
});

export const knownSchema = v.object({
  defaultExecutor: text,
  executors: v.nullable(v.array(text)),
  missing: v.optional(v.record(text, text)),
  workers: v.nullable(v.array(worker)),
  namespaces: v.nullable(v.array(namespace)),
});
export type Known = v.InferOutput<typeof knownSchema>;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const counts = v.object({
  accepted: count,
  rejected: count,
  failed: count,
  timed_out: count,
  cancelled: count,
  running: count,
  pending: count,
});
const child = v.object({
  index: count,
  name: v.nullable(text),
  goal: text,
  thread: text,
  worker: v.nullable(text),
  verdict: v.nullable(v.picklist(VERDICTS)),
  costUsd: v.number(),
  wallTimeSecs: v.number(),
  exitCode: v.nullable(v.number()),
  summary: v.nullable(text),
  attempt: v.number(),
});
export const lastRunSchema = v.object({
  uri: text,
  /** The facts for a predicate; null to forget them. */
  facts: v.nullable(
    v.object({
      counts,
      costUsd: v.number(),
      wallTimeSecs: v.number(),
      children: v.array(child),
      parent: v.object({ thread: text, alias: text, goal: text, record: text }),
      nowMs: v.number(),
    }),
  ),
});
export type LastRun = v.InferOutput<typeof lastRunSchema>;

export const planSchema = v.object({ uri: text });

/** @property text the text of a plan that is not open; an open one is read as it is in its editor */
export const outlineRequestSchema = v.object({ uri: text, text: v.optional(text) });

/** A place in a text: lines and UTF-16 columns from 0. */
const placeSchema = v.object({ line: count, character: count });

export const readSchema = v.object({ uri: text, version: v.number() });
export type Read = v.InferOutput<typeof readSchema>;

export const outlineSchema = v.nullable(
  v.object({
    version: v.number(),
    /** True if the plan has no error. */
    isSound: v.boolean(),
    namespace: v.nullable(text),
    subtasks: v.array(
      v.object({
        name: v.nullable(text),
        /** The place where the entry begins, and the end of its name. */
        start: placeSchema,
        nameEnd: placeSchema,
        /** The names of the subtasks that its matrix makes, or their goals; null for one with neither. */
        names: v.array(v.nullable(text)),
        /** The indices of those subtasks. */
        indices: v.array(count),
      }),
    ),
  }),
);
export type Outline = v.InferOutput<typeof outlineSchema>;

export const graphSchema = v.nullable(
  v.object({
    version: v.number(),
    goal: text,
    join: text,
    nodes: v.array(
      v.object({
        id: count,
        name: text,
        detail: text,
        count,
        start: count,
        end: count,
        layer: count,
        line: count,
        when: v.picklist(WHENS),
      }),
    ),
    edges: v.array(v.object({ from: count, to: count })),
  }),
);
export type Graph = v.InferOutput<typeof graphSchema>;

export const requestSchema = v.object({
  uri: text,
  /** The subtasks to run with everything that they wait for, as indices, names or patterns; null for the whole plan. */
  subtasks: v.nullable(v.array(v.union([count, text]))),
  /** The values of the plan's params; absent before a person was asked. */
  params: v.optional(v.record(text, text)),
});
/**
 * The request to run, as in `PlanRequest`; the params that need a value; a name that no subtask has; or the number of
 * errors in the plan.
 */
export const requestedSchema = v.union([
  v.object({ request: v.record(text, v.unknown()) }),
  v.object({ params: v.array(v.object({ name: text, description: v.nullable(text) })) }),
  v.object({ unknown: text }),
  v.object({ errors: count }),
]);
export type Requested = v.InferOutput<typeof requestedSchema>;

export const draftRequestSchema = v.object({ folder: text });
/** A first plan, as in `PlanDraft`. */
export const draftSchema = v.object({
  text,
  subtasks: count,
  sources: v.array(text),
  notes: v.array(text),
});
export type Draft = v.InferOutput<typeof draftSchema>;
