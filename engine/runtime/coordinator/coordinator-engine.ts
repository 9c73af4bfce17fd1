import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type {
  CallContext,
  CommandName,
  Commands,
  Engine,
  EngineEvent,
  OutputRequest,
  OutputStream,
  ReportName,
  Reports,
  WatchOptions,
} from '../../contract/engine.ts';
import type { FanOutRequest, TaskVerb, TaskVerbInput } from '../../contract/commands.ts';
import type { FannedOut, TaskDocument } from '../../contract/documents.ts';
import type { TokenCreate, TokenCreated } from '../../contract/tokens.ts';
import { VERSION } from '../../contract/engine.ts';
import { requireInSnapshots } from '../../contract/snapshot.ts';
import { FleetError, messageOf } from '../../errors.ts';
import { asJson, TOPIC, topicOf, type HeartbeatBody } from '../../domain/model/record-bodies.ts';
import { admitRecord } from '../../domain/policy/admission.ts';
import * as commands from '../../domain/commands/fan-out.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import type { Effect, OutBatch, Output } from '../../domain/coordinator/decision-buffer.ts';
import type { ToCoordinator } from '../../domain/model/messages.ts';
import { kill, unkill } from '../../domain/commands/kill.ts';
import { archiveNamespace, createNamespace, deleteNamespace } from '../../domain/commands/namespaces.ts';
import { requireActive } from '../../domain/policy/namespaces.ts';
import type { Issuer } from '../../domain/model/idempotency-keys.ts';
import { MAX_PREDICATE_CHARS, needsCel, type CelCompiler } from '../../domain/model/predicate.ts';
import { addRule, removeRule } from '../../domain/commands/rules.ts';
import { environmentsOf, type Task } from '../../domain/model/state.ts';
import { decodeAhead } from '../../subtask/decode.ts';
import {
  executorsAmong,
  foldersWithWorktrees,
  memberNamesAmong,
  worktreeFolders,
} from '../../domain/commands/subtask-validation.ts';
import { membersAmong } from '../../domain/model/subtask.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { resolveTask } from '../../domain/model/tasks.ts';
import { say } from '../../domain/commands/task-verbs.ts';
import { joinDocument, taskDocument, type FleetFacts } from '../../domain/views/views.ts';
import type { Home } from '../../home/home.ts';
import { missingPrograms } from '../../home/installed.ts';
import { processStart } from '../../home/process.ts';
import type { Log } from '../../log/log.ts';
import { RESERVED, threadIdFromBytes, type Did, type ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import { appendRecords, decodeRecords } from './append-records.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Clock } from '../clock.ts';
import { commandDigest } from './command-digest.ts';
import { Environments } from './environments.ts';
import { refusalOf, type Executor } from '../executors/executor.ts';
import { FleetControl } from './fleet-control.ts';
import { acceptLink, type WorkerPeer } from '../link/accept.ts';
import type { Signed } from '../link/frames.ts';
import { KeyedCommands, type KeyedContext } from './keyed-commands.ts';
import { encodeAhead } from '../link/encode-ahead.ts';
import { freshReports } from './fresh-reports.ts';
import type { Logger } from '../logger.ts';
import { openOutput } from '../output/outputs.ts';
import { answer, askedBy, type RecordSource } from './reports.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';
import { SharedThreads } from './shared-threads.ts';
import type { WorkerProgram } from './supervisor.ts';
import { secretTold, type Tokens } from './tokens.ts';
import { Watchers, type Watcher } from './watchers.ts';
import { decodeRestored, restoreRecords } from './restore-records.ts';
import { removeWorktreeOf } from '../worktrees/fleet.ts';
import { endingWith } from '../git/git.ts';
import type { Occupant } from '../worktrees/names.ts';
import { requireReady, untrusted } from '../worktrees/ready.ts';
import type { WorktreeSettings } from '../worktrees/worktree.ts';

export interface CoordinatorEngineOptions {
  readonly home: Home;
  readonly coordinator: Coordinator;
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cel: CelCompiler;
  readonly heartbeatMs: number;
  readonly defaultExecutor: string;
  /** The time-out in seconds of subtasks that name none; null for none. */
  readonly defaultTimeoutSecs: number | null;
  /** The executors that the fleet's workers have: what they refuse is refused before anything is written. */
  readonly executors: ReadonlyMap<string, Executor>;
  readonly worker: WorkerProgram;
  /** The git settings by which workers make worktrees. */
  readonly worktree: Pick<WorktreeSettings, 'dirty' | 'timeoutMs'>;
  /** Searches the log; opened at its first use. */
  readonly records: RecordSource;
  /** The home's tokens, which whoever serves the engine asks as well. */
  readonly tokens: Tokens;
  /** The position of the checkpoint that the state was restored from, 0 without one. */
  readonly checkpointed: number;
  /** Called when somebody asked for the coordinator itself to stop. */
  readonly onStop: (error?: Error) => void;
}

/** The pause after a failed tick, in milliseconds. */
const TICK_PAUSE_MS = 1000;

/** A coordinator at work: the rules in `domain/coordinator`, with a log, links and processes around them. */
export class CoordinatorEngine implements Engine {
  readonly did: Did;
  readonly #options: CoordinatorEngineOptions;
  readonly #core: Coordinator;
  readonly #peers = new Map<Did, WorkerPeer>();
  readonly #watchers = new Watchers();
  readonly #control: FleetControl;
  readonly #keyed: KeyedCommands;
  readonly #shared: SharedThreads;
  readonly #environments: Environments;
  readonly #startedAt: number;
  #endpoint: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #lastAppend: Promise<unknown> = Promise.resolve();
  readonly #processStart = processStart(process.pid);
  /** The reason for which nothing can be written any more. */
  #failure: Error | undefined;
  /** Set while ticks fail: a fault must not make this process spin. */
  #tickPauseMs = 0;
  #setReady = (): void => {};
  /** Settled when `start` is done: until then there is a port, and nothing to say yet. */
  readonly #ready = new Promise<void>(resolve => (this.#setReady = resolve));
  #closed = false;
  #closing: Promise<void> | undefined;
  readonly #checkpoints: Checkpoints;

  constructor(options: CoordinatorEngineOptions) {
    this.#options = options;
    this.did = options.home.key.did;
    this.#core = options.coordinator;
    this.#startedAt = options.clock.now();
    this.#checkpoints = new Checkpoints({
      log: options.log,
      state: options.coordinator.state,
      cel: options.cel,
      logger: options.logger,
      position: options.checkpointed,
    });
    this.#environments = new Environments(options.home.paths);
    this.#shared = new SharedThreads({
      engine: this,
      folder: options.home.paths.sharedDir,
      logger: options.logger,
      now: () => options.clock.now(),
    });
    this.#control = new FleetControl({
      did: this.did,
      home: options.home,
      coordinator: options.coordinator,
      clock: options.clock,
      logger: options.logger,
      executors: [...options.executors.keys()],
      worker: options.worker,
      step: decide => this.#step(decide),
      fleet: () => this.#fleetFacts(),
      threadsOf: names => this.#threadsOf(names),
      shared: this.#shared,
      watchers: this.#watchers,
      unlink: did => this.#peers.get(did)?.close(),
      onStop: options.onStop,
    });
    this.#keyed = new KeyedCommands({
      coordinator: options.coordinator,
      step: decide => this.#step(decide),
      isClosed: () => this.#closed,
    });
    void options.log.failed.then(error => this.#fail(error));
  }

  /**
   * Begins: registers itself, takes up what the log left open, and takes over the workers that live.
   * @param notes what the next `fleet.start` tells people, such as a port that was taken.
   */
  async start(endpoint: string | null, notes: readonly string[] = []): Promise<void> {
    this.#endpoint = endpoint;
    this.#control.notes = notes;
    await this.#resumeEnvironments();
    await this.#step(now => {
      const isMoved = this.#isMoved();
      this.#register(now);
      this.#core.resume(now);
      if (isMoved) this.#leaveWorkersBehind(now);
    });
    await this.#control.resume();
    this.#setReady();
    if (this.#core.state.shared.length > 0) void this.#shared.set(this.#core.state.shared);
  }

  /** Takes over a connection that asked to be a link. */
  acceptLink(_request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A worker that says what it holds is answered by what the log says, which must be taken up first.
    void this.#ready.then(() => this.#link(socket, head));
  }

  #link(socket: Duplex, head: Buffer): void {
    if (this.#closed) return void socket.destroy();
    acceptLink(socket, head, {
      key: this.#options.home.key,
      heartbeatMs: this.#options.heartbeatMs,
      publicKeyOf: did => {
        const instance = this.#core.state.instances.get(did);
        return instance?.role === 'worker' ? instance.publicKey : undefined;
      },
      onOpen: peer => this.#opened(peer),
      onMessage: (peer, message) => this.#take(peer, message),
      onClose: (peer, error) => this.#lost(peer, error),
      onRefused: message => this.#options.logger.error(`refused a link: ${message}`),
    });
  }

  async submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']> {
    await this.#ready;
    this.#requireOpen();
    const run = this.#commands[name] as (
      input: Commands[N]['input'],
      context: KeyedContext,
    ) => Promise<Commands[N]['output']>;
    if (context.idempotencyKey === undefined) return run(input, context);
    return run(input, { ...context, digest: await commandDigest(name, input) });
  }

  /** The number of fan-outs that are not over: not joined, or with children still to end. */
  get openFanOuts(): number {
    return this.#core.state.open.size;
  }

  watch(options: WatchOptions): AsyncIterable<EngineEvent> {
    const watcher = this.#watchers.add(options);
    if (options.after === undefined) return watcher;
    return this.#resumed(options.after, options, watcher);
  }

  async report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
    holder?: string,
  ): Promise<Reports[N]['output']> {
    await this.#ready;
    this.#requireOpen();
    const told = await answer(name, input, {
      coordinator: this.#core,
      cel: this.#options.cel,
      facts: this.#fleetFacts(),
      home: this.#options.home,
      log: this.#options.log,
      records: askedBy(this.#options.records, {
        ...(signal && { signal }),
        ...(holder !== undefined && { holder }),
      }),
      tokens: this.#options.tokens,
      now: this.#options.clock.now(),
      ...(signal === undefined ? {} : { signal }),
    });
    // What is told must hold: it waits for what was decided and is not durable yet.
    if (this.#options.log.end !== this.#options.log.pendingEnd) await this.#lastAppend;
    return told;
  }

  output(request: OutputRequest): Promise<OutputStream> {
    this.#requireOpen();
    return openOutput(this.#core, request, options => this.watch(options));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#setReady();
    clearTimeout(this.#timer);
    this.#control.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#watchers.close();
    await this.#shared.close();
    await this.#environments.close();
    await this.#lastAppend.then(
      () => this.#checkpoints.close(),
      () => this.#checkpoints.abandon(),
    );
    try {
      await this.#options.records.close();
    } finally {
      await this.#options.log.close();
    }
  }

  readonly #commands: {
    [N in CommandName]: (
      input: Commands[N]['input'],
      context: KeyedContext,
    ) => Promise<Commands[N]['output']>;
  } = {
    'records.append': async (input, context) => {
      const records = await decodeRecords(input.records);
      return this.#keyed.noted('records.append', context, ({ now }) =>
        appendRecords(records, {
          log: this.#options.log,
          admit: record => admitRecord(this.#core.state, record, this.#options.cel, now),
          write: sealed => this.#core.writeForeign(sealed, now),
        }),
      );
    },
    'records.restore': async (input, context) => {
      const entries = await decodeRestored(input);
      // To restore records once more changes nothing: there is nothing to be remembered.
      return this.#keyed.command(context, issuer =>
        restoreRecords(this.#core, entries, this.#options.log, input, this.#options.cel, issuer),
      );
    },
    'task.add': (input, context) =>
      this.#keyed.command(context, issuer => commands.addTask(this.#core, input, this.#newThread(), issuer)),
    'fan-out.open': async ({ fan_out: request, ...input }, context) => {
      const subtasks = await mapYielding(request.subtasks, decodeAhead);
      const notes = await this.#requireMet({ ...request, dir: request.dir ?? input.dir, subtasks }, context);
      const opened = await this.#submitted(context, issuer =>
        commands.openFanOut(
          this.#core,
          { ...input, fan_out: { ...request, subtasks } },
          this.#newThread(),
          this.#fanOutContext(),
          issuer,
        ),
      );
      return { ...opened, fan_out: withNotes(opened.fan_out, notes) };
    },
    'task.fan-out': async ({ task, ...request }, context) => {
      // Of a large fan-out, this is the longest part that can be done before anything is decided.
      const subtasks = await mapYielding(request.subtasks, decodeAhead);
      const { hasFanOut, facts } = resolveTask(this.#core.state, task);
      const notes = hasFanOut
        ? []
        : await this.#requireMet({ ...request, dir: request.dir ?? facts.dir, subtasks }, context);
      const fannedOut = await this.#submitted(context, issuer =>
        commands.fanOut(this.#core, task, { ...request, subtasks }, this.#fanOutContext(), issuer),
      );
      return withNotes(fannedOut, notes);
    },
    'task.retry': async ({ task, ...input }, context) => {
      await this.#requireReady(task, context, each => commands.subtasksOfRetry(each, input));
      return this.#submitted(context, issuer =>
        joinDocument(this.#core, commands.retry(this.#core, task, input, issuer), false, issuer.now),
      );
    },
    'task.cancel': ({ task, ...input }, context) =>
      this.#keyed.command(context, issuer =>
        this.#taskDocument(commands.cancel(this.#core, task, input, issuer), issuer),
      ),
    'task.start': (input, context) => this.#say('start', input, context),
    'task.done': (input, context) => this.#say('done', input, context),
    'task.fail': (input, context) => this.#say('fail', input, context),
    'task.approve': (input, context) => this.#say('approve', input, context),
    'task.reject': (input, context) => this.#say('reject', input, context),
    'task.block': (input, context) => this.#say('block', input, context),
    'task.defer': (input, context) => this.#say('defer', input, context),
    'task.reopen': (input, context) => this.#say('reopen', input, context),
    'task.run-serial': async ({ task, ...input }, context) => {
      await this.#requireReady(task, context, ({ fanOut }) => membersAmong(fanOut?.subtasks ?? []));
      return this.#submitted(context, issuer =>
        commands.runSerial(this.#core, task, input, this.#newThread(), issuer),
      );
    },
    'rule.add': (input, context) =>
      this.#keyed.noted('rule.add', context, issuer => addRule(this.#core, input, this.#options.cel, issuer)),
    'rule.remove': ({ rule }, context) =>
      this.#keyed.noted('rule.remove', context, issuer => removeRule(this.#core, rule, issuer)),
    'worktree.remove': (input, context) =>
      this.#keyed.once('worktree.remove', context, () =>
        removeWorktreeOf(this.#core.state.instances.values(), input, attempt => this.#isRunning(attempt)),
      ),
    'namespace.create': (input, context) =>
      this.#keyed.noted('namespace.create', context, issuer => createNamespace(this.#core, input, issuer)),
    'namespace.archive': ({ namespace }, context) =>
      this.#keyed.noted('namespace.archive', context, issuer =>
        archiveNamespace(this.#core, namespace, issuer),
      ),
    'namespace.delete': ({ namespace }, context) =>
      this.#keyed.noted('namespace.delete', context, issuer =>
        deleteNamespace(this.#core, namespace, issuer),
      ),
    kill: (input, context) => this.#keyed.noted('kill', context, issuer => kill(this.#core, input, issuer)),
    unkill: (input, context) =>
      this.#keyed.noted('unkill', context, issuer => unkill(this.#core, input, issuer)),
    'fleet.start': (input, context) =>
      this.#keyed.once('fleet.start', context, () => this.#control.start(input, context.signal)),
    'fleet.stop': (input, context) =>
      this.#keyed.once('fleet.stop', context, () => this.#control.stop(input)),
    'fleet.restart': (input, context) =>
      this.#keyed.once('fleet.restart', context, () => this.#control.restart(input.instance)),
    'token.create': (input, context) => this.#createToken(input, context),
    'token.revoke': ({ token }, context) =>
      this.#keyed.once('token.revoke', context, async () => {
        const revoked = await this.#options.tokens.revoke(token);
        this.#options.logger.info(`token ${revoked.id} was revoked by ${context.actor}`);
        return revoked;
      }),
  };

  /** Makes a token. Its secret is told once: a repeated request is refused, naming the token. */
  async #createToken(input: TokenCreate, context: KeyedContext): Promise<TokenCreated> {
    if (input.namespace !== null) requireActive(this.#core.state.namespaces, input.namespace);
    let secret: string | undefined;
    const { token: _, ...told } = await this.#keyed.once(
      'token.create',
      context,
      async () => {
        const created = await this.#options.tokens.create(input, context.actor, context.idempotencyKey);
        this.#options.logger.info(`token ${created.id} was made by ${context.actor}`);
        secret = created.token;
        return created;
      },
      ({ token: _secret, ...document }) => document,
    );
    if (secret === undefined) throw secretTold(told.id, context.idempotencyKey!);
    return { ...told, token: secret };
  }

  /**
   * Asks once, for all attempts of a fan-out, what they need. A command that is repeated was let in.
   * @returns notes on repositories that git does not trust, on programs that the caller's environment does not have, and on a
   * join that is decided already
   */
  async #requireMet(
    { dir, join, subtasks }: Pick<FanOutRequest, 'dir' | 'join' | 'subtasks'>,
    context: CallContext,
  ): Promise<readonly string[]> {
    if (this.#isRepeated(context)) return [];
    const folders = worktreeFolders(subtasks, { ...this.#fanOutContext(), dir });
    return [
      ...(await this.#inGit(context, () => untrusted(folders, this.#options.worktree))),
      ...(context.environment === undefined ? [] : await this.#missing(subtasks, context.environment)),
      ...this.#foreseen(join, subtasks),
    ];
  }

  /** Says what is so of a join whatever becomes of its subtasks; one with a fault is refused when its turn comes. */
  #foreseen(join: string, subtasks: readonly unknown[]): readonly string[] {
    if (!needsCel(join) || join.length > MAX_PREDICATE_CHARS) return [];
    try {
      const foreseen = this.#options.cel.foresee(join, memberNamesAmong(subtasks));
      return foreseen.map(({ message, position }) => `join predicate: ${message}, at position ${position}`);
    } catch {
      return [];
    }
  }

  /** Says which agents of a fan-out an environment does not have. */
  async #missing(subtasks: readonly unknown[], environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
    const programs: Record<string, string> = {};
    for (const executor of executorsAmong(subtasks, this.#fanOutContext())) {
      const program = this.#options.executors.get(executor)?.program;
      if (program !== undefined) programs[executor] = program;
    }
    return Object.entries(await missingPrograms({ programs }, environment)).map(
      ([executor, program]) =>
        `${executor} needs '${program}', which is not installed, or not on the PATH that you submit with`,
    );
  }

  /** Asks the same, before subtasks of a fan-out run again, of the repositories of these. */
  async #requireReady(
    name: string,
    context: CallContext,
    subtasksOf: (task: Task) => readonly CompleteSubtask[],
  ): Promise<void> {
    if (this.#isRepeated(context)) return;
    const folders = foldersWithWorktrees(subtasksOf(resolveTask(this.#core.state, name)));
    await this.#inGit(context, async () => {
      for (const folder of folders) await requireReady(folder, this.#options.worktree);
    });
  }

  /** Has git answer a caller, for as long as the caller waits. */
  #inGit<T>({ signal }: CallContext, ask: () => Promise<T>): Promise<T> {
    return endingWith(signal, ask, this.#options.worktree.timeoutMs);
  }

  /** True while a worker has an attempt, as far as is known here. */
  #isRunning({ task, index, attempt }: Occupant): boolean {
    for (const each of this.#core.state.tasks.values()) {
      const child = each.facts.alias === task ? each.fanOut?.children[index] : undefined;
      if (child?.state === 'assigned' && child.attempt === attempt) return true;
    }
    return false;
  }

  #isRepeated({ actor, idempotencyKey: key }: CallContext): boolean {
    return key !== undefined && this.#core.state.idempotency.has(`${actor} ${key}`);
  }

  /** A command by which work is submitted, which runs in the caller's environment. */
  async #submitted<T extends { readonly thread: string }>(
    context: KeyedContext,
    run: (issuer: Issuer) => T,
  ): Promise<T> {
    const { environment: given } = context;
    if (given === undefined) return this.#keyed.command(context, run);
    const environment = await this.#environments.keep(given);
    let isNeeded = false;
    try {
      return await this.#keyed.command(context, issuer => {
        const answer = run({ ...issuer, environment });
        const { fanOut } = this.#core.state.tasks.get(answer.thread as ThreadId)!;
        // A command that was given before has kept another one.
        isNeeded = fanOut !== null && environmentsOf(fanOut).has(environment);
        if (isNeeded) this.#environments.need(answer.thread, environment);
        return answer;
      });
    } finally {
      if (!isNeeded) await this.#environments.remove(environment);
    }
  }

  /** Takes up the environments that the log says are needed. */
  async #resumeEnvironments(): Promise<void> {
    const { state } = this.#core;
    for (const thread of state.open)
      for (const name of environmentsOf(state.tasks.get(thread)!.fanOut!))
        this.#environments.need(thread, name);
    this.#core.environmentsGone(await this.#environments.tidy());
  }

  #releaseEnvironments({ changed }: Pick<Output, 'changed'>): void {
    for (const thread of changed.keys()) {
      if (this.#core.state.open.has(thread)) continue;
      this.#environments
        .release(thread)
        .catch((error: unknown) => this.#options.logger.error(`an environment stays: ${messageOf(error)}`));
    }
  }

  #say<V extends TaskVerb>(
    verb: V,
    { task, ...input }: TaskVerbInput<V> & { readonly task: string },
    context: KeyedContext,
  ): Promise<TaskDocument> {
    return this.#keyed.command(context, issuer =>
      this.#taskDocument(say(this.#core, task, verb, input, issuer), issuer),
    );
  }

  #taskDocument(task: Task, { now }: Issuer): TaskDocument {
    return taskDocument(this.#core.state, task, now);
  }

  /** Each once. */
  async #threadsOf(names: readonly string[]): Promise<readonly ThreadId[]> {
    const threads = new Set<ThreadId>();
    for (const name of names) {
      const { thread } = await this.report('thread.state', { thread: name });
      requireInSnapshots(thread);
      threads.add(thread as ThreadId);
    }
    return [...threads];
  }

  #newThread(): ReturnType<typeof threadIdFromBytes> {
    return threadIdFromBytes(randomBytes(32));
  }

  #fanOutContext(): commands.FanOutContext {
    const { executors, cel } = this.#options;
    return {
      cel,
      defaultExecutor: this.#core.state.defaultExecutor ?? this.#options.defaultExecutor,
      defaultTimeoutSecs: this.#options.defaultTimeoutSecs,
      executors: [...executors.keys()],
      refusal: (name, subtask) => refusalOf(executors.get(name)!, subtask),
    };
  }

  // --- steps --------------------------------------------------------------------------------------------------

  /**
   * One step of the rules. What they decide is appended; effects are done, watchers told and the caller answered
   * only when it is durable.
   */
  async #step<T>(decide: (now: number) => T): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const now = this.#options.clock.now();
    let decided: () => T;
    try {
      const value = decide(now);
      decided = () => value;
    } catch (error) {
      // A refusal comes before the first write; whatever was decided beside it still goes out.
      decided = () => {
        throw error;
      };
    }
    const { batches, effects, ...changes } = this.#core.take();
    const durable = this.#append(batches);
    const doEffects = effects.map(effect => this.#prepare(effect));
    const after = (): void => {
      if (this.#closed) return;
      for (const doEffect of doEffects) doEffect();
      this.#tell(changes);
      this.#releaseEnvironments(changes);
      this.#checkpoints.saveWhenIdle();
    };
    if (batches.length === 0 && this.#options.log.end === this.#options.log.pendingEnd) after();
    else durable.then(after, () => {});
    this.#schedule();
    await durable;
    return decided();
  }

  #append(batches: readonly OutBatch[]): Promise<unknown> {
    for (const batch of batches) {
      this.#lastAppend = this.#options.log
        .append(batch)
        .then(({ first, at }) => this.#appended(batch.records, first, at));
      // What was decided is in the state already: where it can't be written, the state is wrong.
      this.#lastAppend.catch((error: unknown) => this.#fail(error));
    }
    return this.#lastAppend;
  }

  #appended(records: readonly SealedRecord[], first: number, at: number): void {
    for (const { record } of records) {
      const topic = topicOf(record);
      if (topic === TOPIC.fanOut || topic === TOPIC.join || topic === TOPIC.retry)
        this.#core.stamp(record, at);
    }
    if (!this.#watchers.wants('record')) return;
    records.forEach(({ record }, i) =>
      this.#watchers.publish({ kind: 'record', position: first + i, at, record }),
    );
  }

  #tell({ changed, instances, namespaces }: Pick<Output, 'changed' | 'instances' | 'namespaces'>): void {
    if (this.#watchers.size === 0) return;
    for (const [thread, children] of changed) {
      const complete = this.#core.state.tasks.get(thread)?.fanOut?.joined != null;
      this.#watchers.publish({ kind: 'task', thread, children: [...children], complete });
    }
    for (const did of instances) this.#watchers.publish({ kind: 'instance', did });
    for (const id of namespaces) this.#watchers.publish({ kind: 'namespace', id });
  }

  /**
   * Prepares an effect. A message goes only to the connection for which it was decided. A later connection would take it for a
   * message decided after its own `hello`.
   */
  #prepare(effect: Effect): () => void {
    if (effect.type === 'end-process') return () => void this.#control.endProcess(effect.did, effect.reason);
    const peer = this.#peers.get(effect.to);
    return peer === undefined ? () => {} : encodeAhead(peer, effect.message);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = this.#options.clock.now();
    const next = this.#core.nextDeadline(now);
    // A timer's longest delay is 2^31 ms; a deadline beyond a day is looked at again by then.
    if (next !== undefined)
      this.#timer = setTimeout(
        () => this.#tick(),
        Math.max(Math.min(next - now, 86_400_000) + 1, this.#tickPauseMs),
      );
  }

  #tick(): void {
    this.#step(now => this.#core.tick(now)).then(
      () => (this.#tickPauseMs = 0),
      (error: unknown) => {
        this.#options.logger.error(messageOf(error));
        this.#tickPauseMs = TICK_PAUSE_MS;
        this.#schedule();
      },
    );
  }

  /** Tells the rules something that nobody waits for. */
  #dispatch(decide: (now: number) => void): void {
    this.#step(decide).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#closed) return;
    this.#failure = error instanceof Error ? error : new Error(messageOf(error));
    this.#options.logger.error(`the log can't be written, and this coordinator stops: ${messageOf(error)}`);
    this.#options.onStop(this.#failure);
  }

  #requireOpen(): void {
    if (this.#closed) throw new FleetError('UNAVAILABLE', 'the engine is closed');
  }

  // --- links --------------------------------------------------------------------------------------------------

  #opened(peer: WorkerPeer): void {
    this.#peers.get(peer.did)?.close();
    this.#peers.set(peer.did, peer);
  }

  #take(peer: WorkerPeer, message: Signed<ToCoordinator>): void {
    const { did } = peer;
    switch (message.type) {
      case 'hello':
        this.#control.linked(did);
        this.#dispatch(now => this.#core.hello(did, message.held, message.at, now));
        return this.#control.replaceIfOther(did, peer.version);
      case 'report':
        return this.#takeReports(did, message.first, message);
      case 'started':
        return this.#dispatch(now => this.#core.started(did, message.deliveries, now));
      case 'stalled':
        return this.#dispatch(now => this.#core.stalled(did, message.deliveries, message.silentMs, now));
      case 'returned':
        this.#control.noteReturned(did, message.deliveries.length);
        return this.#dispatch(now => this.#core.returned(did, message, now));
      case 'ask':
        return this.#dispatch(now => this.#core.asked(did, message.at, now));
      case 'heartbeat':
        this.#dispatch(now =>
          this.#core.heartbeat(did, message.record, signatureOf(message, [message.record]), message.at, now),
        );
        this.#watchers.publish({ kind: 'heartbeat', did });
        return this.#control.heard(did);
    }
  }

  /** Reports are acknowledged when they are durable here, also those that were there before. */
  #takeReports(
    did: Did,
    first: number,
    message: Signed<{ readonly records: readonly SealedRecord[] }>,
  ): void {
    const fresh = freshReports(message.records, did, this.#core.state, this.#options.log);
    const signature = signatureOf(message, message.records);
    this.#dispatch(now => {
      if (fresh.length > 0)
        this.#core.reports(
          did,
          signature === undefined ? { records: fresh } : { records: fresh, signature },
          now,
        );
      this.#core.acknowledge(did, first + message.records.length);
    });
  }

  #lost(peer: WorkerPeer, error: Error | undefined): void {
    if (this.#peers.get(peer.did) !== peer) return;
    this.#peers.delete(peer.did);
    if (error !== undefined) this.#options.logger.error(`link to ${peer.did} broke: ${error.message}`);
    if (this.#closed) return;
    this.#dispatch(() => this.#core.disconnected(peer.did));
    this.#control.linkLost(peer.did);
  }

  // --- itself -------------------------------------------------------------------------------------------------

  /** Tells whether this home was served in another place before: it was moved, or is a copy of one that may be served there. */
  #isMoved(): boolean {
    const known = this.#core.state.instances.get(this.did);
    return known !== undefined && known.home !== this.#options.home.paths.home;
  }

  /** Workers belong to a place: those of another one are not looked for, adopted or ended, and what they had is lost. */
  #leaveWorkersBehind(now: number): void {
    for (const { did, role, status } of [...this.#core.state.instances.values()]) {
      if (role !== 'worker' || status === 'stopped') continue;
      this.#core.abandon(did, 'this home was moved or copied, and its workers were not', now);
      this.#core.stopped(did, now);
    }
  }

  #register(now: number): void {
    const { home } = this.#options;
    if (this.#core.state.instances.get(this.did)?.home !== home.paths.home) {
      this.#core.admit(
        {
          did: this.did,
          alias: 'coordinator',
          role: 'coordinator',
          home: home.paths.home,
          public_key: home.key.publicKey,
        },
        now,
      );
    }
    this.#core.registerSelf(this.#heartbeat(), now);
  }

  #heartbeat(): SealedRecord {
    const body: HeartbeatBody = {
      topic: TOPIC.heartbeat,
      did: this.did,
      alias: 'coordinator',
      role: 'coordinator',
      endpoint: this.#endpoint,
      version: VERSION,
      health: 'healthy',
      pid: process.pid,
      pid_start: this.#processStart,
      slots: 1,
      uptime_secs: 0,
      active_dispatches: 0,
      store_records: this.#options.log.end,
    };
    const clock = this.#core.state.registryClocks.get(this.did) ?? 0;
    return seal({
      act: 'DO',
      actor: this.did,
      body: asJson(body),
      clock,
      data_type: 'SCALAR',
      parents: [],
      thread: RESERVED.instanceRegistry,
    });
  }

  #fleetFacts(): FleetFacts {
    let active = 0;
    for (const link of this.#core.links.values()) active += link.assigned.size;
    return {
      did: this.did,
      startedAt: this.#startedAt,
      storeRecords: this.#options.log.end,
      activeDispatches: active,
      heartbeatMs: this.#options.heartbeatMs,
      url: this.#endpoint ?? `unix:${this.#options.home.paths.socket}`,
      executors: [...this.#options.executors.keys()],
      programs: Object.fromEntries(
        [...this.#options.executors.values()].flatMap(({ name, program }) =>
          program === undefined ? [] : [[name, program]],
        ),
      ),
      defaultExecutor: this.#options.defaultExecutor,
    };
  }

  async *#resumed(after: number, options: WatchOptions, live: Watcher): AsyncGenerator<EngineEvent> {
    // Of a log that does not go that far: another one than was seen, so that what was missed can't be told.
    const isOfAnother = after >= this.#options.log.end;
    let reached = isOfAnother ? -1 : after;
    try {
      if (isOfAnother) yield { kind: 'gap' };
      for await (const { position, at, record } of this.#options.log.read(after + 1, {
        signal: options.signal,
      })) {
        reached = position;
        const event = { kind: 'record', position, at, record } as const;
        if (live.wants(event)) yield event;
      }
      for await (const event of live) if (event.kind !== 'record' || event.position > reached) yield event;
    } catch (error) {
      if (!options.signal.aborted) throw error;
    } finally {
      live.end();
    }
  }
}

const withNotes = (fannedOut: FannedOut, notes: readonly string[]): FannedOut =>
  notes.length === 0 ? fannedOut : { ...fannedOut, notes: [...notes] };

function signatureOf(message: Signed<object>, records: readonly SealedRecord[]): OutBatch['signature'] {
  return message.signature === undefined
    ? undefined
    : { ...message.signature, ids: records.map(({ record }: { record: FleetRecord }) => record.id) };
}
