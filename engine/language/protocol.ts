import * as v from 'valibot';
import { WHENS } from '../subtask/table.ts';
import { effectivePolicySchema, NAMESPACE_STATUSES, VERDICTS } from '../contract/documents.ts';

/**
 * The messages between the plan server and its client beside the Language Server Protocol. The client sends what a fleet knows,
 * since the server asks no fleet itself. The server returns what to run and to draw.
 */

/** To the server: what is known of the fleet; null where there is none to ask. */
export const KNOWN = 'plan/known';
/** To the server: how the last run of a plan ended. */
export const LAST_RUN = 'plan/lastRun';
/** From the server: a plan was read anew. */
export const READ = 'plan/read';
/** Asks for the subtasks of a plan, and where they are written. */
export const OUTLINE = 'plan/outline';
/** Asks for the picture of a plan. */
export const GRAPH = 'plan/graph';
/** Asks for what is to be run. */
export const REQUEST = 'plan/request';

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
  /** As a predicate is asked about it; null when it is to be forgotten. */
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

/** A place in a text: lines and UTF-16 columns from 0. */
const placeSchema = v.object({ line: count, character: count });

export const readSchema = v.object({ uri: text, version: v.number() });
export type Read = v.InferOutput<typeof readSchema>;

export const outlineSchema = v.nullable(
  v.object({
    version: v.number(),
    /** True where the plan has no error. */
    isSound: v.boolean(),
    namespace: v.nullable(text),
    subtasks: v.array(
      v.object({
        name: v.nullable(text),
        /** The place where it begins, and where its name ends. */
        start: placeSchema,
        nameEnd: placeSchema,
        /** The names of the subtasks that its matrix makes of it; null for one that has none. */
        names: v.array(v.nullable(text)),
        /** Their indices. */
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
  /** A written subtask, which is then run with all that it waits for; null for the whole. */
  subtask: v.nullable(count),
});
/** The request to run, as `PlanRequest` has it; or the number of errors in the plan. */
export const requestedSchema = v.union([
  v.object({ request: v.record(text, v.unknown()) }),
  v.object({ errors: count }),
]);
export type Requested = v.InferOutput<typeof requestedSchema>;
