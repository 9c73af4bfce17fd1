import * as v from 'valibot';
import { amount, atLeast, folder, MAX_GOAL_CHARS, nonEmpty, seconds } from '../record/values.ts';
import { globsSchema } from './globs.ts';
import { matrixSchema } from './matrix.ts';
import { NONE, subtaskRef } from './subtask-ref.ts';
import { FREE_CHOICE, LEAST_LOADED } from './target.ts';
import { envSchema } from './variables.ts';
import { WHENS } from './when.ts';

/**
 * The keys of a subtask, one row each. The code that reads, checks, writes or explains a subtask is derived from these
 * rows: HTTP bodies, descriptors, plan files with completion, hover and JSON Schema, records, deliveries to workers,
 * help and documents.
 */

/** The kinds of values. A kind determines the spelling and the check of a value from a peer. */
export type Kind =
  'text' | 'choice' | 'amount' | 'seconds' | 'count' | 'flag' | 'names' | 'globs' | 'variables' | 'values';

/** A key of a subtask or of a whole plan, as people write it. */
export interface WrittenKey {
  readonly key: string;
  /** Its member in the body of a fan-out; null for a key that exists only in plans. */
  readonly field: string | null;
  readonly kind: Kind | 'subtasks' | 'params';
  /** The schema of the value in the body, with its default. */
  readonly schema: v.GenericSchema;
  /** The schema of the written value, where it differs from `schema`. */
  readonly written?: v.GenericSchema;
  /** The allowed values of a choice. */
  readonly choices?: readonly string[];
  /** A few words of Markdown for the tables of `docs/plans.md`. Links are relative to that folder. */
  readonly summary: string;
  /** One or two sentences of Markdown for completion, hover and the JSON Schema. */
  readonly help: string;
}

/** A member of a complete subtask, which the fan-out's record contains. */
export interface Member {
  readonly field: string;
  readonly kind: Kind;
  readonly choices?: readonly string[];
  /** The maximum length of a text. */
  readonly max?: number;
  /** The value that records and deliveries leave out. A member without one is always included. */
  readonly usual?: unknown;
  /** True where a record writes the first subtask's value once, and then only differing values. */
  readonly common?: true;
  /** True where deliveries to the worker include the member. */
  readonly delivered?: true;
}

/** `worktree`: each attempt runs in its own worktree, on its own branch. `folder`: it runs in the folder itself. */
export const ISOLATIONS = ['worktree', 'folder'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

const orNull = <const S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema), null);
const optionalText = <const M extends number>(max: M) =>
  ({ kind: 'text', max, schema: orNull(nonEmpty(max)), usual: null }) as const;
const requiredText = { kind: 'text', max: MAX_GOAL_CHARS, schema: nonEmpty(MAX_GOAL_CHARS) } as const;
const share = { kind: 'amount', schema: orNull(amount), usual: null, delivered: true } as const;

/** The rows, in display order. */
export const ROWS = [
  {
    key: 'goal',
    field: 'goal',
    ...requiredText,
    delivered: true,
    summary: 'what is to be done; if missing, the `prompt`, else the `name`',
    help: 'What is to be done. Where it is missing the prompt is taken, and else the name.',
  },
  {
    key: 'prompt',
    field: null,
    ...requiredText,
    summary: 'what an agent is told to do; the same as `goal`, which takes precedence',
    help: 'What an agent is told to do. The same as `goal`, which counts more.',
  },
  {
    key: 'name',
    field: 'name',
    ...optionalText(256),
    delivered: true,
    summary: 'the name that other subtasks depend on',
    help: 'What other subtasks depend on, and what is shown. Each is there once.',
  },
  {
    key: 'target',
    field: 'target',
    kind: 'text',
    max: 256,
    schema: v.optional(nonEmpty(256), LEAST_LOADED),
    usual: FREE_CHOICE,
    summary: 'the worker: `worker-a`, `specific:DID`, `least-loaded-worker` (default) or `round-robin`',
    help: 'Which worker does it: `worker-a`, `specific:DID`, `least-loaded-worker` or `round-robin`.',
  },
  {
    key: 'run',
    field: 'run',
    ...optionalText(MAX_GOAL_CHARS),
    delivered: true,
    summary: 'a command line for `/bin/sh`',
    help: 'A command line for `/bin/sh`. Of several lines, the first that fails ends it. A placeholder stands for a quoted variable. What it writes to `$SPL_RESULTS` is there for its dependants: `${{ subtasks.NAME.results.KEY }}`.',
  },
  {
    key: 'executor',
    field: 'executor',
    kind: 'text',
    max: 64,
    schema: orNull(nonEmpty(64)),
    common: true,
    delivered: true,
    summary: 'what runs it: `echo`, `shell`, or an [agent](agents.md) such as `agent:claude`',
    help: 'What does it: `echo`, `shell`, or an agent such as `agent:claude`. With `run` it is the shell.',
  },
  {
    key: 'dir',
    field: 'dir',
    kind: 'text',
    schema: orNull(folder),
    // People may write a relative path.
    written: orNull(nonEmpty(256)),
    usual: null,
    common: true,
    delivered: true,
    summary: 'the folder that it runs in',
    help: 'The folder it runs in. A relative one is told from the folder of this file.',
  },
  {
    key: 'budget',
    field: 'budget_usd',
    ...share,
    summary: 'its share of the dollars',
    help: 'Its share of the dollars of the plan. An attempt that passes it is ended.',
  },
  {
    key: 'budget-tokens',
    field: 'budget_tokens',
    ...share,
    summary: 'its share of the tokens',
    help: 'Its share of the tokens of the plan. An attempt that passes it is ended.',
  },
  {
    key: 'budget-secs',
    field: 'budget_secs',
    ...share,
    schema: orNull(seconds),
    summary: 'its share of the seconds',
    help: 'Its share of the seconds of the plan. An attempt that passes it is ended.',
  },
  {
    key: 'timeout',
    field: 'timeout_secs',
    kind: 'seconds',
    // Null for the value of `[fleet] timeout_secs` or the namespace's policy; without either, no time-out.
    schema: orNull(seconds),
    usual: null,
    common: true,
    delivered: true,
    summary: 'how many seconds one attempt may take',
    help: 'How many seconds one attempt may take; as long as it needs where nothing says: neither this, `[fleet] timeout_secs` nor a policy.',
  },
  {
    key: 'depends',
    field: 'depends_on',
    kind: 'names',
    schema: v.optional(
      v.pipe(
        v.array(subtaskRef, 'must be a list of indices or names'),
        v.maxLength(10_000, 'must have at most 10000 entries'),
      ),
      [],
    ),
    usual: NONE,
    summary: 'what must be accepted first: names of subtasks, or patterns such as `test-*`',
    help: 'What must be accepted first: names of subtasks, or patterns such as `test-*`.',
  },
  {
    key: 'when',
    field: 'when',
    kind: 'choice',
    choices: WHENS,
    // `failed` and `always` make the subtask a follow-up, outside the join.
    schema: v.optional(v.picklist(WHENS, 'must be accepted, failed or always'), 'accepted'),
    usual: 'accepted',
    summary: '`accepted`, or `failed` or `always` for a [follow-up](fan-outs.md#follow-ups)',
    help: '`accepted`, or `failed` or `always` for a follow-up: it is outside the join, and starts once all that it depends on has ended, with `failed` only if some of that did not accept.',
  },
  {
    key: 'attempts',
    field: 'attempts',
    kind: 'count',
    // Null for 2 after worker loss and 1 after an attempt's own failure.
    schema: orNull(atLeast(1, 100)),
    usual: null,
    summary: 'how often it may be started',
    help: 'How often it may be started.',
  },
  {
    key: 'backoff',
    field: 'backoff_secs',
    kind: 'seconds',
    // Null for a second, doubled up to a minute.
    schema: orNull(v.pipe(seconds, v.maxValue(3_600, 'must be at most an hour'))),
    usual: null,
    summary:
      'how many seconds the next attempt waits after a failed one, twice as many after each; 1 if missing',
    help: 'How many seconds the second attempt waits after the end of the first. Each later wait is twice as long, up to an hour. Without it: a second, up to a minute.',
  },
  {
    key: 'isolation',
    field: 'isolation',
    kind: 'choice',
    choices: ISOLATIONS,
    // Null for a worktree for agents and the folder for all others.
    schema: orNull(v.picklist(ISOLATIONS, 'must be worktree or folder')),
    usual: 'folder',
    delivered: true,
    summary: '`folder` for the folder itself, or `worktree` for a git worktree of its own',
    help: '`folder` for the folder itself, or `worktree` for a git worktree of its own.',
  },
  {
    key: 'env',
    field: 'env',
    kind: 'variables',
    schema: orNull(envSchema),
    usual: null,
    delivered: true,
    summary: 'variables of its own',
    help: 'Variables of its own. They are recorded; a secret is named: `${{ env.NAME }}`, read when an attempt begins.',
  },
  {
    key: 'inputs',
    field: 'inputs',
    kind: 'globs',
    schema: orNull(globsSchema),
    usual: null,
    delivered: true,
    summary: 'the files that it reads, as globs; see [Reuse](#reuse)',
    help: 'The files that it reads, as globs relative to its folder. It is not run again while neither they nor anything else declared differs from an accepted attempt. What it reads without declaring it is not seen.',
  },
  {
    key: 'outputs',
    field: 'outputs',
    kind: 'globs',
    schema: orNull(globsSchema),
    usual: null,
    delivered: true,
    summary: 'the files that it makes, as globs; they must still be there for a [reuse](#reuse)',
    help: 'The files that it makes, as globs relative to its folder. An accepted attempt is reused only while they are as it left them. They need `inputs`.',
  },
  {
    key: 'matrix',
    // A plan may also give the values. The body has only the keys whose values are results.
    field: 'matrix',
    kind: 'values',
    schema: orNull(matrixSchema),
    usual: null,
    summary:
      'makes a subtask of each combination of these values, or of the [values of a result](#a-matrix-over-a-result)',
    help: 'Makes a subtask of each combination of these values, which stand where `${{ matrix.KEY }}` is written. The values of a key may be a result: `${{ subtasks.NAME.results.KEY }}`. Then the subtasks are made when that subtask has ended.',
  },
] as const satisfies readonly (WrittenKey & Partial<Omit<Member, 'field'>>)[];
