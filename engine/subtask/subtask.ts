import * as v from 'valibot';
import { ROWS, type Isolation, type Member, type WrittenKey } from './table.ts';
import { templateOf } from './template.ts';
import type { Target } from './target.ts';

type Row = (typeof ROWS)[number];
/** A row of a key that is also in bodies; the other keys exist only in plans. */
type BodyRow = Extract<Row, { readonly field: string }>;
type FieldWhere<Column> = Extract<BodyRow, Column>['field'];

/** A key that is in bodies. */
export type BodyKey = WrittenKey & Member;
export const BODY_KEYS = ROWS.filter(({ field }) => field !== null) as readonly BodyKey[];

type Entries = { readonly [R in BodyRow as R['field']]: R['schema'] };

/** A subtask as it is submitted; `domain/commands/fan-out` completes it. */
export const subtaskSchema = v.strictObject(
  Object.fromEntries(BODY_KEYS.map(({ field, schema }) => [field, schema])) as unknown as Entries,
);
export type Subtask = v.InferOutput<typeof subtaskSchema>;

/** A subtask with every default filled in: plain JSON data, as in the record of a fan-out. */
export interface CompleteSubtask extends Readonly<
  Omit<Subtask, 'target' | 'executor' | 'depends_on' | 'isolation'>
> {
  readonly target: Target;
  readonly executor: string;
  /** 0-based indices of the subtasks that must accept first, ascending, each once. */
  readonly depends_on: readonly number[];
  readonly isolation: Isolation;
  /** True when `run` stops at its first failing command. */
  readonly errexit: boolean;
}

/** Absent in records of older versions, whose `run` continues after a failing command. */
const errexit = { field: 'errexit', kind: 'flag', usual: false, delivered: true } as const;

/** The members of a complete subtask in the order of canonical text, so that records need no sort. */
export const MEMBERS: readonly (Member & { readonly field: keyof CompleteSubtask })[] = [
  ...(BODY_KEYS as readonly (Member & { readonly field: FieldWhere<unknown> })[]),
  errexit,
].sort((a, b) => (a.field < b.field ? -1 : 1));

/** The members that a delivery sends to the worker. */
export const DELIVERED = MEMBERS.filter(({ delivered }) => delivered === true);
type DeliveredField = FieldWhere<{ readonly delivered: true }> | typeof errexit.field;
export type DeliveredSubtask = Pick<CompleteSubtask, DeliveredField>;

/**
 * A subtask with the values that records and deliveries leave out; `undefined` for a member that they always include.
 */
export const USUAL = templateOf(
  Object.fromEntries(MEMBERS.map(({ field, usual }) => [field, usual])),
) as unknown as CompleteSubtask;

/** Compares two values of a member; lists and objects by content. */
export function isSame(value: unknown, other: unknown): boolean {
  if (value === other) return true;
  if (typeof value !== 'object' || value === null || typeof other !== 'object' || other === null)
    return false;
  const members = Object.entries(other);
  return (
    Object.keys(value).length === members.length &&
    members.every(([name, member]) => (value as Readonly<Record<string, unknown>>)[name] === member)
  );
}
