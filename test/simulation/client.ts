import {
  TASK_ACTIONS,
  type FanOutRequest,
  type TaskAdd,
  type Unkill,
} from '../../engine/contract/commands.ts';
import type { Policy } from '../../engine/contract/policy.ts';
import { FleetError } from '../../engine/errors.ts';
import * as commands from '../../engine/domain/commands/fan-out.ts';
import { kill, unkill } from '../../engine/domain/commands/kill.ts';
import { archiveNamespace, createNamespace } from '../../engine/domain/commands/namespaces.ts';
import type { Task } from '../../engine/domain/model/state.ts';
import { applyTaskAction } from '../../engine/domain/commands/task-actions.ts';
import { joinDocument, taskDocument } from '../../engine/domain/views/views.ts';
import type { Did, RecordId, ThreadId } from '../../engine/record/ids.ts';
import { seal } from '../../engine/record/record.ts';
import { LISTING } from './attempts.ts';
import { CEL_SOURCES, rememberingCompiler as cel } from './predicates.ts';
import { Random } from './random.ts';
import type { World } from './world.ts';

/** `default`, and the namespaces created at the start. */
export const NAMESPACES = ['default', 'a', 'a/b', 'c'] as const;

const ACTOR = 'did:sync:user:tester' as Did;
/** The user who judges ACTOR's work. */
const JUDGE = 'did:sync:user:judge' as Did;

interface Command {
  readonly name: string;
  readonly key: string | undefined;
  /** Runs the command. @returns its record; undefined if it has none of its own */
  readonly run: (issuer: commands.Issuer) => RecordId | undefined;
}

const CONTEXT = {
  defaultExecutor: 'echo',
  executors: ['echo', 'shell'],
  refusal: (): null => null,
  // Some attempts run until they are ended.
  defaultTimeoutSecs: 600,
  cel,
} as const;

/** Gives a fleet random commands, and repeats unanswered ones. */
export class Client {
  readonly #world: World;
  #unanswered = new Set<Command>();
  #names = 0;
  /**
   * Task verbs come from a separate random source, and only from some clients, so that the histories of the others do
   * not change.
   */
  readonly #words: Random;
  readonly #speaks: boolean;
  /** The same holds for archives and policies. */
  readonly #edicts: Random;
  readonly #governs: boolean;
  /** The same holds for matrices over results. */
  readonly #matrices: Random;
  readonly #expands: boolean;

  constructor(world: World) {
    this.#world = world;
    this.#words = new Random(Math.floor(world.profile.chaosMs * 1000));
    this.#speaks = this.#words.chance(0.25);
    this.#edicts = new Random(Math.floor(world.profile.chaosMs * 1000) + 1);
    this.#governs = this.#edicts.chance(0.3);
    this.#matrices = new Random(Math.floor(world.profile.chaosMs * 1000) + 2);
    this.#expands = this.#matrices.chance(0.3);
  }

  /** Gives a command: mostly a new task with a fan-out, otherwise one on an existing task. */
  act(): void {
    const { random, coordinator } = this.#world;
    if (!coordinator.process.up || coordinator.process.isStopped) return;
    const tasks = [...coordinator.core!.state.tasks.values()].filter(task => task.hasFanOut);
    if (tasks.length === 0 || random.chance(0.4)) return this.#addAndFanOut();
    if (this.#speaks && this.#words.chance(0.4)) this.#say();
    if (this.#governs && this.#edicts.chance(0.4)) this.#govern();
    const task = random.pick(tasks.slice(-6));
    random.weighted<() => void>([
      [5, () => this.#retry(task)],
      [2, () => this.#cancelOne(task)],
      [1.5, () => this.#cancelAll(task)],
      [1, () => this.#runSerial(task)],
      [1, () => this.#note(task)],
      [1, () => this.#look(task)],
      [this.#world.profile.freezes, () => this.#kill()],
    ])();
  }

  /** Gives a command that certainly creates work. */
  begin(): void {
    for (const id of NAMESPACES.slice(1)) this.#create(id);
    this.#addAndFanOut();
  }

  /** Lifts every freeze and the emergency stop, and makes every namespace active again. */
  thaw(): void {
    for (const [id, { status }] of this.#core.state.namespaces) if (status !== 'active') this.#create(id);
    const { freezes, emergency } = this.#core.state;
    for (const namespace of [...freezes.keys()]) this.#unkill({ namespace, emergency: false });
    if (emergency !== null) this.#unkill({ namespace: null, emergency: true });
  }

  /** Repeats the commands with a key that were under way when the coordinator ended. */
  repeat(): void {
    const again = [...this.#unanswered];
    this.#unanswered = new Set();
    for (const command of again) if (command.key !== undefined) this.#give(command);
  }

  /** Changes the status of a task without a fan-out, or adds a task that depends on another. */
  #say(): void {
    const random = this.#words;
    const plain = [...this.#core.state.tasks.values()].filter(task => !task.hasFanOut);
    const key = random.chance(0.5) ? `key-${++this.#names}` : undefined;
    if (plain.length === 0 || random.chance(0.3)) return this.#addWaiting();
    const { thread } = random.pick(plain);
    const verb = random.pick(TASK_ACTIONS);
    const other = random.pick([...this.#core.state.tasks.keys()]);
    const inSecs = random.magnitude(1, 60);
    const isOn = random.chance(0.5);
    const actor = random.chance(0.5) ? ACTOR : JUDGE;
    this.#give({
      name: `${verb} ${thread}`,
      key,
      run: issuer => {
        const until_unix = verb === 'defer' ? issuer.now / 1000 + inSecs : null;
        const on = verb === 'block' && isOn ? other : null;
        applyTaskAction(this.#core, thread, verb, { reason: 'so', on, until_unix }, { ...issuer, actor });
        return undefined;
      },
    });
  }

  /** Adds a task without a fan-out that depends on an existing task. */
  #addWaiting(): void {
    const random = this.#words;
    const alias = `W-${++this.#names}`;
    const on = random.pick([...this.#core.state.tasks.keys()]);
    const thread = `th_${random.hex(64)}` as ThreadId;
    this.#give({
      name: `add ${alias}`,
      key: undefined,
      run: issuer => {
        const task = { ...taskNamed(alias, alias), namespace: null, depends_on: [on] };
        return commands.addTask(this.#core, task, thread, issuer).record as RecordId;
      },
    });
  }

  /** Freezes something, and lifts the freeze after a while, if there is a coordinator then. */
  #kill(): void {
    const { random, scheduler, coordinator } = this.#world;
    const isAll = random.chance(0.2);
    const namespace = isAll ? null : random.pick(NAMESPACES);
    const level = random.pick(['soft', 'hard'] as const);
    const graceSecs = random.chance(0.3) ? 0 : random.magnitude(0.05, 20);
    this.#give({
      name: `kill ${namespace ?? 'all'} ${level}`,
      key: undefined,
      run: issuer => {
        const input = { namespace, emergency: isAll, reason: null };
        const how = isAll ? { level: null, grace_secs: null } : { level, grace_secs: graceSecs };
        return kill(this.#core, { ...input, ...how }, issuer).record as RecordId;
      },
    });
    scheduler.after(random.magnitude(50, 15_000), () => {
      if (coordinator.process.up && !coordinator.process.isStopped)
        this.#unkill({ namespace, emergency: isAll });
    });
  }

  /** Archives a namespace for a while, or sets or removes its limit of parallel subtasks. */
  #govern(): void {
    const random = this.#edicts;
    const { scheduler, coordinator } = this.#world;
    const id = random.pick(NAMESPACES.slice(1));
    if (random.chance(0.5))
      return this.#create(id, random.chance(0.3) ? {} : { limits: { max_parallel: random.integer(1, 4) } });
    this.#give({
      name: `archive ${id}`,
      key: undefined,
      run: issuer => {
        archiveNamespace(this.#core, id, issuer);
        return undefined;
      },
    });
    scheduler.after(random.magnitude(50, 15_000), () => {
      if (coordinator.process.up && !coordinator.process.isStopped) this.#create(id);
    });
  }

  #create(id: string, policy?: Policy): void {
    this.#give({
      name: `create ${id} ${policy === undefined ? '' : JSON.stringify(policy)}`,
      key: undefined,
      run: issuer => {
        createNamespace(this.#core, { id, description: null, ...(policy && { policy }) }, issuer);
        return undefined;
      },
    });
  }

  #unkill(input: Unkill): void {
    this.#give({
      name: `unkill ${input.namespace ?? 'all'}`,
      key: undefined,
      run: issuer => unkill(this.#core, input, issuer).record as RecordId,
    });
  }

  #addAndFanOut(): void {
    const { random } = this.#world;
    const alias = `T-${++this.#names}`;
    let thread: ThreadId | undefined;
    const request = this.#drawFanOut();
    const key = this.#drawKey();
    const named = random.chance(0.7) ? alias : null;
    const namespace = this.#core.state.namespaces.size === 0 ? null : random.pick([null, ...NAMESPACES]);
    const add: Command = {
      name: `add ${alias}`,
      key: key && `${key}-add`,
      run: issuer => {
        // A client that repeats a command does not know the thread of the first one.
        const task = { ...taskNamed(named, alias), namespace };
        const added = commands.addTask(this.#core, task, this.#newThread(), issuer);
        thread = added.thread as ThreadId;
        return added.record as RecordId;
      },
    };
    const fanOut: Command = {
      name: `fan out ${alias}: ${request.join}, losers ${request.losers}`,
      key: key && `${key}-fan-out`,
      run: issuer => commands.fanOut(this.#core, thread!, request, CONTEXT, issuer).record as RecordId,
    };
    this.#give(add);
    if (thread === undefined) return;
    this.#give(fanOut);
    if (key === undefined || !random.chance(0.3)) return;
    this.#give(add);
    this.#give(fanOut);
  }

  #retry(task: Task): void {
    const { children } = task.fanOut!;
    const fallen = children.filter(({ state, verdict }) => state === 'done' && verdict !== 'accept');
    const { random } = this.#world;
    const { index } = random.pick(fallen.length > 0 ? fallen : children);
    const another = random.pick(fallen.length > 0 ? fallen : children).index;
    const asked = random.pick([{ subtask: index }, { subtasks: [index, another] }, { failed: true }]);
    this.#give({
      name: `retry ${task.alias} ${JSON.stringify(asked)}`,
      key: this.#drawKey(),
      run: issuer => {
        commands.retry(this.#core, task.thread, { ...asked, hint: null }, issuer);
        return undefined;
      },
    });
  }

  #cancelOne(task: Task): void {
    this.#cancel(task, this.#world.random.integer(0, task.fanOut!.children.length - 1));
  }

  #cancelAll(task: Task): void {
    this.#cancel(task, null);
  }

  #cancel(task: Task, subtask: number | null): void {
    this.#give({
      name: `cancel ${task.alias} ${subtask ?? ''}`,
      key: this.#drawKey(),
      run: issuer => {
        commands.cancel(this.#core, task.thread, { subtask, reason: null }, issuer);
        return undefined;
      },
    });
  }

  #runSerial(task: Task): void {
    this.#give({
      name: `run ${task.alias} serially`,
      key: this.#drawKey(),
      run: issuer =>
        commands.runSerial(this.#core, task.thread, { worker: null }, this.#newThread(), issuer)
          .record as RecordId,
    });
  }

  /** Writes a person's own record on a task's thread. */
  #note(task: Task): void {
    const { coordinator } = this.#world;
    coordinator.step(now => {
      const core = this.#core;
      const clock =
        (core.state.tasks.get(task.thread)?.clocks.get(ACTOR) ?? 0) + this.#world.random.integer(0, 2);
      const fields = { act: 'KNOW', actor: ACTOR, data_type: 'SCALAR', parents: [], clock } as const;
      core.writeForeign(seal({ ...fields, body: { note: 'well' }, thread: task.thread }), now);
    });
  }

  #look(task: Task): void {
    const now = this.#world.scheduler.now;
    taskDocument(this.#core.state, task, now);
    joinDocument(this.#core, task, false, now);
  }

  #give(command: Command): void {
    const { coordinator, trace, scheduler, watcher } = this.#world;
    if (!coordinator.process.up) return;
    trace.add(scheduler.now, 'client', command.name);
    this.#unanswered.add(command);
    const answer = coordinator.step(now => command.run({ actor: ACTOR, key: command.key, now }));
    if (answer instanceof FleetError) {
      trace.add(scheduler.now, 'client', 'is refused:', answer.message);
      this.#unanswered.delete(command);
      return;
    }
    if (!coordinator.process.up) return;
    coordinator.log.whenDurable(() => {
      this.#unanswered.delete(command);
      if (answer !== undefined) watcher.answered(answer);
    });
  }

  get #core(): NonNullable<World['coordinator']['core']> {
    return this.#world.coordinator.core!;
  }

  #newThread(): ThreadId {
    return `th_${this.#world.random.hex(64)}` as ThreadId;
  }

  #drawKey(): string | undefined {
    return this.#world.random.chance(0.5) ? `key-${++this.#names}` : undefined;
  }

  #drawFanOut(): FanOutRequest {
    const { random, workers } = this.#world;
    const aliases = [...workers.values()].map(({ alias, did }) => random.pick([alias, `specific:${did}`]));
    const size = drawSize(random);
    const join = random.weighted<() => string>([
      [4, () => 'all'],
      [2, () => 'any'],
      [2, () => `k_of_n:${random.integer(1, size)}`],
      [4, () => random.pick(CEL_SOURCES)],
    ])();
    const budget = random.chance(0.3) ? drawBudget(random, size) : NO_BUDGET;
    const subtasks = drawSubtasks(random, size, aliases, budget);
    const isExpanded = this.#expands && this.#matrices.chance(0.4);
    return {
      subtasks: isExpanded ? withMatrix(this.#matrices, subtasks) : subtasks,
      join,
      losers: random.pick(['keep', 'keep', 'drain', 'cancel']),
      timeout_secs: random.chance(0.25) ? random.magnitude(0.3, 20) : null,
      ...budget,
      namespace: null,
      dir: null,
    };
  }
}

function drawSize(random: Random): number {
  return Math.round(random.chance(0.05) ? random.magnitude(20, 120) : random.magnitude(1, 14));
}

type Limits = Pick<FanOutRequest, 'budget_usd' | 'budget_tokens' | 'budget_secs'>;

const NO_BUDGET: Limits = { budget_usd: null, budget_tokens: null, budget_secs: null };

/** Draws limits that one attempt noticeably reduces. */
function drawBudget(random: Random, size: number): Limits {
  return {
    budget_usd: random.chance(0.7) ? (random.integer(1, 8) * Math.ceil(size / 2)) / 64 : null,
    budget_tokens: random.chance(0.3) ? random.integer(50, 100) * size : null,
    budget_secs: random.chance(0.3) ? random.magnitude(1, 10) * size : null,
  };
}

/** Draws the shares of one subtask. Some are too large or missing, so that the fan-out is refused. */
function drawShares(random: Random, limits: Limits, size: number): Partial<Limits> {
  if (limits === NO_BUDGET || random.chance(0.1 / size)) return {};
  const { budget_usd: usd, budget_tokens: tokens, budget_secs: secs } = limits;
  const part = random.pick([0.1, 0.3, 0.3, 0.7]);
  return {
    ...(usd !== null && { budget_usd: usd * part }),
    ...(tokens !== null && { budget_tokens: Math.floor(tokens * part) }),
    ...(secs !== null && { budget_secs: secs * part }),
  };
}

/** Draws subtasks with dependencies without a cycle, whatever the order of their indices. */
function drawSubtasks(random: Random, size: number, named: readonly string[], budget: Limits): object[] {
  const density = random.chance(0.5) ? 0 : random.between(0, 2.5) / size;
  const rank = Array.from({ length: size }, () => random.next());
  const shell = random.next();
  const choosy = random.chance(0.3) ? 0.5 : 0;
  return rank.map((mine, index) => {
    const executor = random.chance(shell) ? 'shell' : 'echo';
    return {
      goal: `goal ${index}`,
      executor,
      ...(executor === 'shell' ? { run: 'true' } : {}),
      target: random.chance(choosy)
        ? random.pick(named)
        : random.pick(['least-loaded-worker', 'round-robin']),
      timeout_secs: random.magnitude(0.5, 20),
      ...drawShares(random, budget, size),
      attempts: random.chance(0.6) ? null : random.integer(1, 3),
      depends_on:
        density === 0 ? [] : rank.flatMap((other, i) => (other < mine && random.chance(density) ? [i] : [])),
    };
  });
}

/** Adds a subtask that makes a list, one with a matrix of its elements, and one that may depend on the latter. */
function withMatrix(random: Random, subtasks: readonly object[]): unknown[] {
  const like = (): object => ({ ...random.pick(subtasks), depends_on: [] });
  const list = { ...like(), name: LISTING };
  const matrix = { x: `\${{ subtasks.${LISTING}.results.x }}` };
  const others = random.chance(0.3) ? [random.integer(0, subtasks.length - 1)] : [];
  const each = { ...like(), goal: 'use ${{ matrix.x }}', matrix, depends_on: [LISTING, ...others] };
  const after = { ...like(), depends_on: random.chance(0.7) ? [subtasks.length + 1] : [] };
  return [...subtasks, list, each, after];
}

function taskNamed(alias: string | null, what: string): TaskAdd {
  return {
    goal: `do ${what}`,
    alias,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: null,
    dir: null,
  };
}
