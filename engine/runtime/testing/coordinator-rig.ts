import * as http from 'node:http';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { VERSION, type CallContext } from '../../contract/engine.ts';
import {
  asJson,
  type ChildBody,
  type ChildDoneBody,
  type HeartbeatBody,
} from '../../domain/model/record-bodies.ts';
import { heartbeatBody, reportBody } from '../../domain/testing/worker-bodies.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { applyRecord } from '../../domain/fold/apply-record.ts';
import type { DeliveryRef, ToCoordinator } from '../../domain/model/messages.ts';
import { emptyState } from '../../domain/model/state.ts';
import { openHome, type Home } from '../../home/home.ts';
import type { Log, StoredRecord } from '../../log/log.ts';
import { MemoryStorage, openMemoryLog } from '../../log/memory/memory-log.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord, type RecordContent, type SealedRecord } from '../../record/record.ts';
import { generateKey, type InstanceKey } from '../../record/signing.ts';
import { risingClock } from '../clock.ts';
import { CoordinatorEngine } from '../coordinator/coordinator-engine.ts';
import { echoExecutor } from '../executors/echo.ts';
import type { Executor } from '../executors/executor.ts';
import { shellExecutor } from '../executors/shell.ts';
import { encodeMessage } from '../link/frames.ts';
import type { RecordSource } from '../coordinator/record-source.ts';
import { Tokens } from '../coordinator/tokens.ts';
import { admittedPeer, type RawPeer } from './raw-peer.ts';

const SCRIPT = fileURLToPath(new URL('worker-script.mjs', import.meta.url));
export const CALLER: CallContext = { actor: 'did:sync:user:tester' as Did };

export interface RigOptions {
  readonly heartbeatMs?: number;
  /** Another coordinator than the rules', with the same options. */
  readonly rules?: typeof Coordinator;
  /** Puts something between the engine and its log. */
  readonly around?: (log: Log) => Log;
  /** Executors beside echo and shell. */
  readonly executors?: readonly Executor[];
}

/** A coordinator's engine with its door, on a memory log, and workers that say what a test has them say. */
export class CoordinatorRig {
  readonly folder: string;
  readonly home: Home;
  readonly storage: MemoryStorage;
  readonly core: Coordinator;
  readonly engine: CoordinatorEngine;
  readonly socketPath: string;
  /** The messages that the engine logged. */
  readonly logged: string[] = [];
  /** The arguments of the calls of `onStop`. */
  readonly stops: (Error | undefined)[] = [];
  readonly #server = http.createServer();
  readonly #sockets: Duplex[] = [];

  private constructor(
    folder: string,
    home: Home,
    tokens: Tokens,
    storage: MemoryStorage,
    options: RigOptions,
  ) {
    const { heartbeatMs = 60_000, rules: Rules = Coordinator, around = log => log } = options;
    this.folder = folder;
    this.home = home;
    this.storage = storage;
    this.socketPath = join(folder, 's');
    const self = home.key.did;
    const state = emptyState();
    const clock = risingClock();
    const log = openMemoryLog({
      storage,
      now: () => clock.now(),
      reader: {
        restore: () => false,
        visit: ({ record, at }) => applyRecord(state, record, at, { self, cel: celCompiler }),
      },
    });
    this.core = new Rules({ self, cel: celCompiler, heartbeatMs, state });
    this.engine = new CoordinatorEngine({
      home,
      coordinator: this.core,
      log: around(log),
      clock,
      logger: { info: text => this.logged.push(text), error: text => this.logged.push(text) },
      cel: celCompiler,
      heartbeatMs,
      defaultExecutor: 'echo',
      defaultTimeoutSecs: null,
      executors: new Map(
        [echoExecutor({ delayMs: 0 }), shellExecutor(), ...(options.executors ?? [])].map(each => [
          each.name,
          each,
        ]),
      ),
      worktree: { dirty: 'refuse', timeoutMs: 600_000 },
      worker: { command: [SCRIPT], priority: 0 },
      records: searched(storage),
      tokens,
      checkpointed: 0,
      onStop: error => this.stops.push(error),
    });
    this.#server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
      this.#sockets.push(socket);
      this.engine.acceptLink(request, socket, head);
    });
  }

  static async open(options: RigOptions = {}): Promise<CoordinatorRig> {
    const folder = await mkdtemp(join(tmpdir(), 'spl-engine-'));
    return CoordinatorRig.#in(folder, new MemoryStorage(), options);
  }

  /** Another engine on the same home and storage, as after a crash. */
  async reopened(options: RigOptions = {}): Promise<CoordinatorRig> {
    await this.#shut();
    return CoordinatorRig.#in(this.folder, this.storage, options);
  }

  static async #in(folder: string, storage: MemoryStorage, options: RigOptions): Promise<CoordinatorRig> {
    const home = await openHome(join(folder, 'h'), { create: true, version: VERSION });
    const tokens = await Tokens.open({ file: home.paths.tokensFile, now: Date.now });
    const rig = new CoordinatorRig(folder, home, tokens, storage, options);
    await new Promise<void>(resolve => rig.#server.listen(rig.socketPath, resolve));
    return rig;
  }

  /** A worker of this fleet that has stopped, so that no process is launched for it. */
  async admit(letter: string): Promise<InstanceKey> {
    const key = generateKey();
    const home = join(this.folder, `w-${letter}`);
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'behaviour'), 'stay');
    const alias = `worker-${letter}`;
    this.core.admit({ did: key.did, alias, role: 'worker', home, public_key: key.publicKey }, 0);
    this.core.stopped(key.did, 0);
    return key;
  }

  /** The processes that were launched for a worker, by what they wrote down. */
  async launched(letter: string): Promise<number[]> {
    const file = join(this.folder, `w-${letter}`, 'started.jsonl');
    const text = await readFile(file, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => (JSON.parse(line) as { pid: number }).pid);
  }

  /** A connected worker that has said its first words. */
  async connect(key: InstanceKey, held: readonly DeliveryRef[] = []): Promise<RawWorker> {
    const worker = new RawWorker(await admittedPeer(this.socketPath, key), key);
    worker.beat();
    worker.send({ type: 'hello', held, at: Date.now() });
    return worker;
  }

  /** The durable records of a topic. */
  recordsOf(topic: string): FleetRecord[] {
    return this.storage.records.map(({ record }) => record).filter(({ body }) => body['topic'] === topic);
  }

  async #shut(): Promise<void> {
    await this.engine.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  async close(): Promise<void> {
    await this.#shut();
    for (const letter of ['a', 'b'])
      for (const pid of await this.launched(letter)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The coordinator's counterpart, by hand. */
export class RawWorker {
  readonly peer: RawPeer;
  readonly key: InstanceKey;
  readonly #kept: Record<string, unknown>[] = [];
  #clock = 0;
  #reports = 0;

  constructor(peer: RawPeer, key: InstanceKey) {
    this.peer = peer;
    this.key = key;
  }

  send(message: ToCoordinator): void {
    this.peer.socket.write(encodeMessage(message, this.key));
  }

  beat(changes: Partial<HeartbeatBody> = {}): void {
    const body = heartbeatBody(this.key.did, { version: VERSION, pid_start: 'none', ...changes });
    const record = this.#seal({
      body: asJson(body),
      thread: RESERVED.instanceRegistry,
      clock: this.#clock++,
    });
    this.send({ type: 'heartbeat', record, at: Date.now() });
  }

  /** A report of the delivery that this INTEND asks for. */
  reportOf({ record: { body, clock } }: SealedRecord, changes: Partial<ChildDoneBody> = {}): SealedRecord {
    const { index, attempt } = body as unknown as ChildBody;
    const done = reportBody({ index, attempt, delivery: clock }, { wall_time_secs: 0.001, ...changes });
    return this.#seal({
      body: asJson(done),
      thread: body['parent_thread'] as ThreadId,
      clock: this.#reports++,
    });
  }

  /** The next message of this type that was not asked for yet; others are kept. */
  async next(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const at = this.#kept.findIndex(frame => frame['type'] === type);
      if (at >= 0) return this.#kept.splice(at, 1)[0]!;
      this.#kept.push(await this.peer.next());
    }
  }

  /** The types of what came and was not asked for, up to now. */
  rest(): unknown[] {
    const lines = this.peer.lines.take().filter(line => line !== null);
    const frames = [
      ...this.#kept.splice(0),
      ...lines.map(line => JSON.parse(line) as Record<string, unknown>),
    ];
    return frames.map(({ type }) => type);
  }

  /** The INTENDs of the next delivery. */
  async delivered(): Promise<SealedRecord[]> {
    const { records } = (await this.next('deliver')) as { records: { id: string; r: RecordContent }[] };
    return records.map(({ r }) => seal(r));
  }

  #seal(content: Pick<RecordContent, 'body' | 'thread' | 'clock'>): SealedRecord {
    return seal({ act: 'DO', actor: this.key.did, data_type: 'SCALAR', parents: [], ...content });
  }
}

/** Searches the storage itself, which is small. */
function searched({ records }: MemoryStorage): RecordSource {
  return {
    positions: ({ thread, actor, act, after = -1, limit }) => {
      const isMeant = ({ record }: StoredRecord, position: number): boolean =>
        position > after &&
        [thread ?? record.thread, actor ?? record.actor, act ?? record.act].join() ===
          [record.thread, record.actor, record.act].join();
      const found = records.flatMap((each, position) => (isMeant(each, position) ? [position] : []));
      return Promise.resolve(found.slice(0, limit));
    },
    threads: ({ limit, prefix = '' }) => {
      const names = [...new Set(records.map(({ record }) => record.thread))].filter(name =>
        name.startsWith(prefix),
      );
      const threads = names.map(thread => {
        const own = records.filter(({ record }) => record.thread === thread);
        const firstPosition = records.indexOf(own[0]!);
        return { thread, records: own.length, firstPosition, firstAt: own[0]!.at, lastAt: own.at(-1)!.at };
      });
      return Promise.resolve({ threads: threads.slice(0, limit), total: threads.length });
    },
    query: () => Promise.reject(new Error('there is no index here')),
    close: () => Promise.resolve(),
  };
}
