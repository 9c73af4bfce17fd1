import type { ControlDocument, RecordDocument, TaskDocument } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';

/** The questions and checks of an operation confined to a namespace. */
export interface Confinement {
  readonly namespace: string;
  /** @throws SCOPE_FORBIDDEN for a namespace that is neither this one nor below it */
  require(namespace: string): void;
  /** Changes a namespace below this one. @throws SCOPE_FORBIDDEN, also for this one itself */
  below<T>(namespace: string, change: () => Promise<T>): Promise<T>;
  /**
   * Returns the thread of a task. A thread identifies the task for good; an alias may later name another task.
   * @throws NOT_FOUND for no such task, a task outside the namespace, and an ambiguous name; the error does not say
   * which
   */
  thread(name: string): Promise<string>;
  threads(names: readonly string[]): Promise<string[]>;
  notFound(what: 'task' | 'thread', name: string): FleetError;
  /**
   * Returns true for a record in the namespace. A record on a task's thread is in the task's namespace, any other in
   * the namespace that it claims.
   */
  has(record: Pick<RecordDocument, 'thread' | 'body'>): Promise<boolean>;
  /**
   * @throws SCOPE_FORBIDDEN for a client's record that claims no namespace in here, or is on the thread of a task
   * elsewhere
   */
  requireRecord(value: unknown): Promise<void>;
  only<T>(all: readonly T[], recordOf: (each: T) => RecordDocument): Promise<T[]>;
  /** Returns a task without the related tasks outside the namespace. */
  visiblePart(task: TaskDocument): Promise<TaskDocument>;
  /** Returns only the freezes that concern the namespace. */
  visibleControl(document: ControlDocument): ControlDocument;
}

/** Allows an operation whose answer reveals nothing about a namespace. */
export const open = <I, O>(input: I, _inside: Confinement, call: (input: I) => Promise<O>): Promise<O> =>
  call(input);

/** Requires a task in the namespace. */
export const onTask = async <I extends { readonly task: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => call({ ...input, task: await inside.thread(input.task) });

/** Requires a task in the namespace, and removes related tasks outside it from the answer. */
export const visibleTask = async <I extends { readonly task: string }>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<TaskDocument>,
): Promise<TaskDocument> => inside.visiblePart(await onTask(input, inside, call));

/** Requires a thread in the namespace. */
export const onThread = async <I extends { readonly thread: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => call({ ...input, thread: await inside.thread(input.thread) });

/** Requires this namespace or one below it. */
export const within = async <I extends { readonly namespace: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => {
  inside.require(input.namespace);
  return call(input);
};

/** Requires a namespace below this one: holders must not change their own limits. */
export const below = <I extends { readonly namespace: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => inside.below(input.namespace, () => call(input));

/** Refuses an operation that cannot be confined. */
export const refused =
  (what: string) =>
  (_input: unknown, { namespace }: Confinement): Promise<never> =>
    Promise.reject(
      new FleetError('SCOPE_FORBIDDEN', `a token of the namespace '${namespace}' can't ${what}`, {
        details: { namespace },
        hint: 'Use a token without a namespace, or the socket of the home.',
      }),
    );

/** Refuses the emergency stop and its end. */
export const refusedEmergency = refused('stop or release the whole fleet');

/** Returns the value, or `nothing` when it does not exist or its name is ambiguous. */
export async function orNothing<T, N>(asked: Promise<T>, nothing: N): Promise<T | N> {
  try {
    return await asked;
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND') || FleetError.is(thrown, 'CONFLICT')) return nothing;
    throw thrown;
  }
}
