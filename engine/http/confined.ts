import type { CallContext, EngineEvent, WatchOptions } from '../contract/engine.ts';
import type { ServedEngine } from '../operations/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../operations/index.ts';
import type { ControlDocument, RecordDocument, TaskDocument } from '../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { orNothing, type Confinement } from '../operations/confinement.ts';
import { commandNamed, reportNamed } from '../operations/index.ts';

/**
 * Returns an engine confined to one namespace and all below it. Everything outside is not found, not listed and not
 * reported, and nothing can be written there. Operations that cannot be separated by namespace are refused.
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

/** The most threads whose namespaces are remembered. Beyond that, the memory is cleared. */
const MAX_REMEMBERED = 10_000;

/** Determines what lies in a namespace, by asking the engine. */
class Inside implements Confinement {
  readonly namespace: string;
  readonly #engine: ServedEngine;
  /** The namespace of each task by its thread; null for a thread that belongs to no task. Neither ever changes. */
  readonly #ofThread = new Map<string, string | null>();

  constructor(engine: ServedEngine, namespace: string) {
    this.#engine = engine;
    this.namespace = namespace;
  }

  /** @throws SCOPE_FORBIDDEN unless the namespace is this one or below it */
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

  /**
   * Changes a namespace below this one. @throws SCOPE_FORBIDDEN unless it is below this one; this one itself is refused
   * too
   */
  async below<T>(namespace: string, change: () => Promise<T>): Promise<T> {
    this.require(namespace);
    if (namespace !== this.namespace) return change();
    throw new FleetError('SCOPE_FORBIDDEN', `a token of '${namespace}' can't change that namespace itself`, {
      details: { namespace },
      hint: 'Use a token of a namespace above it.',
    });
  }

  /**
   * Returns the thread of a task. The thread always means the same task, whereas an alias may come to mean another.
   * @throws NOT_FOUND if there is no such task here, or the name is ambiguous; the error does not say which
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

  /**
   * Returns true if a record lies in the namespace: by its task if it is on a task's thread, otherwise by the namespace
   * that it claims.
   */
  async has({ thread, body }: Pick<RecordDocument, 'thread' | 'body'>): Promise<boolean> {
    return isWithin((await this.#namespaceOf(thread)) ?? claimOf(body), this.namespace);
  }

  /**
   * @throws SCOPE_FORBIDDEN for a client's record that claims no namespace in here, or is on the thread of a task
   * elsewhere
   */
  async requireRecord(value: unknown): Promise<void> {
    // The engine refuses a value that is not a record.
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

  /** Removes tasks of other namespaces from the dependencies and dependants of a task. */
  async visiblePart(task: TaskDocument): Promise<TaskDocument> {
    const own = async (related: TaskDocument['depends_on']): Promise<TaskDocument['depends_on']> => {
      const here = await Promise.all(related.map(({ thread }) => this.#hasTask(thread)));
      return related.filter((_, i) => here[i]);
    };
    return { ...task, depends_on: await own(task.depends_on), dependants: await own(task.dependants) };
  }

  /** Keeps the freezes of namespaces in here and above. */
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
        // A change of a namespace above also affects this one.
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
    // The engine also finds a task by the beginning of its thread. Only the whole thread counts.
    const namespace = task?.thread === thread ? task.namespace : null;
    if (this.#ofThread.size >= MAX_REMEMBERED) this.#ofThread.clear();
    this.#ofThread.set(thread, namespace);
    return namespace;
  }
}

/** Returns the namespace that a record claims. */
function claimOf(body: object): string {
  const claimed = 'namespace' in body ? body.namespace : undefined;
  return typeof claimed === 'string' ? claimed : ROOT_NAMESPACE;
}
