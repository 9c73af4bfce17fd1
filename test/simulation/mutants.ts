import type { JoinBody } from '../../engine/domain/model/record-bodies.ts';
import { TOPIC } from '../../engine/domain/model/record-bodies.ts';
import { Coordinator, type CoordinatorOptions } from '../../engine/domain/coordinator/coordinator.ts';
import { markReady } from '../../engine/domain/fold/apply-record.ts';
import type { DeliveryRef, FrozenNamespace } from '../../engine/domain/model/messages.ts';
import type { Child, FanOut, Mutable, Namespace } from '../../engine/domain/model/state.ts';
import {
  DecisionBuffer,
  type Draft,
  type Effect,
  type OutBatch,
  type Output,
} from '../../engine/domain/coordinator/decision-buffer.ts';
import { Worker } from '../../engine/domain/worker/worker.ts';
import type { Did } from '../../engine/record/ids.ts';
import type { SealedRecord } from '../../engine/record/record.ts';
import type { InvariantId } from './invariants.ts';
import { REAL_RULES } from './simulation.ts';
import type { Rules } from './world.ts';

/**
 * A fault in the rules, and the invariants of which one must notice it. The first invariant is the one that the mutant
 * is for.
 */
export interface Mutant {
  readonly name: string;
  /** A seed with which one of `caughtBy` notices it. `pin-seeds.ts` finds another one after a change of the rules. */
  readonly seed: number;
  readonly rules: Rules;
  readonly caughtBy: readonly InvariantId[];
}

class RepeatsAValue extends DecisionBuffer {
  override write(draft: Draft, now: number): SealedRecord {
    const { body } = draft;
    if (body.topic !== TOPIC.expanded) return super.write(draft, now);
    const values = body.values.map(([key, each]) => [key, [...each, each[0]!]] as const);
    return super.write({ ...draft, body: { ...body, values } }, now);
  }
}

/** A coordinator that changes every child of its open fan-outs before the end of each step. */
class Meddler extends Coordinator {
  meddle(_fanOut: FanOut, _child: Child): void {}

  override settle(now: number): void {
    for (const thread of this.state.open) {
      const fanOut = this.state.tasks.get(thread)!.fanOut!;
      for (const child of fanOut.children) this.meddle(fanOut, child);
    }
    super.settle(now);
  }
}

class JoinsTwice extends DecisionBuffer {
  #last: { draft: Draft; now: number } | undefined;

  override write(draft: Draft, now: number): SealedRecord {
    if (draft.body.topic === TOPIC.join) this.#last = { draft, now };
    return super.write(draft, now);
  }

  override take(): Output {
    if (this.#last !== undefined) super.write(this.#last.draft, this.#last.now);
    this.#last = undefined;
    return super.take();
  }
}

class CountsFenced extends Coordinator {
  override reports(did: Did, batch: OutBatch, now: number): void {
    for (const { record } of batch.records) {
      const child = this.state.tasks.get(record.thread)?.fanOut?.children[record.body['index'] as number];
      if (child?.state === 'assigned')
        Object.assign(child, { worker: did, deliveries: Number(record.body['delivery']) + 1 });
    }
    super.reports(did, batch, now);
  }
}

class MiscountsJoins extends DecisionBuffer {
  override write(draft: Draft, now: number): SealedRecord {
    const { body } = draft;
    if (body.topic !== TOPIC.join) return super.write(draft, now);
    const counts: JoinBody['counts'] = { ...body.counts, accepted: body.counts.accepted + 1 };
    return super.write({ ...draft, body: { ...body, counts } }, now);
  }
}

class JoinsWrongly extends DecisionBuffer {
  override write(draft: Draft, now: number): SealedRecord {
    const { body } = draft;
    if (body.topic !== TOPIC.join || body.outcome !== 'unsatisfiable') return super.write(draft, now);
    return super.write({ ...draft, body: { ...body, outcome: 'satisfied' } }, now);
  }
}

class RunsAcceptedAgain extends Meddler {
  #done = false;

  override meddle(fanOut: FanOut, child: Child): void {
    if (this.#done || child.verdict !== 'accept' || fanOut.joined === null || fanOut.losers !== 'keep')
      return;
    this.#done = true;
    child.state = 'pending';
    markReady(this.state, fanOut, child);
  }
}

class IgnoresDependencies extends Meddler {
  override meddle(fanOut: FanOut, child: Child): void {
    if (child.state !== 'pending' || child.unmet === 0) return;
    child.unmet = 0;
    markReady(this.state, fanOut, child);
  }
}

class DeliversElsewhere extends Coordinator {
  override take(): Output {
    const output = super.take();
    const to = [...this.links.keys()].at(-1)!;
    const effects = output.effects.map(effect =>
      effect.type === 'send' && effect.message.type === 'deliver' ? { ...effect, to } : effect,
    );
    return { ...output, effects };
  }
}

class EndsTwice extends DecisionBuffer {
  override write(draft: Draft, now: number): SealedRecord {
    const sealed = super.write(draft, now);
    return draft.body.topic === TOPIC.childDone ? super.write(draft, now) : sealed;
  }
}

class TakesNothingBack extends Coordinator {
  override returned(): void {}
}

class KeepsReports extends Worker {
  override acknowledged(): void {}
}

class AcknowledgesTooMuch extends Coordinator {
  override acknowledge(did: Did, upTo: number): void {
    super.acknowledge(did, upTo + 1);
  }
}

class ForgetsToLog extends Meddler {
  override meddle(_fanOut: FanOut, child: Child): void {
    child.hint = 'only in memory';
  }
}

class StartsWhatWasCancelled extends Meddler {
  override meddle(_fanOut: FanOut, child: Child): void {
    child.cancelRequested = null;
  }
}

class TriesForEver extends Coordinator {
  override reports(did: Did, batch: OutBatch, now: number): void {
    const children = [...(this.links.get(did)?.assigned.keys() ?? [])];
    const before = children.map(({ spentBefore }) => spentBefore);
    for (const child of children) child.spentBefore = child.attempt;
    super.reports(did, batch, now);
    children.forEach((child, i) => (child.spentBefore = before[i]!));
  }
}

class RunsSerialAtOnce extends Coordinator {
  override settle(now: number): void {
    const serial: Mutable<FanOut>[] = [];
    for (const thread of this.state.open) {
      const fanOut = this.state.tasks.get(thread)!.fanOut!;
      if (fanOut.serialOf !== null) serial.push(fanOut);
    }
    const before = serial.map(({ serialOf }) => serialOf);
    for (const fanOut of serial) fanOut.serialOf = null;
    super.settle(now);
    serial.forEach((fanOut, i) => (fanOut.serialOf = before[i]!));
  }
}

class SpendsTooMuch extends Coordinator {
  override settle(now: number): void {
    const fanOuts: Mutable<FanOut>[] = [];
    for (const thread of this.state.open) fanOuts.push(this.state.tasks.get(thread)!.fanOut!);
    const before = fanOuts.map(({ budget }) => budget);
    for (const fanOut of fanOuts)
      if (fanOut.budget !== null)
        fanOut.budget = { ...fanOut.budget, limit: { usd: null, tokens: null, secs: null } };
    super.settle(now);
    fanOuts.forEach((fanOut, i) => (fanOut.budget = before[i]!));
  }
}

class KnowsOfNoQuota extends Coordinator {
  override settle(now: number): void {
    const before = [...this.state.breakers];
    this.state.breakers.clear();
    super.settle(now);
    for (const [executor, breaker] of before)
      if (!this.state.breakers.has(executor)) this.state.breakers.set(executor, breaker);
  }
}

class RepeatsClocks extends DecisionBuffer {
  override write(draft: Draft, now: number): SealedRecord {
    const sealed = super.write(draft, now);
    const { actor, thread, clock } = sealed.record;
    if (draft.body.topic === TOPIC.spawned) this.state.tasks.get(thread)!.clocks.set(actor, clock);
    return sealed;
  }
}

class Spins extends Coordinator {
  override nextDeadline(now: number): number | undefined {
    super.nextDeadline(now);
    return now;
  }
}

class FencesNobody extends Worker {
  override fence(): void {}
}

/** Counts the time of its own absence as its workers' silence. */
class ForgivesNothing extends Coordinator {
  override tick(now: number): void {
    for (let i = 0; i < 2; i++) {
      const before = [...this.links.values()].map(link => ({ ...link }));
      super.nextDeadline(now);
      [...this.links.values()].forEach((link, j) => Object.assign(link, before[j]));
      super.tick(now);
    }
  }
}

class ForgivesNoAttempt extends Coordinator {
  override tick(now: number): void {
    super.nextDeadline(now);
    for (const link of this.links.values()) link.forgivenAt = 0;
    super.tick(now);
  }
}

class ForgivesEverything extends Coordinator {
  override tick(now: number): void {
    for (const link of this.links.values()) link.lastContactAt = now;
    super.tick(now);
  }
}

class ForgetsKeys extends Coordinator {
  override settle(now: number): void {
    this.state.idempotency.clear();
    super.settle(now);
  }
}

class NeverResumes extends Coordinator {
  override resume(): void {}
}

class Stumbles extends Coordinator {
  override started(did: Did, refs: readonly DeliveryRef[], now: number): void {
    if (refs.length > 1) throw new TypeError('undefined is not a function');
    super.started(did, refs, now);
  }
}

class SparesDependants extends Meddler {
  override meddle(fanOut: FanOut): void {
    (fanOut as Mutable<FanOut>).dependants = null;
  }
}

/** Recalls waiting deliveries from busy workers for a free one, and delivers them to the busy ones again. */
class PlaysPingPong extends Coordinator {
  override tick(now: number): void {
    for (const link of this.links.values()) Object.assign(link, { lastReportAt: 0, lookAt: now });
    super.tick(now);
  }

  override settle(now: number): void {
    const links = [...this.links.values()];
    for (const link of links) Object.assign(link, { lastReportAt: now, meanWallMs: 1 });
    const isBusy = links.some(({ assigned }) => assigned.size > 0);
    const passed = links.filter(({ assigned, order }) => isBusy && assigned.size === 0 && order === 'work');
    for (const link of passed) Object.assign(link, { order: 'drain' });
    super.settle(now);
    for (const link of passed) Object.assign(link, { order: 'work' });
  }
}

class StopsNobody extends Coordinator {
  override stop(): void {}
}

class LosesReports extends Worker {
  override acknowledged(upTo: number): void {
    super.acknowledged(upTo + 1);
  }
}

class RecoversNothing extends Worker {
  override recover(): void {}
}

class GivesOutTheFrozen extends Coordinator {
  override settle(now: number): void {
    const { freezes } = this.state;
    const before = [...freezes];
    freezes.clear();
    super.settle(now);
    for (const [namespace, freeze] of before) freezes.set(namespace, freeze);
  }
}

class GivesOutTheArchived extends Coordinator {
  override settle(now: number): void {
    changing(
      this,
      namespace => ({ ...namespace, status: 'active' }),
      () => super.settle(now),
    );
  }
}

class KnowsOfNoPolicy extends Coordinator {
  override settle(now: number): void {
    changing(
      this,
      namespace => ({ ...namespace, policy: null }),
      () => super.settle(now),
    );
  }
}

/** Changes namespaces for the time of an action. */
function changing(
  { state }: Coordinator,
  change: (namespace: Namespace) => Namespace,
  act: () => void,
): void {
  const before = [...state.namespaces];
  for (const [id, namespace] of before) state.namespaces.set(id, change(namespace));
  act();
  for (const [id, namespace] of before) state.namespaces.set(id, namespace);
}

/** Makes its permits seem younger than they are. */
class MakesPermitsYounger extends Coordinator {
  override take(): Output {
    const output = super.take();
    const effects = output.effects.map((effect): Effect => {
      if (effect.type !== 'send' || effect.message.type !== 'permit') return effect;
      return { ...effect, message: { ...effect.message, asOf: effect.message.asOf + 60_000 } };
    });
    return { ...output, effects };
  }
}

class HearsOfNoFreeze extends Worker {
  override permitted(asOf: number): void {
    super.permitted(asOf, []);
  }
}

class EndsNothing extends Worker {
  override permitted(asOf: number, frozen: readonly FrozenNamespace[]): void {
    super.permitted(
      asOf,
      frozen.map(each => ({ ...each, endsInMs: null })),
    );
  }
}

/** After any freeze, waits for a permit for ever. */
class StaysFrozen extends Worker {
  #wasFrozen = false;

  override permitted(asOf: number, frozen: readonly FrozenNamespace[]): void {
    this.#wasFrozen ||= frozen.length > 0;
    super.permitted(this.#wasFrozen ? Number.NEGATIVE_INFINITY : asOf, frozen);
  }
}

class HearsOfNoStall extends Coordinator {
  override stalled(): void {}
}

export const MUTANTS: readonly Mutant[] = [
  mutant('an engine that does not wait', 11, { hasty: true }, 'I1'),
  coordinator('a second join record', 11, writing(JoinsTwice), 'I2'),
  coordinator('an end that is said twice', 11, writing(EndsTwice), 'I3'),
  coordinator('a fenced report that counts', 252, CountsFenced, 'I4', 'I7', 'I20'),
  coordinator('a census that is one off', 11, writing(MiscountsJoins), 'I10'),
  coordinator('a join that is not what its reports say', 11, writing(JoinsWrongly), 'I10'),
  coordinator('an accepted child that runs again', 22, RunsAcceptedAgain, 'I5'),
  coordinator('a child before its dependencies', 27, IgnoresDependencies, 'I6'),
  coordinator('a child at the wrong worker', 4, DeliversElsewhere, 'I7'),
  coordinator('an acknowledgement of one too many', 11, AcknowledgesTooMuch, 'I8'),
  coordinator('a change that no record tells of', 13, ForgetsToLog, 'I9'),
  coordinator('a cancel that is forgotten', 36, StartsWhatWasCancelled, 'I11'),
  coordinator('attempts without end', 384, TriesForEver, 'I12'),
  coordinator('a serial run with two out', 88, RunsSerialAtOnce, 'I13'),
  coordinator('a budget that is not kept to', 20, SpendsTooMuch, 'I30'),
  coordinator('a coordinator that goes on without quota', 22, KnowsOfNoQuota, 'I44'),
  coordinator('a clock used twice', 1, writing(RepeatsClocks), 'I14'),
  coordinator('a coordinator that spins', 3, Spins, 'I15'),
  coordinator('a delivery that is not taken back', 50, TakesNothingBack, 'I16'),
  worker('a worker that keeps its reports', 11, KeepsReports, 'I17'),
  worker('a worker that is not to be fenced', 50, FencesNobody, 'I16', 'I17'),
  coordinator('a coordinator that judges by its own sleep', 87, ForgivesNothing, 'I18'),
  coordinator('keys that are not remembered', 95, ForgetsKeys, 'I19'),
  coordinator('a coordinator that takes nothing up', 33, NeverResumes, 'I20', 'I16'),
  coordinator('a rule that stumbles', 20, Stumbles, 'I21'),
  coordinator('dependants that are spared', 93, SparesDependants, 'I22'),
  coordinator('an attempt timed out in its coordinator’s sleep', 717, ForgivesNoAttempt, 'I23'),
  coordinator('a coordinator that forgives everything', 117, ForgivesEverything, 'I24'),
  coordinator('a stop that is not kept to', 63, StopsNobody, 'I25'),
  coordinator('a recall that changes nothing', 101, PlaysPingPong, 'I26'),
  coordinator('a coordinator that hears of no stall', 177, HearsOfNoStall, 'I46'),
  coordinator('a coordinator that gives out what is frozen', 364, GivesOutTheFrozen, 'I27'),
  coordinator('a coordinator that gives out what is archived', 305, GivesOutTheArchived, 'I47'),
  coordinator('a coordinator that knows of no policy', 172, KnowsOfNoPolicy, 'I48'),
  coordinator('a matrix that has a value twice', 44, writing(RepeatsAValue), 'I49'),
  coordinator('a permit that seems younger than it is', 13, MakesPermitsYounger, 'I27'),
  worker('a worker that hears of no freeze', 101, HearsOfNoFreeze, 'I28', 'I27'),
  worker('a worker that ends nothing under a hard freeze', 101, EndsNothing, 'I28'),
  worker('a worker that stays frozen', 20, StaysFrozen, 'I29'),
  worker('a worker that drops a report', 80, LosesReports, 'I7', 'I8', 'I14', 'I16'),
  worker('a worker that recovers nothing', 70, RecoversNothing, 'I7'),
];

function mutant(
  name: string,
  seed: number,
  changed: Partial<Rules>,
  ...caughtBy: readonly InvariantId[]
): Mutant {
  return { name, seed, rules: { ...REAL_RULES, ...changed }, caughtBy };
}

function coordinator(
  name: string,
  seed: number,
  changed: typeof Coordinator,
  ...caughtBy: readonly InvariantId[]
): Mutant {
  return mutant(name, seed, { Coordinator: changed }, ...caughtBy);
}

function worker(
  name: string,
  seed: number,
  changed: typeof Worker,
  ...caughtBy: readonly InvariantId[]
): Mutant {
  return mutant(name, seed, { Worker: changed }, ...caughtBy);
}

/** Returns a coordinator with another decision buffer. */
function writing(step: typeof DecisionBuffer): typeof Coordinator {
  return class extends Coordinator {
    constructor(options: CoordinatorOptions) {
      super(options, new step(options));
    }
  };
}
