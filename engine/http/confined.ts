import type { CallContext, EngineEvent, WatchOptions } from '../contract/engine.ts';
import type { ServedEngine } from '../operations/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../operations/index.ts';
import type { ControlDocument, RecordDocument, TaskDocument } from '../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { orNothing, type Confinement } from '../operations/confinement.ts';
import { commandNamed, reportNamed } from '../operations/index.ts';

/**
 * An engine of which only one namespace is there, with all below it: what lies elsewhere is not found, not listed and not
 * told of, and nothing is written there. What can't be told apart by namespace is refused.
 */
export function namespaceScopedEngine(engine: ServedEngine, namespace: string): ServedEngine {
  const inside = new Inside(engine, namespace);
  return {
    submit: async <N extends CommandName>(name: N, input: Commands[N]['input'], context: CallContext) => {
      const { confine } = await commandNamed(name);
      return confine(input, inside, within => engine.submit(name, within, context));
    },
    report: async <N extends ReportName>(name: N, input: Reports[N]['input'], signal?: AbortSignal) => {
      const { confine } = await reportNamed(name);
      return confine(input, inside, within => engine.report(name, within, signal));
    },
    watch: options => inside.watch(options),
    output: async request => engine.output({ ...request, task: await inside.thread(request.task) }),
  };
}

/** So many threads are remembered with their namespaces; then it is begun anew. */
const MAX_REMEMBERED = 10_000;

/** Knows what lies in a namespace, by asking the engine. */
class Inside implements Confinement {
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
      hint: 'Write the full name.',
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
  async visiblePart(task: TaskDocument): Promise<TaskDocument> {
    const own = async (related: TaskDocument['depends_on']): Promise<TaskDocument['depends_on']> => {
      const here = await Promise.all(related.map(({ thread }) => this.#hasTask(thread)));
      return related.filter((_, i) => here[i]);
    };
    return { ...task, depends_on: await own(task.depends_on), dependants: await own(task.dependants) };
  }

  /** Of what is frozen, what lies here and what lies above. */
  visibleControl(document: ControlDocument): ControlDocument {
    const concerns = ({ namespace }: { namespace: string }): boolean =>
      isWithin(namespace, this.namespace) || isWithin(this.namespace, namespace);
    return { ...document, freezes: document.freezes.filter(concerns) };
  }

  async *watch(options: WatchOptions): AsyncGenerator<EngineEvent, void, void> {
    for await (const event of this.#engine.watch(options)) if (await this.#isVisible(event)) yield event;
  }

  async #isVisible(event: EngineEvent): Promise<boolean> {
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
