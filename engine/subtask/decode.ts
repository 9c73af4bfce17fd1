import * as v from 'valibot';
import type { FleetError } from '../errors.ts';
import { didYouMean } from '../record/near-names.ts';
import { isWritable } from '../record/values.ts';
import { refuse, shorten, show } from './fault.ts';
import { BODY_KEYS, subtaskSchema, type Subtask } from './subtask.ts';
import { templateOf } from './template.ts';

const KEYS: ReadonlySet<string> = new Set(BODY_KEYS.map(({ field }) => field));

/** A subtask that was decoded in advance, see `decodeAhead`. */
export class DecodedSubtask {
  readonly subtask: Subtask;

  constructor(subtask: Subtask) {
    this.subtask = subtask;
  }
}

/**
 * Decodes a subtask before its fan-out's step, so that a long list can be decoded in slices.
 * @returns a value that `decodeSubtask` accepts in the subtask's place; an invalid input is returned unchanged
 */
export function decodeAhead(input: unknown): unknown {
  try {
    return new DecodedSubtask(decodeSubtask(input, 0));
  } catch {
    // `decodeSubtask` refuses it later and names its index.
    return input;
  }
}

/** Decodes one subtask of a fan-out. @throws INVALID_RECORD naming the subtask, the key and the position */
export function decodeSubtask(input: unknown, index: number): Subtask {
  if (input instanceof DecodedSubtask) return input.subtask;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw refuse({ index, input }, null, `must be an object with the keys ${[...KEYS].join(', ')}`);
  }
  if (isPlainSubtask(input)) return { ...FILLED_IN, ...input };
  for (const key of Object.keys(input)) {
    if (!KEYS.has(key)) {
      throw refuse({ index, input }, key, `unknown key '${shorten(key)}'${didYouMean(key, KEYS)}`, {
        hint: `A subtask has the keys ${[...KEYS].join(', ')}.`,
      });
    }
  }
  const result = v.safeParse(subtaskSchema, input, { abortEarly: true });
  if (!result.success) throw schemaFault(result.issues[0], index, input);
  return { ...FILLED_IN, ...result.output };
}

/**
 * Returns true for a subtask that the schema accepts for certain: it has a goal and otherwise only text members, as most
 * subtasks of a large fan-out do. The schema decides all other cases and explains faults. A test checks that the two
 * agree.
 */
export function isPlainSubtask(input: object): input is Pick<Subtask, 'goal'> & Partial<Subtask> {
  for (const key of Object.keys(input)) {
    const value = (input as Readonly<Record<string, unknown>>)[key];
    const max = TEXT_LIMITS.get(key);
    if (max === undefined || typeof value !== 'string' || value.length > max || value.trim() === '')
      return false;
    if (!isWritable(value)) return false;
  }
  return 'goal' in input;
}

const TEXT_LIMITS: ReadonlyMap<string, number> = new Map(
  BODY_KEYS.flatMap(({ field, max }) => (max === undefined ? [] : [[field, max]])),
);

/** The defaults that the schema fills in, with room for the members that the rules add. */
const FILLED_IN: Subtask = templateOf({ ...v.parse(subtaskSchema, { goal: 'any' }), errexit: false });

function schemaFault(issue: v.BaseIssue<unknown>, index: number, input: object): FleetError {
  const [first, second] = issue.path ?? [];
  const key = String(first?.key);
  const position = typeof second?.key === 'number' ? second.key : null;
  const where = position === null ? key : `${key}[${position}]`;
  if (issue.type === 'strict_object') return refuse({ index, input }, key, `${where} is missing`);
  const shown = saysItself(issue.input) ? '' : ` = ${show(issue.input)}`;
  return refuse({ index, input }, key, `${where}${shown} ${issue.message}`, { position });
}

/** Returns true for a value that a message does not quote: an empty or a long text. */
function saysItself(value: unknown): boolean {
  return typeof value === 'string' && (value.trim() === '' || value.length > 200);
}
