import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { JoinBody } from '../../engine/fleet/bodies.ts';
import { TOPIC } from '../../engine/fleet/bodies.ts';
import { Coordinator, type CoordinatorOptions } from '../../engine/fleet/coordinator.ts';
import { markReady } from '../../engine/fleet/fold.ts';
import type { DeliveryRef, FrozenNamespace } from '../../engine/fleet/messages.ts';
import type { Child, FanOut, Mutable, Namespace } from '../../engine/fleet/state.ts';
import { Step, type Draft, type Effect, type OutBatch, type Output } from '../../engine/fleet/step.ts';
import { Worker } from '../../engine/fleet/worker.ts';
import type { Did } from '../../engine/record/ids.ts';
import type { SealedRecord } from '../../engine/record/record.ts';
import { INVARIANTS, Violation, type InvariantId } from './invariants.ts';
import { REAL_RULES, simulate } from './simulation.ts';
import type { Rules } from './world.ts';

/** A fault put into the rules, and the invariants of which one must notice it; the first is what it is there to show. */
interface Mutant {
  readonly name: string;
  readonly rules: Rules;
  readonly caughtBy: readonly InvariantId[];
}

/** From this one on, each fault shows before long: some need a rare moment. */
const FIRST_SEED = 2001;
const MOST_SEEDS = 400;

/** A coordinator with every child of its open fan-outs at hand, to meddle with before each step's end. */
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

class JoinsTwice extends Step {
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

class MiscountsJoins extends Step {
  override write(draft: Draft, now: number): SealedRecord {
    const { body } = draft;
    if (body.topic !== TOPIC.join) return super.write(draft, now);
    const counts: JoinBody['counts'] = { ...body.counts, accepted: body.counts.accepted + 1 };
    return super.write({ ...draft, body: { ...body, counts } }, now);
  }
}

class JoinsWrongly extends Step {
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
    markReady(fanOut, child);
  }
}

class IgnoresDependencies extends Meddler {
  override meddle(fanOut: FanOut, child: Child): void {
    if (child.state !== 'pending' || child.unmet === 0) return;
    child.unmet = 0;
    markReady(fanOut, child);
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

class EndsTwice extends Step {
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

class RepeatsClocks extends Step {
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

/** Hears everybody's silence through its own. */
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
    for (const link of this.links.values()) link.heardAt = now;
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

/** Recalls what waits at a busy worker, and hands it out to busy workers again. */
class PlaysPingPong extends Coordinator {
  override tick(now: number): void {
    for (const link of this.links.values()) Object.assign(link, { lastReportAt: 0, lookAt: now });
    super.tick(now);
  }

  override settle(now: number): void {
    for (const link of this.links.values()) Object.assign(link, { lastReportAt: now, meanWallMs: 1 });
    super.settle(now);
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

/** Has namespaces be otherwise while something is done. */
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

/** Has its permits seem younger than they are. */
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

/** Once anything was frozen, it waits for a permit for ever. */
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

const mutants: readonly Mutant[] = [
  { name: 'an engine that does not wait', rules: { ...REAL_RULES, hasty: true }, caughtBy: ['I1'] },
  coordinator('a second join record', writing(JoinsTwice), 'I2'),
  coordinator('an end that is said twice', writing(EndsTwice), 'I3'),
  coordinator('a fenced report that counts', CountsFenced, 'I4', 'I7', 'I20'),
  coordinator('a census that is one off', writing(MiscountsJoins), 'I10'),
  coordinator('a join that is not what its reports say', writing(JoinsWrongly), 'I10'),
  coordinator('an accepted child that runs again', RunsAcceptedAgain, 'I5'),
  coordinator('a child before its dependencies', IgnoresDependencies, 'I6'),
  coordinator('a child at the wrong worker', DeliversElsewhere, 'I7'),
  coordinator('an acknowledgement of one too many', AcknowledgesTooMuch, 'I8'),
  coordinator('a change that no record tells of', ForgetsToLog, 'I9'),
  coordinator('a cancel that is forgotten', StartsWhatWasCancelled, 'I11'),
  coordinator('attempts without end', TriesForEver, 'I12'),
  coordinator('a serial run with two out', RunsSerialAtOnce, 'I13'),
  coordinator('a budget that is not kept to', SpendsTooMuch, 'I30'),
  coordinator('a coordinator that goes on without quota', KnowsOfNoQuota, 'I44'),
  coordinator('a clock used twice', writing(RepeatsClocks), 'I14'),
  coordinator('a coordinator that spins', Spins, 'I15'),
  coordinator('a delivery that is not taken back', TakesNothingBack, 'I16'),
  worker('a worker that keeps its reports', KeepsReports, 'I17'),
  worker('a worker that is not to be fenced', FencesNobody, 'I16', 'I17'),
  coordinator('a coordinator that judges by its own sleep', ForgivesNothing, 'I18'),
  coordinator('keys that are not remembered', ForgetsKeys, 'I19'),
  coordinator('a coordinator that takes nothing up', NeverResumes, 'I20', 'I16'),
  coordinator('a rule that stumbles', Stumbles, 'I21'),
  coordinator('dependants that are spared', SparesDependants, 'I22'),
  coordinator('an attempt timed out in its coordinator’s sleep', ForgivesNoAttempt, 'I23'),
  coordinator('a coordinator that forgives everything', ForgivesEverything, 'I24'),
  coordinator('a stop that is not kept to', StopsNobody, 'I25'),
  coordinator('a recall that changes nothing', PlaysPingPong, 'I26'),
  coordinator('a coordinator that hears of no stall', HearsOfNoStall, 'I46'),
  coordinator('a coordinator that gives out what is frozen', GivesOutTheFrozen, 'I27'),
  coordinator('a coordinator that gives out what is archived', GivesOutTheArchived, 'I47'),
  coordinator('a coordinator that knows of no policy', KnowsOfNoPolicy, 'I48'),
  coordinator('a permit that seems younger than it is', MakesPermitsYounger, 'I27'),
  worker('a worker that hears of no freeze', HearsOfNoFreeze, 'I28', 'I27'),
  worker('a worker that ends nothing under a hard freeze', EndsNothing, 'I28'),
  worker('a worker that stays frozen', StaysFrozen, 'I29'),
  worker('a worker that drops a report', LosesReports, 'I7', 'I8', 'I14', 'I16'),
  worker('a worker that recovers nothing', RecoversNothing, 'I7'),
];

describe('a fault in the rules', function () {
  this.timeout(120_000);

  for (const { name, rules, caughtBy } of mutants) {
    it(`is noticed: ${name} (${caughtBy.join(' or ')})`, () => {
      const { shown, others } = noticed(rules, caughtBy);
      assert.ok(
        shown !== undefined,
        `${MOST_SEEDS} seeds showed only ${[...others].join(', ') || 'nothing'}`,
      );
    });
  }

  it('can be noticed by every invariant', () => {
    const shown = new Set(mutants.map(({ caughtBy }) => caughtBy[0]));
    assert.deepEqual([...shown].sort(), Object.keys(INVARIANTS).sort());
  });
});

function coordinator(name: string, mutant: typeof Coordinator, ...caughtBy: InvariantId[]): Mutant {
  return { name, rules: { ...REAL_RULES, Coordinator: mutant }, caughtBy };
}

/** A coordinator whose steps are written down in a way of their own. */
function writing(step: typeof Step): typeof Coordinator {
  return class extends Coordinator {
    constructor(options: CoordinatorOptions) {
      super(options, new step(options));
    }
  };
}

function worker(name: string, mutant: typeof Worker, ...caughtBy: InvariantId[]): Mutant {
  return { name, rules: { ...REAL_RULES, Worker: mutant }, caughtBy };
}

/** Runs seeds until one shows what is expected; a fault may be noticed by other invariants before that. */
function noticed(
  rules: Rules,
  expected: readonly InvariantId[],
): { shown: InvariantId | undefined; others: ReadonlySet<InvariantId> } {
  const others = new Set<InvariantId>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + MOST_SEEDS; seed++) {
    const { invariant } = violationOf(seed, rules) ?? {};
    if (invariant === undefined) continue;
    if (expected.includes(invariant)) return { shown: invariant, others };
    others.add(invariant);
  }
  return { shown: undefined, others };
}

function violationOf(seed: number, rules: Rules): Violation | undefined {
  try {
    simulate(seed, rules);
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    if (cause instanceof Violation) return cause;
    throw error;
  }
}
