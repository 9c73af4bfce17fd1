import * as v from 'valibot';
import { ACTS } from '../record/record.ts';
import { notAList } from '../record/not-a-list.ts';

/** The kinds of names that a policy allows and denies: acts of records, executors and targets of subtasks. */
export const POLICY_KINDS = ['acts', 'executors', 'targets'] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];

export const POLICY_LIMITS = ['max_children', 'max_parallel', 'budget_usd', 'timeout_secs'] as const;
export type PolicyLimit = (typeof POLICY_LIMITS)[number];

const MAX_NAMES = 256;

const listOf = <const S extends v.GenericSchema>(name: S) =>
  v.exactOptional(
    v.pipe(v.array(name, 'must be a list'), v.maxLength(MAX_NAMES, `must have at most ${MAX_NAMES} entries`)),
  );
const text = v.pipe(
  v.string('must be text'),
  v.nonEmpty('must not be empty'),
  v.maxLength(256, 'must have at most 256 characters'),
);
const count = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
);

/** An object without unknown members. */
const table = <const E extends v.ObjectEntries>(entries: E) => notAList(v.strictObject(entries));

const names = table({
  acts: listOf(v.picklist(ACTS, `must be of ${ACTS.join(', ')}`)),
  executors: listOf(text),
  /** Written as in subtasks: `worker-a`, `specific:DID`, `least-loaded-worker`, `round-robin`. */
  targets: listOf(text),
});

/** The limits of a namespace on its work and on all work below it. An absent limit does not bound anything. */
export const policySchema = table({
  /** The only names allowed. An empty list allows nothing. */
  allow: v.exactOptional(names),
  /** The names denied, even where another level allows them. */
  deny: v.exactOptional(names),
  limits: v.exactOptional(
    table({
      /** The maximum number of subtasks of one fan-out. */
      max_children: v.exactOptional(count),
      /** The maximum number of subtasks that are out at a time, over all fan-outs. */
      max_parallel: v.exactOptional(count),
      /** The maximum total cost of all work there, ever. */
      budget_usd: v.exactOptional(
        v.pipe(
          v.number('must be a number'),
          v.minValue(0, 'must not be negative'),
          v.maxValue(Number.MAX_SAFE_INTEGER, 'must be at most 2^53 - 1'),
        ),
      ),
      /** The longest time-out of a subtask. */
      timeout_secs: v.exactOptional(
        v.pipe(
          v.number('must be a number of seconds'),
          v.gtValue(0, 'must be above 0'),
          v.maxValue(31_536_000, 'must be at most a year'),
        ),
      ),
    }),
  ),
});
export type Policy = v.InferOutput<typeof policySchema>;
