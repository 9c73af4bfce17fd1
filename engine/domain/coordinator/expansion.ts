import * as v from 'valibot';
import { plural } from '../../contract/format.ts';
import { FleetError } from '../../errors.ts';
import type { Json } from '../../record/canonical.ts';
import { show } from '../../subtask/fault.ts';
import {
  combinations,
  matrixKeysIn,
  MAX_EXPANDED,
  wholeResultRef,
  type MatrixValues,
} from '../../subtask/matrix.ts';
import { filledSubtask, textsWithMatrix } from '../../subtask/matrix-filling.ts';
import { subtaskSchema, type CompleteSubtask } from '../../subtask/subtask.ts';
import { MAX_SUBTASKS } from '../../subtask/subtask-ref.ts';
import { resultRefsOf } from '../model/matrices.ts';
import type { Child, FanOut, FleetState } from '../model/state.ts';
import { requireExpansion } from '../policy/namespace-policy.ts';
import { dependencyNamed } from './assignment-record.ts';

/** The values of a matrix over results, or the reason why the results are none. */
export type Expanded = { readonly values: MatrixValues } | { readonly fault: string };

/** The maximum length of all texts of a subtask's matrix together, in UTF-16 code units. */
const MAX_CHARS = 64 * 1024 * 1024;
/** The maximum number of dependencies that an expansion adds. */
const MAX_DEPENDENCIES = 1_000_000;

/** Returns true when each subtask whose results the matrix of a child needs was accepted. */
export function hasResults(fanOut: FanOut, { index }: Child): boolean {
  const subtask = fanOut.subtasks[index]!;
  return resultRefsOf(subtask).every(ref => dependencyNamed(fanOut, subtask, ref)?.verdict === 'accept');
}

/** Returns the values of the matrix of a subtask, whose results are there. Makes all checks that a fan-out makes. */
export function expansionOf(state: FleetState, fanOut: FanOut, index: number): Expanded {
  try {
    const subtask = fanOut.subtasks[index]!;
    const values = valuesOf(fanOut, subtask);
    requireSize(fanOut, index, values);
    requireExpansion(state, fanOut.namespace, subtask, index, totalWith(fanOut, values));
    requireSubtasks(fanOut, subtask, values);
    return { values };
  } catch (thrown) {
    if (!(thrown instanceof FleetError)) throw thrown;
    return { fault: thrown.message };
  }
}

const fault = (what: string): FleetError => new FleetError('INVALID_RECORD', what);

function valuesOf(fanOut: FanOut, subtask: CompleteSubtask): MatrixValues {
  return Object.entries(subtask.matrix!).map(([key, text]) => {
    const ref = wholeResultRef(text)!;
    const results = dependencyNamed(fanOut, subtask, ref)?.results ?? null;
    if (results === null || !Object.hasOwn(results, ref.key))
      throw fault(`'${ref.subtask}' gave no result '${ref.key}' for its matrix`);
    return [key, listOf(results[ref.key]!, `the result '${ref.key}' of '${ref.subtask}'`)] as const;
  });
}

/** Returns the elements of a result as values of a matrix. @throws INVALID_RECORD */
function listOf(result: Json, which: string): readonly string[] {
  if (!Array.isArray(result)) throw fault(`${which} is no list for its matrix: ${show(result)}`);
  if (result.length === 0) throw fault(`${which} is an empty list: its matrix has no values`);
  if (result.length > MAX_EXPANDED)
    throw fault(`${which} has ${result.length} elements, and a matrix may have ${MAX_EXPANDED}`);
  return (result as readonly Json[]).map((element, position) => {
    if (typeof element === 'object')
      throw fault(`element ${position} of ${which} is neither a text nor a number: ${show(element)}`);
    const text = String(element);
    // Names and goals are shown on one line, and a value must not become a placeholder.
    if (/\p{Cc}|\$\{\{/u.test(text))
      throw fault(`element ${position} of ${which} has a control character or a placeholder: ${show(text)}`);
    return text;
  });
}

const countOf = (values: MatrixValues): number => values.reduce((count, [, each]) => count * each.length, 1);
const totalWith = ({ subtasks }: FanOut, values: MatrixValues): number =>
  subtasks.length + countOf(values) - 1;

function requireSize(fanOut: FanOut, index: number, values: MatrixValues): void {
  const count = countOf(values);
  const subtask = fanOut.subtasks[index]!;
  if (count > MAX_EXPANDED) throw fault(`its matrix has ${count} combinations, and may have ${MAX_EXPANDED}`);
  if (totalWith(fanOut, values) > MAX_SUBTASKS)
    throw fault(
      `its matrix would make ${totalWith(fanOut, values)} subtasks, and a fan-out may have ${MAX_SUBTASKS}`,
    );
  const edges = subtask.depends_on.length + fanOut.dependants![index]!.length;
  if (edges * count > MAX_DEPENDENCIES)
    throw fault(`its matrix would make ${edges * count} dependencies, and may make ${MAX_DEPENDENCIES}`);
  const chars = textsWithMatrix(subtask).reduce((sum, [, text]) => sum + text.length, 0);
  if (chars * count > MAX_CHARS)
    throw fault(
      `its matrix would make ${plural(count, 'subtask')} with ${chars} characters each, which is too much`,
    );
}

/** Requires that the texts stay within their limits with each value, and that no two subtasks have one name. */
function requireSubtasks(fanOut: FanOut, template: CompleteSubtask, values: MatrixValues): void {
  const made = combinations(values).map(each => filledSubtask(template, each));
  const withKeys = textsWithMatrix(template).filter(([, text]) => matrixKeysIn(text).length > 0);
  const fields = new Set(withKeys.map(([field]) => field));
  for (const subtask of made)
    for (const field of fields) {
      const result = v.safeParse(subtaskSchema.entries[field], subtask[field], { abortEarly: true });
      if (!result.success)
        throw fault(`${field} of its matrix ${result.issues[0].message}: ${show(subtask[field])}`);
    }
  if (template.name === null) return;
  const names = new Set<string>();
  for (const { name } of made) {
    if (names.has(name!)) throw fault(`its matrix makes two subtasks with the name ${show(name)}`);
    names.add(name!);
  }
  const taken = fanOut.subtasks.find(each => each !== template && each.name !== null && names.has(each.name));
  if (taken !== undefined)
    throw fault(`its matrix makes a subtask with the name ${show(taken.name)}, which is taken`);
}
