import type { ControlDocument, RecordDocument, TaskDocument } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';

/** The questions and checks of a confined operation: knows what lies in the namespace, and what does not. */
export interface Confinement {
  readonly namespace: string;
  /** @throws SCOPE_FORBIDDEN for a namespace that is neither this one nor below it. */
  require(namespace: string): void;
  /** Does something to a namespace that lies below this one. @throws SCOPE_FORBIDDEN, also for this one itself. */
  below<T>(namespace: string, change: () => Promise<T>): Promise<T>;
  /**
   * The thread of a task, which names it for good, where an alias may come to mean another.
   * @throws NOT_FOUND where there is none, or not here, or a name that means several: which, is not told.
   */
  thread(name: string): Promise<string>;
  threads(names: readonly string[]): Promise<string[]>;
  notFound(what: 'task' | 'thread', name: string): FleetError;
  /** Tells whether a record lies in the namespace: by its task if it is on a task's thread, else by its own claim. */
  has(record: Pick<RecordDocument, 'thread' | 'body'>): Promise<boolean>;
  /** @throws SCOPE_FORBIDDEN for a record of a client that claims no namespace in here, or is on a task's thread elsewhere. */
  requireRecord(value: unknown): Promise<void>;
  only<T>(all: readonly T[], recordOf: (each: T) => RecordDocument): Promise<T[]>;
  /** A task without the tasks elsewhere that it waits for, or that wait for it. */
  told(task: TaskDocument): Promise<TaskDocument>;
  /** Of the freezes, those that concern the namespace. */
  toldControl(document: ControlDocument): ControlDocument;
}

/** Allows an operation whose answer says nothing about a namespace. */
export const open = <I, O>(input: I, _inside: Confinement, call: (input: I) => Promise<O>): Promise<O> =>
  call(input);

/** Requires a task of the namespace. */
export const onTask = async <I extends { readonly task: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => call({ ...input, task: await inside.thread(input.task) });

/** Requires a task of the namespace, and answers with it. */
export const toldTask = async <I extends { readonly task: string }>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<TaskDocument>,
): Promise<TaskDocument> => inside.told(await onTask(input, inside, call));

/** Requires a thread of the namespace. */
export const onThread = async <I extends { readonly thread: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => call({ ...input, thread: await inside.thread(input.thread) });

/** Requires a namespace that is this one, or lies below it. */
export const within = async <I extends { readonly namespace: string }, O>(
  input: I,
  inside: Confinement,
  call: (input: I) => Promise<O>,
): Promise<O> => {
  inside.require(input.namespace);
  return call(input);
};

/** Requires a namespace below this one: nobody changes the bounds of their own. */
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

/** Refuses the emergency stop, and its end. */
export const refusedEmergency = refused('stop or release the whole fleet');

/** Returns the value asked for, or `nothing` when it does not exist or its name is ambiguous. */
export async function orNothing<T, N>(asked: Promise<T>, nothing: N): Promise<T | N> {
  try {
    return await asked;
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND') || FleetError.is(thrown, 'CONFLICT')) return nothing;
    throw thrown;
  }
}
