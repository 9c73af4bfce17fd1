import { setImmediate } from 'node:timers/promises';
import { VERSION } from '../../engine/contract/engine.ts';
import { celCompiler } from '../../engine/domain/join/cel.ts';
import { addTask, fanOut, type FanOutContext } from '../../engine/domain/commands/fan-out.ts';
import { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import type { ToCoordinator } from '../../engine/domain/model/messages.ts';
import { emptyState } from '../../engine/domain/model/state.ts';
import { Worker } from '../../engine/domain/worker/worker.ts';
import { openHome } from '../../engine/home/home.ts';
import { workerAlias, workerHome } from '../../engine/home/paths.ts';
import { openFileLog, type FileLog } from '../../engine/log/file/file-log.ts';
import { hash } from '../../engine/record/hash.ts';
import type { Did, ThreadId } from '../../engine/record/ids.ts';
import { generateKey, signBatch, type InstanceKey } from '../../engine/record/signing.ts';
import { fanOutOf, taskOf } from './fan-out.ts';
import { WORKERS } from './fleet.ts';

const HEARTBEAT_MS = 5_000;
const WALL_SECS = 0.000_05;
const ACTOR = 'did:sync:user:bench' as Did;

const context: FanOutContext = {
  cel: celCompiler,
  defaultExecutor: 'echo',
  executors: ['echo', 'shell'],
  refusal: () => null,
  defaultTimeoutSecs: null,
};

export interface MadeHome {
  readonly records: number;
  readonly tasks: number;
}

/**
 * Makes a home with the history of a fleet: fan-outs of echo children, each joined, until its log has at least
 * `records` records. The rules of coordinator and workers write it, including signatures, without processes.
 */
export async function makeHome(dir: string, records: number, childrenPerTask: number): Promise<MadeHome> {
  const home = await openHome(dir, { create: true, version: VERSION });
  let nowMs = Date.now() - 86_400_000;
  const now = (): number => (nowMs += 1);
  const log = await openFileLog({
    dir: home.paths.logDir,
    checkpointDir: home.paths.indexDir,
    reader: { restore: () => true, visit: () => {} },
    now,
    epochOwner: home.key.did,
  });
  const fleet = new RulesOnly(
    new Coordinator({
      self: home.key.did,
      cel: celCompiler,
      heartbeatMs: HEARTBEAT_MS,
      state: emptyState(),
    }),
    log,
    now,
  );
  fleet.admitWorkers(home.paths.home);
  let tasks = 0;
  while (log.pendingEnd < records) await fleet.work(`past-${++tasks}`, childrenPerTask);
  await fleet.stop();
  await log.close();
  return { records: log.end, tasks };
}

interface Peer {
  readonly key: InstanceKey;
  readonly rules: Worker;
}

/** The rules of a fleet, with immediate delivery of messages. */
class RulesOnly {
  readonly #core: Coordinator;
  readonly #log: FileLog;
  readonly #now: () => number;
  readonly #peers = new Map<Did, Peer>();
  #durable: Promise<unknown> = Promise.resolve();

  constructor(core: Coordinator, log: FileLog, now: () => number) {
    this.#core = core;
    this.#log = log;
    this.#now = now;
  }

  admitWorkers(coordinatorHome: string): void {
    for (let i = 0; i < WORKERS; i++) {
      const key = generateKey();
      const rules = new Worker({ self: key.did, slots: 1, hasSideEffects: () => false });
      this.#peers.set(key.did, { key, rules });
      const home = workerHome(coordinatorHome, i);
      const body = { did: key.did, alias: workerAlias(i), role: 'worker', home, public_key: key.publicKey };
      this.#core.admit({ ...body, role: 'worker' }, this.#now());
      rules.advance(this.#now());
      rules.connected();
      this.#deliverAll();
      this.#hear(key.did);
    }
  }

  /** Adds one task, fans it out and joins it. */
  async work(alias: string, children: number): Promise<void> {
    const thread = `th_${hash(alias)}` as ThreadId;
    const issuer = { actor: ACTOR, key: undefined, now: this.#now() };
    addTask(this.#core, taskOf(alias), thread, issuer);
    const { task, ...request } = fanOutOf(alias, children);
    fanOut(this.#core, task, request, context, issuer);
    while (this.#deliverAll()) {
      for (const did of this.#peers.keys()) this.#hear(did);
      // Each exchange is written separately, as in a real fleet, and not as one frame.
      await this.#durable;
    }
    if (this.#core.state.open.size > 0) throw new Error(`'${alias}' did not join`);
    await setImmediate();
  }

  async stop(): Promise<void> {
    for (const did of this.#peers.keys()) this.#core.stopped(did, this.#now());
    this.#deliverAll();
    await this.#durable;
  }

  /** Writes the coordinator's records, and delivers its messages. @returns false if there were none */
  #deliverAll(): boolean {
    const { batches, effects } = this.#core.take();
    for (const batch of batches) this.#durable = this.#log.append(batch);
    for (const effect of effects) {
      if (effect.type !== 'send') continue;
      const { rules } = this.#peers.get(effect.to)!;
      rules.advance(this.#now());
      if (effect.message.type === 'permit') rules.permitted(effect.message.asOf, effect.message.frozen);
      else if (effect.message.type === 'deliver') rules.deliver(effect.message.records);
      else if (effect.message.type === 'ack') rules.acknowledged(effect.message.upTo);
    }
    return effects.length > 0;
  }

  /** Lets a worker process its messages, and takes its answers. */
  #hear(did: Did): void {
    const { key, rules } = this.#peers.get(did)!;
    for (let effects = rules.takeAtOnce(); effects.length > 0; effects = rules.takeAtOnce()) {
      for (const effect of effects) {
        if (effect.type !== 'start') continue;
        const { ref, body } = effect.delivery;
        rules.finished(`${ref.thread}/${ref.index}/${ref.delivery}`, {
          verdict: 'accept',
          cost_usd: 0,
          summary: `echo: ${body.goal}`,
          wall_time_secs: WALL_SECS,
        });
      }
    }
    for (const effect of rules.take().effects) if (effect.type === 'send') this.#take(key, effect.message);
  }

  #take({ did, ...key }: InstanceKey, message: ToCoordinator): void {
    if (message.type === 'hello') this.#core.hello(did, message.held, message.at, this.#now());
    if (message.type === 'ask') this.#core.asked(did, message.at, this.#now());
    if (message.type !== 'report') return;
    const { records, first } = message;
    const ids = records.map(({ record }) => record.id);
    const signature = { ...signBatch({ did, ...key }, ids), ids };
    this.#core.reports(did, { records, signature }, this.#now());
    this.#core.acknowledge(did, first + records.length);
  }
}
