import type { EngineClient } from '../../engine/client/client.ts';
import { inProcessClient } from '../../engine/client/testing/in-process-client.ts';
import type { TaskAdd } from '../../engine/contract/commands.ts';
import type { Verdict } from '../../engine/contract/documents.ts';
import type { Did, ThreadId } from '../../engine/record/ids.ts';
import type { SealedRecord } from '../../engine/record/record.ts';
import { CoordinatorRig, type RawWorker } from '../../engine/runtime/testing/coordinator-rig.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';

/**
 * An engine in this process, with one worker whose reports a test has it say: the views need a subtask to stay in each
 * state for as long as a test looks, which no real worker does.
 */
export class Fleet {
  /** A client of another user. Its commands are not commands of the window under test. */
  readonly client: EngineClient;
  readonly #rig: CoordinatorRig;
  readonly #worker: RawWorker;
  readonly #intents: SealedRecord[] = [];
  #reports = 0;

  static async open(): Promise<Fleet> {
    const rig = await CoordinatorRig.open();
    const key = await rig.admit('a');
    await rig.engine.start(null);
    const worker = await rig.connect(key);
    worker.beat({ alias: 'worker-a', slots: 100 });
    return new Fleet(rig, worker);
  }

  private constructor(rig: CoordinatorRig, worker: RawWorker) {
    this.#rig = rig;
    this.#worker = worker;
    this.client = this.connect('did:sync:user:other');
  }

  /** Returns another client of the engine, with this actor. */
  connect(actor: string): EngineClient {
    return inProcessClient(this.#rig.engine, actor as Did);
  }

  /** Adds a task. @returns its thread */
  async task(alias: string, change: Partial<TaskAdd> = {}): Promise<string> {
    return (await this.client.submit('task.add', { ...BARE_TASK, alias, goal: alias, ...change })).thread;
  }

  /** Adds a task, and fans it out into subtasks with these goals. @returns its thread */
  async fanOut(alias: string, goals: readonly string[], predicate = 'all'): Promise<string> {
    const thread = await this.task(alias);
    const subtasks = goals.map(goal => ({ goal }));
    await this.client.submit('task.fan-out', { ...BARE_FAN_OUT, task: thread, subtasks, join: predicate });
    return thread;
  }

  /** Waits until the worker has this subtask. @returns the body of its delivery */
  async taken(thread: string, index = 0): Promise<SealedRecord['record']['body']> {
    return (await this.#taken(thread, index)).record.body;
  }

  /** Makes the worker report that this subtask has started. */
  async start(thread: string, index = 0): Promise<void> {
    const { clock } = (await this.#taken(thread, index)).record;
    const delivery = { thread: thread as ThreadId, index, delivery: clock };
    this.#worker.send({ type: 'started', deliveries: [delivery] });
  }

  /** Makes the worker end this subtask. */
  async end(thread: string, index: number, verdict: Verdict): Promise<void> {
    const intent = await this.#taken(thread, index);
    this.#intents.splice(this.#intents.indexOf(intent), 1);
    const record = this.#worker.reportOf(intent, { verdict });
    this.#worker.send({ type: 'report', first: this.#reports, records: [record] });
    this.#reports += 1;
    while (Number((await this.#worker.next('ack'))['upTo']) < this.#reports);
  }

  /** Waits until the worker is asked to end this subtask. */
  async toldToEnd(thread: string, index = 0): Promise<void> {
    for (;;) {
      const { deliveries } = (await this.#worker.next('cancel')) as { deliveries: [string, number][] };
      if (deliveries.some(each => each[0] === thread && each[1] === index)) return;
    }
  }

  async #taken(thread: string, index: number): Promise<SealedRecord> {
    for (;;) {
      const found = this.#intents.find(
        ({ record: { body } }) => body['parent_thread'] === thread && body['index'] === index,
      );
      if (found !== undefined) return found;
      this.#intents.push(...(await this.#worker.delivered()));
    }
  }

  async namespaces(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.client.submit('namespace.create', { id, description: null });
  }

  close(): Promise<void> {
    return this.#rig.close();
  }
}
