import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { connect, type EngineClient } from '../../engine/client/client.ts';
import type {
  FannedOut,
  FleetDocument,
  InstanceDocument,
  JoinStatus,
  TaskAdded,
} from '../../engine/contract/documents.ts';
import type { FanOutRequest } from '../../engine/contract/commands.ts';
import { linkedController } from '../../engine/contract/linked-controller.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import type { Did } from '../../engine/record/ids.ts';
import { soon } from './until.ts';

export const ACTOR = 'did:sync:user:tester' as Did;
/** The time limit of a wait, and for a coordinator that went away to be followed by another, in milliseconds. */
const WAIT_MS = 40_000;
/** The pause before a home that nobody serves is watched again, in milliseconds. */
const AWAY_MS = 50;

/** A client on a home's socket; it finds its way back to a coordinator that is started again. */
export const clientOf = (home: string): EngineClient =>
  connect({ socketPath: homePaths(home).socket }, { actor: ACTOR, reconnectMs: WAIT_MS });

/** A fleet, used through its façade as another program uses it. Every wait looks after each event. */
export class FleetClient {
  readonly client: EngineClient;
  /** The folder of the tasks that are added. */
  readonly cwd: string;
  /** Ends every wait. */
  readonly #over = new AbortController();

  constructor(client: EngineClient, cwd: string) {
    this.client = client;
    this.cwd = cwd;
  }

  addTask(alias: string, dir: string | null = this.cwd): Promise<TaskAdded> {
    return this.client.submit('task.add', { ...BARE_TASK, goal: `the goal of ${alias}`, alias, dir });
  }

  /** Adds a task and fans it out. */
  async fanOut(
    alias: string,
    subtasks: readonly object[],
    options: Partial<FanOutRequest> = {},
  ): Promise<FannedOut> {
    await this.addTask(alias);
    const request = { ...BARE_FAN_OUT, ...options, task: alias, subtasks: [...subtasks] };
    return this.client.submit('task.fan-out', request);
  }

  state(): Promise<FleetDocument> {
    return this.client.report('fleet', {});
  }

  instance(name: string): Promise<InstanceDocument> {
    return this.client.report('instance', { instance: name });
  }

  join(task: string): Promise<JoinStatus> {
    return this.client.report('join', { task, summary: false });
  }

  stateWhen(what: string, isSo: (state: FleetDocument) => boolean): Promise<FleetDocument> {
    return this.#when(what, () => this.state(), isSo);
  }

  instanceWhen(
    name: string,
    what: string,
    isSo: (instance: InstanceDocument) => boolean,
  ): Promise<InstanceDocument> {
    return this.#when(`${name}: ${what}`, () => this.instance(name), isSo);
  }

  joinWhen(task: string, what: string, isSo: (join: JoinStatus) => boolean): Promise<JoinStatus> {
    return this.#when(`${task}: ${what}`, () => this.join(task), isSo);
  }

  /** Waits as `joinWhen`, without reading the subtasks, which costs less where there are many. */
  countsWhen(task: string, what: string, isSo: (join: JoinStatus) => boolean): Promise<JoinStatus> {
    const read = () => this.client.report('join', { task, summary: true });
    return this.#when(`${task}: ${what}`, read, isSo);
  }

  async joined(task: string): Promise<JoinStatus> {
    await this.countsWhen(task, 'the join', ({ complete }) => complete);
    return this.join(task);
  }

  /** Resolves when nobody serves the home. */
  async unserved(): Promise<void> {
    const isServed = () => this.client.report('health', {}).then(Boolean, () => false);
    await soon('nobody serves the home', async () => !(await isServed()), WAIT_MS);
  }

  #when<T>(what: string, read: () => Promise<T>, isSo: (read: T) => boolean): Promise<T> {
    let last: T | undefined;
    return this.until(
      () => `${what}; it was ${inspect(last, { depth: 5 })}`,
      async () => {
        last = await read();
        return isSo(last) ? last : undefined;
      },
    );
  }

  /** Looks at the start and after every event until there is an answer; a coordinator may be away meanwhile. */
  async until<T>(what: () => string, look: () => Promise<T | undefined>): Promise<T> {
    const { controller, release } = linkedController([this.#over.signal]);
    const timer = setTimeout(() => controller.abort(), WAIT_MS);
    const { signal } = controller;
    try {
      for await (const _ of bunched(this.#events(signal))) {
        const found = await look().catch((error: unknown) => {
          if (!isAway(error)) throw error;
          return undefined;
        });
        if (found !== undefined) return found;
      }
    } finally {
      clearTimeout(timer);
      controller.abort();
      release();
    }
    throw new Error(`not within ${WAIT_MS / 1000}s: ${what()}`);
  }

  /** The events of whoever serves the home, with a gap whenever that is another. */
  async *#events(signal: AbortSignal): AsyncGenerator<unknown> {
    for (;;) {
      try {
        yield* this.client.watch({ kinds: ['task', 'instance'], signal });
        return;
      } catch (error) {
        if (!isAway(error) || signal.aborted) throw error;
        await delay(AWAY_MS);
      }
    }
  }

  /** Ends every wait and closes the connection; the fleet goes on. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.client.close();
  }
}

/** Tells whether nobody served the home, as it is for a moment while another coordinator takes over. */
const isAway = (error: unknown): boolean =>
  FleetError.is(error) && ['UNREACHABLE', 'UNAVAILABLE', 'TIMED_OUT', 'LINK_BROKEN'].includes(error.code);

/** One turn for all events that have come since the last turn began, since a look costs more than an event. */
async function* bunched(events: AsyncIterable<unknown>): AsyncGenerator<void> {
  let isDue = false;
  let isOver = false;
  let wake = (): void => undefined;
  const pump = async (): Promise<void> => {
    for await (const _ of events) {
      isDue = true;
      wake();
    }
  };
  const pumped = pump().finally(() => {
    isOver = true;
    wake();
  });
  // Whoever goes on with the turns hears of it at their end.
  pumped.catch(() => undefined);
  while (isDue || !isOver) {
    if (isDue) {
      isDue = false;
      yield;
    } else await new Promise<void>(resolve => (wake = resolve));
  }
  await pumped;
}
