import { connect, type EngineClient } from '../../engine/client/client.ts';
import type {
  FannedOut,
  FleetDocument,
  InstanceDocument,
  JoinStatus,
  TaskAdded,
} from '../../engine/contract/documents.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';
import { homePaths } from '../../engine/home/paths.ts';
import type { Did } from '../../engine/record/ids.ts';
import { until } from './until.ts';

const WAIT_MS = 40_000;

/** The fleet of a test, asked and told through another door than the extension's: as another program would. */
export class Fleet {
  readonly client: EngineClient;

  constructor(home: string) {
    this.client = connect(
      { socketPath: homePaths(home).socket },
      { actor: 'did:sync:user:tester' as Did, reconnectMs: WAIT_MS },
    );
  }

  now(): Promise<FleetDocument> {
    return this.client.report('fleet', {});
  }

  instance(alias: string): Promise<InstanceDocument> {
    return this.client.report('instance', { instance: alias });
  }

  join(task: string): Promise<JoinStatus> {
    return this.client.report('join', { task, summary: false });
  }

  addTask(alias: string, dir: string | null): Promise<TaskAdded> {
    const task = { ...BARE_TASK, goal: `the goal of ${alias}`, alias, dir };
    return this.client.submit('task.add', task);
  }

  /** Adds a task and fans it out. */
  async fanOut(
    alias: string,
    dir: string,
    subtasks: readonly object[],
    predicate = 'all',
  ): Promise<FannedOut> {
    await this.addTask(alias, dir);
    const request = { ...BARE_FAN_OUT, task: alias, subtasks: [...subtasks], join: predicate };
    return this.client.submit('task.fan-out', request);
  }

  when(what: string, isSo: (fleet: FleetDocument) => boolean): Promise<FleetDocument> {
    return this.#when(what, () => this.now(), isSo);
  }

  instanceWhen(
    alias: string,
    what: string,
    isSo: (instance: InstanceDocument) => boolean,
  ): Promise<InstanceDocument> {
    return this.#when(`${alias}: ${what}`, () => this.instance(alias), isSo);
  }

  joinWhen(task: string, what: string, isSo: (join: JoinStatus) => boolean): Promise<JoinStatus> {
    return this.#when(`${task}: ${what}`, () => this.join(task), isSo);
  }

  joined(task: string): Promise<JoinStatus> {
    return this.joinWhen(task, 'the join', ({ complete }) => complete);
  }

  /** Resolves when nobody serves the home. */
  async gone(): Promise<void> {
    await until('nobody answers', async () => ((await this.#answers()) ? undefined : true));
  }

  #answers(): Promise<boolean> {
    return this.client.report('health', {}).then(
      () => true,
      () => false,
    );
  }

  /** Nobody may answer for a moment, while another takes over. */
  #when<T>(what: string, read: () => Promise<T>, isSo: (now: T) => boolean): Promise<T> {
    let last: T | undefined;
    return until(
      what,
      async () => {
        last = await read().catch(() => undefined);
        return last !== undefined && isSo(last) ? last : undefined;
      },
      async () => last,
      WAIT_MS,
    );
  }
}
