import type { SubtaskRef } from '../../subtask/subtask-ref.ts';
import { FleetError } from '../../errors.ts';
import { didYouMean, likeness } from '../model/did-you-mean.ts';
import type { Child, FanOut, Task } from '../model/state.ts';

/**
 * Returns the subtasks that these references name, each once, by index. A reference is a name, an index, or a pattern
 * of names. A name that looks like an index or a pattern takes precedence as a name.
 *
 * @throws NOT_FOUND for a task without a fan-out, and for the first reference that names no subtask
 */
export function resolveSubtasks(task: Task, refs: readonly SubtaskRef[]): readonly Child[] {
  const { fanOut } = task;
  if (fanOut === null) throw notThere(task, refs[0]!, ': it has no fan-out');
  const indices = new Set(refs.flatMap(ref => indexesOf(task, fanOut, ref)));
  return [...indices].sort((a, b) => a - b).map(index => fanOut.children[index]!);
}

/**
 * Returns the one subtask that a reference names. @throws NOT_FOUND as `resolveSubtasks`; CONFLICT for a pattern that
 * matches several
 */
export function resolveSubtask(task: Task, ref: SubtaskRef): Child {
  const children = resolveSubtasks(task, [ref]);
  const [child] = children;
  if (child !== undefined && children.length === 1) return child;
  const labels = children.slice(0, 10).map(({ index }) => task.fanOut!.subtasks[index]!.name);
  throw new FleetError('CONFLICT', `'${ref}' means ${children.length} subtasks of '${task.alias}'`, {
    details: { task: task.alias, subtask: ref },
    hint: `Name one of them: ${labels.join(', ')}${children.length > labels.length ? ', …' : ''}.`,
  });
}

function indexesOf(task: Task, { subtasks }: FanOut, ref: SubtaskRef): readonly number[] {
  const text = String(ref);
  const named = typeof ref === 'string' ? subtasks.findIndex(({ name }) => name === ref) : -1;
  if (named !== -1) return [named];
  const names = subtasks.flatMap(({ name }) => name ?? []);
  if (/^\d+$/.test(text)) {
    if (Number(text) < subtasks.length) return [Number(text)];
    throw notThere(task, ref, `: it has ${subtasks.length}, counted from 0`);
  }
  const isMeant = likeness(text);
  const like = text.includes('*')
    ? subtasks.flatMap(({ name }, index) => (name !== null && isMeant(name) ? [index] : []))
    : [];
  if (like.length === 0) throw notThere(task, ref, didYouMean(text, names));
  return like;
}

function notThere({ alias, fanOut }: Task, ref: SubtaskRef, why: string): FleetError {
  const shown = typeof ref === 'number' || /^\d+$/.test(ref) ? String(ref) : `'${ref.slice(0, 80)}'`;
  return new FleetError('NOT_FOUND', `task '${alias}' has no subtask ${shown}${why}`, {
    details: { task: alias, subtask: ref, subtasks: fanOut?.children.length ?? 0 },
    hint: `See them with: spl task join-status ${alias}`,
  });
}
