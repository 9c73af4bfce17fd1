import type { CallContext, EngineEvent, WatchOptions } from '../../contract/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../../operations/index.ts';
import { FleetError } from '../../errors.ts';
import type { EngineClient } from '../client.ts';

type Reply = (input: Record<string, unknown>) => object | Promise<object>;
type Answer = object | Error | Reply;

/** The answers of the fake, by the name of the command or the report. */
export type Answers = Readonly<Partial<Record<CommandName | ReportName, Answer>>>;

/** A client with answers from a test. It records its requests. */
export class FakeClient implements EngineClient {
  readonly asked: {
    readonly name: string;
    readonly input: Record<string, unknown>;
    readonly actor?: string;
  }[] = [];
  readonly watched: WatchOptions[] = [];
  closed = 0;
  output: EngineClient['output'] = () => Promise.reject(new FleetError('NOT_FOUND', 'no output'));
  #answers: Answers;
  readonly #listeners = new Set<(event: EngineEvent | Error | null) => void>();

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  /** The number of open watches. */
  get watchers(): number {
    return this.#listeners.size;
  }

  /** Changes these answers. */
  change(answers: Answers): void {
    this.#answers = { ...this.#answers, ...answers };
  }

  async submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: Partial<CallContext> = {},
  ): Promise<Commands[N]['output']> {
    return (await this.#answer(name, { ...input }, context.actor)) as Commands[N]['output'];
  }

  async report<N extends ReportName>(name: N, input: Reports[N]['input']): Promise<Reports[N]['output']> {
    return (await this.#answer(name, { ...input })) as Reports[N]['output'];
  }

  async *watch(options: WatchOptions): AsyncGenerator<EngineEvent> {
    this.watched.push(options);
    // Every watch begins with a gap.
    const waiting: (EngineEvent | Error | null)[] = [{ kind: 'gap' }];
    let wake = (): void => undefined;
    const listener = (event: EngineEvent | Error | null): void => {
      waiting.push(event);
      wake();
    };
    this.#listeners.add(listener);
    options.signal.addEventListener('abort', () => listener(null), { once: true });
    try {
      for (;;) {
        const next = waiting.shift();
        if (next === null || options.signal.aborted) return;
        if (next instanceof Error) throw next;
        if (next !== undefined) yield next;
        else await new Promise<void>(resolve => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Sends an event to the watchers. An error ends their watches with it; null ends them without one. */
  emit(event: EngineEvent | Error | null): void {
    for (const listener of this.#listeners) listener(event);
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  #answer(name: CommandName | ReportName, input: Record<string, unknown>, actor?: string): Promise<object> {
    this.asked.push({ name, input, ...(actor !== undefined && { actor }) });
    const answer = this.#answers[name];
    if (answer === undefined) return Promise.reject(new Error(`the test has no answer to ${name}`));
    if (answer instanceof Error) return Promise.reject(answer);
    if (typeof answer !== 'function') return Promise.resolve(answer);
    return (async () => (answer as Reply)(input))();
  }
}
