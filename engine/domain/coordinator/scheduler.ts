import type { Did } from '../../record/ids.ts';
import { copyOf, reserve, type Budget } from '../model/budgets.ts';
import { hash } from '../../record/hash.ts';
import { markReady } from '../fold/apply-record.ts';
import { hasTurn, holdOf, mostOut, type HoldContext, type StartHold } from './holds.ts';
import type { IndexQueue } from '../model/index-queue.ts';
import { isBlocked } from '../policy/blocked-namespaces.ts';
import { isLinked, windowOf, type WorkerLink } from './worker-state.ts';
import {
  boundOf,
  denierOf,
  levelsOf,
  reserveIn,
  type Limit,
  type Levels,
} from '../policy/namespace-policy.ts';
import type { Child, FanOut, FleetState, Instance } from '../model/state.ts';

/** One child assigned to one worker. */
export interface Placement {
  readonly fanOut: FanOut;
  readonly child: Child;
  readonly worker: Did;
}

/** A worker that can take work, and its free capacity. */
interface WorkerCapacity {
  readonly instance: Instance;
  readonly link: WorkerLink;
  readonly window: number;
  load: number;
}

/**
 * Chooses which children go to which workers now. The only side effect is that it takes children out of their ready
 * queues; those in back-off are returned in `delayed`. A record makes the assignment itself.
 */
export function planDispatch(
  state: FleetState,
  links: ReadonlyMap<Did, WorkerLink>,
  now: number,
): Pick<Plan, 'placed' | 'delayed' | 'parked' | 'shutOut'> {
  const plan: Plan = {
    placed: [],
    delayed: [],
    parked: [],
    shutOut: [],
    taken: new Set(),
    budgets: new Map(),
    bounds: new Map(),
    probed: new Set(),
  };
  const capacities = capacitiesOf(state, links, now);
  let free = capacities.reduce((sum, capacity) => sum + Math.max(0, capacity.window - capacity.load), 0);
  if (free === 0) return plan;
  const names = freeNames(capacities);
  let rings = ringsOf(state);
  while (rings.length > 0 && free > 0) {
    const kept: Ring[] = [];
    const ended: Ring[] = [];
    for (const ring of rings) {
      if (free <= 0) break;
      const { started, isOver } = takeTurn(state, ring, { capacities, names, free }, plan, now);
      free -= started;
      if (started > 0) (isOver ? ended : kept).push(ring);
    }
    rings = [...kept, ...ended];
  }
  return plan;
}

/** The fan-outs of a namespace that may still start something in this plan, in turn order. */
type Ring = FanOut[];

const ringsOf = (state: FleetState): Ring[] =>
  state.startable
    .inOrder()
    .filter(([namespace]) => !isBlocked(state, namespace))
    .map(([, fanOuts]) => fanOuts);

interface Free {
  readonly capacities: readonly WorkerCapacity[];
  /** The names by which subtasks may choose a worker with a free slot. */
  readonly names: ReadonlySet<string>;
  readonly free: number;
}

function freeNames(capacities: readonly WorkerCapacity[]): ReadonlySet<string> {
  const free = capacities.filter(({ load, window }) => load < window);
  return new Set([
    'least-loaded',
    'round-robin',
    ...free.flatMap(({ instance: { did, alias } }) => [did, alias]),
  ]);
}

/**
 * Gives a turn to the first fan-out of a namespace that can start something. One that can't is out of this plan, in
 * which slots only become fewer.
 */
function takeTurn(
  state: FleetState,
  ring: Ring,
  { capacities, names, free }: Free,
  plan: Plan,
  now: number,
): { readonly started: number; readonly isOver: boolean } {
  for (let fanOut = ring[0]; fanOut !== undefined; fanOut = ring[0]) {
    const room = Math.min(free, state.startable.left(fanOut));
    const started = mayPlace(fanOut, names) ? placeSome(state, fanOut, capacities, room, plan, now) : 0;
    const isOver = started > 0 && state.startable.charge(fanOut, started);
    const isEmpty = ![...fanOut.ready.values()].some(({ size }) => size > 0);
    if (isEmpty) state.startable.delete(fanOut);
    if (isEmpty || isOver || started === 0) ring.shift();
    if (isOver && !isEmpty) ring.push(fanOut);
    if (started > 0) return { started, isOver };
  }
  return { started: 0, isOver: true };
}

/** False where each of its subtasks waits for a worker that has no free slot. */
function mayPlace({ ready }: FanOut, names: ReadonlySet<string>): boolean {
  for (const [name, { size }] of ready) if (size > 0 && names.has(name)) return true;
  return false;
}

/** Returns the workers that take work, longest up first. */
export function capacitiesOf(
  state: FleetState,
  links: ReadonlyMap<Did, WorkerLink>,
  now: number,
): WorkerCapacity[] {
  const capacities: WorkerCapacity[] = [];
  for (const link of links.values()) {
    const instance = state.instances.get(link.did);
    if (!takesWork(instance, link)) continue;
    capacities.push({
      instance,
      link,
      window: windowOf(link, instance.slots, now),
      load: link.assigned.size,
    });
  }
  return capacities.sort((a, b) => a.link.upSince - b.link.upSince);
}

/** Returns true for a worker that is there and may start something. */
export function takesWork(instance: Instance | undefined, link: WorkerLink): instance is Instance {
  return (
    instance !== undefined &&
    isLinked(link) &&
    link.order === 'work' &&
    instance.role === 'worker' &&
    instance.status === 'live' &&
    instance.health === 'healthy'
  );
}

/** The state of planning. */
interface Plan {
  readonly placed: Placement[];
  /** Children in back-off. */
  readonly delayed: [FanOut, Child][];
  /** The placed children. A queue may contain a child twice, because an entry outlives the child's assignment. */
  readonly taken: Set<Child>;
  /** The budgets of fan-outs that have one, with this plan's placements reserved. */
  readonly budgets: Map<FanOut, Budget>;
  /** The limits of namespaces, with this plan's placements counted; null for a namespace without limits. */
  readonly bounds: Map<string, Limit | null>;
  /** Children whose executor is out of quota. */
  readonly parked: [FanOut, Child][];
  /** Children whose executor a policy no longer allows. */
  readonly shutOut: [FanOut, Child][];
  /** Executors that were out of quota, with one child placed to test for quota. */
  readonly probed: Set<string>;
}

function placeSome(
  state: FleetState,
  fanOut: FanOut,
  capacities: readonly WorkerCapacity[],
  most: number,
  plan: Plan,
  now: number,
): number {
  const { placed, taken } = plan;
  const context = contextOf(state, fanOut, plan, now);
  const open = permittedCapacities(context.levels, capacities);
  const before = placed.length;
  const hasRoom = (): boolean => placed.length - before < most && hasTurn(context);
  for (const [name, queue] of fanOut.ready) {
    while (hasRoom()) {
      const child = nextStartable(context, queue, plan);
      if (child === undefined) break;
      const capacity =
        name === 'round-robin' ? spread(state, fanOut, child, queue, open) : pickCapacity(name, open);
      if (capacity === 'moved') continue;
      if (capacity === undefined) break;
      queue.shift();
      capacity.load++;
      context.out++;
      taken.add(child);
      if (context.budget !== null) reserve(context.budget, fanOut.subtasks[child.index]!);
      for (const limit of context.limits) reserveIn(limit, fanOut.subtasks[child.index]!);
      if (state.breakers.size > 0) noteProbe(state, fanOut, child, plan);
      placed.push({ fanOut, child, worker: capacity.instance.did });
    }
  }
  return placed.length - before;
}

/** Returns the facts that hold subtasks back, including this plan's placements. */
function contextOf(state: FleetState, fanOut: FanOut, plan: Plan, now: number): HoldContext {
  const levels = levelsOf(state.namespaces, fanOut.namespace);
  const isBounded = mostOut(fanOut) < Infinity;
  const placed = isBounded ? plan.placed.filter(each => each.fanOut === fanOut).length : 0;
  return {
    state,
    fanOut,
    levels,
    // Blocked namespaces are skipped before this point.
    isBlocked: false,
    out: fanOut.counts.running + placed,
    budget: fanOut.budget && budgetIn(plan, fanOut, fanOut.budget),
    limits: boundsIn(state, plan, levels),
    probed: plan.probed,
    now,
  };
}

/** Returns the limits on starts in a namespace, including this plan's placements. */
function boundsIn(state: FleetState, { bounds }: Plan, levels: Levels): readonly Limit[] {
  return levels.flatMap(level => {
    let bound = bounds.get(level.namespace);
    if (bound === undefined) bounds.set(level.namespace, (bound = boundOf(state, level)));
    return bound ?? [];
  });
}

/** Returns the workers that no policy denies, whether named or freely chosen. */
function permittedCapacities(
  levels: Levels,
  capacities: readonly WorkerCapacity[],
): readonly WorkerCapacity[] {
  if (levels.length === 0) return capacities;
  return capacities.filter(({ instance }) => denierOf(levels, instance) === undefined);
}

function budgetIn({ budgets }: Plan, fanOut: FanOut, budget: Budget): Budget {
  let copy = budgets.get(fanOut);
  if (copy === undefined) budgets.set(fanOut, (copy = copyOf(budget)));
  return copy;
}

/** The handling of the child at the head of a queue, by the reason that holds it. */
const SET_ASIDE: Readonly<Record<StartHold['kind'], 'delayed' | 'parked' | 'shutOut' | 'dropped' | 'left'>> =
  {
    'back-off': 'delayed',
    quota: 'parked',
    'refused executor': 'shutOut',
    // The record that ends the reason queues the child again.
    question: 'dropped',
    matrix: 'dropped',
    dependencies: 'dropped',
    unwanted: 'dropped',
    environment: 'dropped',
    // So that a large share is not overtaken forever, the children behind it wait too.
    budget: 'left',
    'parallel limit': 'left',
    'blocked namespace': 'left',
    'serial run': 'left',
    turn: 'left',
  };

/**
 * Returns the head of the queue, after dropping children that may no longer start and setting aside those that must
 * wait.
 */
function nextStartable(context: HoldContext, queue: IndexQueue, plan: Plan): Child | undefined {
  const { fanOut } = context;
  for (let index = queue.peek(); index !== undefined; index = queue.peek()) {
    const child = fanOut.children[index]!;
    const isPending = child.state === 'pending' && !plan.taken.has(child);
    const hold = isPending ? holdOf(context, child) : null;
    if (isPending && hold === null) return child;
    const place = hold === null ? 'dropped' : SET_ASIDE[hold.kind];
    if (place === 'left') return undefined;
    queue.shift();
    if (place !== 'dropped') plan[place].push([fanOut, child]);
  }
  return undefined;
}

function noteProbe({ breakers }: FleetState, fanOut: FanOut, { index }: Child, { probed }: Plan): void {
  const { executor } = fanOut.subtasks[index]!;
  if (breakers.has(executor)) probed.add(executor);
}

function pickCapacity(name: string, capacities: readonly WorkerCapacity[]): WorkerCapacity | undefined {
  let best: WorkerCapacity | undefined;
  for (const capacity of capacities) {
    if (capacity.load >= capacity.window) continue;
    if (name !== 'least-loaded' && capacity.instance.did !== name && capacity.instance.alias !== name)
      continue;
    // Workers are sorted longest up first, so a tie goes to the longest up.
    if (best === undefined || relativeLoad(capacity) < relativeLoad(best)) best = capacity;
  }
  return best;
}

const relativeLoad = (capacity: WorkerCapacity): number => capacity.load / capacity.instance.slots;

/**
 * Round robin chooses a worker by the hash of parent and index over the live workers, so that every caller makes the
 * same choice. A child whose worker is busy waits in that worker's queue and does not delay others.
 */
function spread(
  state: FleetState,
  fanOut: FanOut,
  child: Child,
  queue: IndexQueue,
  capacities: readonly WorkerCapacity[],
): WorkerCapacity | 'moved' | undefined {
  if (capacities.length === 0) return undefined;
  const inOrder = [...capacities].sort((a, b) => (a.instance.did < b.instance.did ? -1 : 1));
  const capacity = inOrder[roundRobinIndex(fanOut, child.index, inOrder.length)]!;
  if (capacity.load < capacity.window) return capacity;
  queue.shift();
  markReady(state, fanOut, child, capacity.instance.did);
  return 'moved';
}

function roundRobinIndex(fanOut: FanOut, index: number, workers: number): number {
  return parseInt(hash(`${fanOut.id}/${index}`).slice(0, 8), 16) % workers;
}

/** Queues children again that round robin had queued for a worker that takes no more work. */
export function releaseQueueOf(state: FleetState, worker: Did): void {
  for (const fanOut of state.startable.inOrder().flatMap(([, fanOuts]) => fanOuts)) {
    const waiting = fanOut.ready.get(worker)?.drain() ?? [];
    for (const index of waiting) markReady(state, fanOut, fanOut.children[index]!);
  }
}
