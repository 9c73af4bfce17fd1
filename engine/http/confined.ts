import type {
  CallContext,
  CommandName,
  Commands,
  EngineEvent,
  ReportName,
  Reports,
  WatchOptions,
  ServedEngine,
} from '../contract/engine.ts';
import type { ControlDocument, RecordDocument, TaskDocument } from '../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';

/**
 * An engine of which only one namespace is there, with all below it: what lies elsewhere is not found, not listed and not
 * told of, and nothing is written there. What can't be told apart by namespace is refused.
 */
export function namespaceScopedEngine(engine: ServedEngine, namespace: string): ServedEngine {
  const inside = new Inside(engine, namespace);
  return {
    submit: <N extends CommandName>(name: N, input: Commands[N]['input'], context: CallContext) =>
      COMMANDS[name](input, inside, within => engine.submit(name, within, context)),
    report: <N extends ReportName>(name: N, input: Reports[N]['input'], signal?: AbortSignal) =>
      REPORTS[name](input, inside, within => engine.report(name, within, signal)),
    watch: options => inside.watch(options),
    output: async request => engine.output({ ...request, task: await inside.thread(request.task) }),
  };
}

type Rule<I, O> = (input: I, inside: Inside, call: (input: I) => Promise<O>) => Promise<O>;
type CommandRules = { readonly [N in CommandName]: Rule<Commands[N]['input'], Commands[N]['output']> };
type ReportRules = { readonly [N in ReportName]: Rule<Reports[N]['input'], Reports[N]['output']> };

const onTask = async <I extends { readonly task: string }, O>(
  input: I,
  inside: Inside,
  call: (input: I) => Promise<O>,
): Promise<O> => call({ ...input, task: await inside.thread(input.task) });

const toldTask = async <I extends { readonly task: string }>(
  input: I,
  inside: Inside,
  call: (input: I) => Promise<TaskDocument>,
): Promise<TaskDocument> => inside.told(await onTask(input, inside, call));

const refused =
  (what: string) =>
  (_input: unknown, { namespace }: Inside): Promise<never> =>
    Promise.reject(
      new FleetError('SCOPE_FORBIDDEN', `a token of the namespace '${namespace}' can't ${what}`, {
        details: { namespace },
        hint: 'Use a token without a namespace, or the socket of the home.',
      }),
    );

const COMMANDS: CommandRules = {
  'records.append': async (input, inside, call) => {
    for (const record of input.records) await inside.requireRecord(record);
    return call(input);
  },
  'records.restore': refused('restore snapshots'),
  'task.add': async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    const { depends_on: on } = input;
    return call({ ...input, namespace, ...(on && { depends_on: await inside.threads(on) }) });
  },
  'fan-out.open': async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    for (const each of [namespace, input.fan_out.namespace]) if (each !== null) inside.require(each);
    return call({ ...input, namespace });
  },
  'task.fan-out': async (input, inside, call) => {
    if (input.namespace !== null) inside.require(input.namespace);
    return onTask(input, inside, call);
  },
  'task.retry': onTask,
  'task.cancel': toldTask,
  'task.start': toldTask,
  'task.done': toldTask,
  'task.fail': toldTask,
  'task.approve': toldTask,
  'task.reject': toldTask,
  'task.block': async (input, inside, call) =>
    toldTask({ ...input, on: input.on && (await inside.thread(input.on)) }, inside, call),
  'task.defer': toldTask,
  'task.reopen': toldTask,
  'task.run-serial': onTask,
  // Nobody changes what bounds them: a token's own namespace is for those above it to change.
  'namespace.create': (input, inside, call) => inside.below(input.id, () => call(input)),
  'namespace.archive': (input, inside, call) => inside.below(input.namespace, () => call(input)),
  'namespace.delete': (input, inside, call) => inside.below(input.namespace, () => call(input)),
  kill: async (input, inside, call) => {
    if (input.emergency) return stopEverything(input, inside);
    if (input.namespace !== null) inside.require(input.namespace);
    return inside.toldControl(await call(input));
  },
  unkill: async (input, inside, call) => {
    if (input.emergency) return stopEverything(input, inside);
    return inside.toldControl(await inside.below(input.namespace ?? ROOT_NAMESPACE, () => call(input)));
  },
  'rule.add': refused('add rules'),
  'rule.remove': refused('remove rules'),
  'worktree.remove': refused('remove worktrees'),
  'fleet.start': refused('start workers'),
  'fleet.stop': refused('stop instances'),
  'fleet.restart': refused('restart workers'),
  'token.create': refused('make tokens'),
  'token.revoke': refused('revoke tokens'),
};

const stopEverything = refused('stop or release the whole fleet');

const REPORTS: ReportRules = {
  health: (input, _inside, call) => call(input),
  fleet: refused('see the whole fleet'),
  live: refused('see the whole fleet'),
  instance: refused('see instances'),
  ping: refused('reach instances'),
  tasks: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    const { tasks } = await call({ ...input, namespace });
    return { tasks: await Promise.all(tasks.map(task => inside.told(task))) };
  },
  task: toldTask,
  join: onTask,
  children: onTask,
  speedup: async (input, inside, call) =>
    onTask({ ...input, vsSerial: input.vsSerial && (await inside.thread(input.vsSerial)) }, inside, call),
  namespaces: async (input, inside, call) => {
    if (input.parent !== undefined) {
      inside.require(input.parent);
      return call(input);
    }
    const all = (await call(input)).namespaces.filter(({ id }) => isWithin(id, inside.namespace));
    return { namespaces: all, explicit: all.filter(({ id }) => id !== ROOT_NAMESPACE).length };
  },
  rules: refused('list rules'),
  'rule.test': refused('test rules'),
  worktrees: refused('list worktrees'),
  namespace: async (input, inside, call) => {
    inside.require(input.namespace);
    return call(input);
  },
  'namespace.effective': async (input, inside, call) => {
    inside.require(input.namespace);
    const effective = await call(input);
    // What all others use together is nothing of theirs.
    return {
      ...effective,
      usage: effective.usage.filter(level => isWithin(level.namespace, inside.namespace)),
    };
  },
  record: async (input, inside, call) => {
    const record = await call(input);
    if (await inside.has(record)) return record;
    throw new FleetError('NOT_FOUND', `no record has the id '${input.id}'`, { details: { id: input.id } });
  },
  records: async (input, inside, call) => {
    const { records, next } = await call(input);
    return { records: await inside.only(records, record => record), next };
  },
  audit: async (input, inside, call) => {
    const { entries, next } = await call(input);
    return { entries: await inside.only(entries, ({ record }) => record), next };
  },
  threads: refused('list threads; it can read each'),
  'thread.records': async (input, inside, call) => {
    const { thread, records } = await orNothing(call(input), { thread: input.thread, records: [] });
    const own = await inside.only(records, record => record);
    if (own.length > 0) return { thread, records: own };
    throw inside.notFound('thread', input.thread);
  },
  'thread.state': async (input, inside, call) => call({ thread: await inside.thread(input.thread) }),
  replay: async (input, inside, call) => call({ thread: await inside.thread(input.thread) }),
  query: refused('query the index, which has the records of all'),
  tokens: refused('list tokens'),
};

/** So many threads are remembered with their namespaces; then it is begun anew. */
const MAX_REMEMBERED = 10_000;

/** Knows what lies in a namespace, by asking the engine. */
class Inside {
  readonly namespace: string;
  readonly #engine: ServedEngine;
  /** The namespace of each task by its thread; null for a thread that is no task's. Neither ever changes. */
  readonly #ofThread = new Map<string, string | null>();

  constructor(engine: ServedEngine, namespace: string) {
    this.#engine = engine;
    this.namespace = namespace;
  }

  /** @throws SCOPE_FORBIDDEN for a namespace that is neither this one nor below it. */
  require(namespace: string): void {
    if (isWithin(namespace, this.namespace)) return;
    throw new FleetError(
      'SCOPE_FORBIDDEN',
      `the token is confined to '${this.namespace}', and '${namespace}' is not in it`,
      {
        details: { namespace, confined_to: this.namespace },
        hint: `Name '${this.namespace}', or one below it.`,
      },
    );
  }

  /** Does something to a namespace that lies below this one. @throws SCOPE_FORBIDDEN, also for this one itself. */
  async below<T>(namespace: string, change: () => Promise<T>): Promise<T> {
    this.require(namespace);
    if (namespace !== this.namespace) return change();
    throw new FleetError('SCOPE_FORBIDDEN', `a token of '${namespace}' can't change that namespace itself`, {
      details: { namespace },
      hint: 'Use a token of a namespace above it.',
    });
  }

  /**
   * The thread of a task, which names it for good, where an alias may come to mean another.
   * @throws NOT_FOUND where there is none, or not here, or a name that means several: which, is not told.
   */
  async thread(name: string): Promise<string> {
    const task = await orNothing(this.#engine.report('task', { task: name }), undefined);
    if (task !== undefined && isWithin(task.namespace, this.namespace)) return task.thread;
    throw this.notFound('task', name);
  }

  threads(names: readonly string[]): Promise<string[]> {
    return Promise.all(names.map(name => this.thread(name)));
  }

  notFound(what: 'task' | 'thread', name: string): FleetError {
    return new FleetError('NOT_FOUND', `no ${what} is named '${name}' in '${this.namespace}'`, {
      details: { [what]: name, namespace: this.namespace },
      hint: 'Write its whole name.',
    });
  }

  /** Tells whether a record lies in the namespace: by its task if it is on a task's thread, else by its own claim. */
  async has({ thread, body }: Pick<RecordDocument, 'thread' | 'body'>): Promise<boolean> {
    return isWithin((await this.#namespaceOf(thread)) ?? claimOf(body), this.namespace);
  }

  /** @throws SCOPE_FORBIDDEN for a record of a client that claims no namespace in here, or is on a task's thread elsewhere. */
  async requireRecord(value: unknown): Promise<void> {
    // What is no record at all is refused by the engine.
    const { thread, body } = Object(value) as { thread?: unknown; body?: unknown };
    this.require(claimOf(Object(body) as object));
    if (typeof thread !== 'string') return;
    const namespace = await this.#namespaceOf(thread);
    if (namespace !== null) this.require(namespace);
  }

  async only<T>(all: readonly T[], recordOf: (each: T) => RecordDocument): Promise<T[]> {
    const own: T[] = [];
    for (const each of all) if (await this.has(recordOf(each))) own.push(each);
    return own;
  }

  /** A task may wait for one elsewhere, and one elsewhere for it. */
  async told(task: TaskDocument): Promise<TaskDocument> {
    const own = async (related: TaskDocument['depends_on']): Promise<TaskDocument['depends_on']> => {
      const here = await Promise.all(related.map(({ thread }) => this.#hasTask(thread)));
      return related.filter((_, i) => here[i]);
    };
    return { ...task, depends_on: await own(task.depends_on), dependants: await own(task.dependants) };
  }

  /** Of what is frozen, what lies here and what lies above. */
  toldControl(document: ControlDocument): ControlDocument {
    const concerns = ({ namespace }: { namespace: string }): boolean =>
      isWithin(namespace, this.namespace) || isWithin(this.namespace, namespace);
    return { ...document, freezes: document.freezes.filter(concerns) };
  }

  async *watch(options: WatchOptions): AsyncGenerator<EngineEvent, void, void> {
    for await (const event of this.#engine.watch(options)) if (await this.#tells(event)) yield event;
  }

  async #tells(event: EngineEvent): Promise<boolean> {
    switch (event.kind) {
      case 'record':
        return this.has(event.record);
      case 'task':
        return this.#hasTask(event.thread);
      case 'gap':
        return true;
      case 'namespace':
        // What lies above it holds for it, too.
        return isWithin(event.id, this.namespace) || isWithin(this.namespace, event.id);
      case 'instance':
      case 'heartbeat':
        return false;
    }
  }

  async #hasTask(thread: string): Promise<boolean> {
    const namespace = await this.#namespaceOf(thread);
    return namespace !== null && isWithin(namespace, this.namespace);
  }

  async #namespaceOf(thread: string): Promise<string | null> {
    const known = this.#ofThread.get(thread);
    if (known !== undefined) return known;
    const task = await orNothing(this.#engine.report('task', { task: thread }), undefined);
    // What begins as a task's thread does is none.
    const namespace = task?.thread === thread ? task.namespace : null;
    if (this.#ofThread.size >= MAX_REMEMBERED) this.#ofThread.clear();
    this.#ofThread.set(thread, namespace);
    return namespace;
  }
}

/** The namespace that a record says it is in. */
function claimOf(body: object): string {
  const claimed = 'namespace' in body ? body.namespace : undefined;
  return typeof claimed === 'string' ? claimed : ROOT_NAMESPACE;
}

/** Returns the value asked for, or `nothing` when it does not exist or its name is ambiguous. */
async function orNothing<T, N>(asked: Promise<T>, nothing: N): Promise<T | N> {
  try {
    return await asked;
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND') || FleetError.is(thrown, 'CONFLICT')) return nothing;
    throw thrown;
  }
}
