import type { ToCoordinator, ToWorker } from '../../engine/domain/model/messages.ts';
import type { ResultFields } from '../../engine/domain/model/record-bodies.ts';
import type { FanOut, FleetState } from '../../engine/domain/model/state.ts';
import { Worker, type Delivery, type WorkerEffect } from '../../engine/domain/worker/worker.ts';
import { TestFleet, workerDid } from '../../engine/domain/testing/test-fleet.ts';
import type { Log } from '../../engine/log/log.ts';
import type { Did } from '../../engine/record/ids.ts';
import type { FleetRecord } from '../../engine/record/record.ts';

/** A worker of the fleet: its rules while its process lives, and its log, which outlives it. */
export interface Member {
  readonly number: number;
  readonly alias: string;
  readonly did: Did;
  readonly slots: number;
  readonly log: FleetRecord[];
  /** Undefined while its process is gone. */
  rules: Worker | undefined;
  isLinked: boolean;
  /** False while its process does not run, though it is there: it sends no heartbeat. */
  isAwake: boolean;
  /** The attempts that run, by the keys of their deliveries. */
  readonly attempts: Map<string, Delivery>;
}

/** The events of a fleet of rules, in the order in which they happen. */
export interface Listener {
  recorded(record: FleetRecord): void;
  recordedByWorker(member: Member, record: FleetRecord): void;
  sent(member: Member, message: ToWorker): void;
  started(member: Member, delivery: Delivery): void;
  ended(member: Member, delivery: Delivery, reason: string): void;
  exited(member: Member): void;
  processEnded(member: Member): void;
}

const BEAT_MS = 500;

/**
 * A fleet whose workers have their real rules, so that every message is a real one. Logs are durable at once, messages
 * arrive at once over links that stand, and the time is what a test says.
 */
export class RuleFleet extends TestFleet {
  readonly members = new Map<string, Member>();
  readonly #listener: Listener;
  /** Words on their way to the coordinator. */
  #words: { readonly from: Member; readonly message: ToCoordinator }[] = [];
  /** Ends of attempts that their workers are still to hear of. */
  #ends: { readonly of: Member; readonly key: string; readonly result: ResultFields }[] = [];
  /** Workers that have nothing left to do, and what they said is on its way. */
  #exits: Member[] = [];
  #told = 0;

  constructor(listener: Listener) {
    super();
    this.#listener = listener;
  }

  /** Admits a worker and starts it. */
  add(alias: string, slots: number): void {
    const number = this.members.size;
    const did = workerDid(number);
    const member: Member = {
      ...{ number, alias, did, slots, log: [], rules: undefined, isLinked: false, isAwake: true },
      attempts: new Map(),
    };
    this.members.set(alias, member);
    this.admit(number, alias);
    this.begin(alias);
  }

  // --- the coordinator ----------------------------------------------------------------------------------------

  /** One step of the coordinator, and everything that follows from it. */
  override do<T>(decide: (now: number) => T): T {
    const answer = super.do(decide);
    this.#settle();
    return answer;
  }

  /** Another coordinator takes up the log, or the state of a checkpoint; its workers find it. */
  override restart(state?: FleetState): void {
    for (const member of this.members.values()) this.cut(member.alias);
    super.restart(state);
    for (const { alias, rules } of this.members.values()) if (rules !== undefined) this.link(alias);
  }

  /** Lets time pass. @param moment is called after each moment at which something may have happened */
  override pass(ms: number, moment: (passedMs: number) => void = () => undefined): void {
    const begun = this.now;
    while (this.now < begun + ms) {
      super.pass(Math.min(BEAT_MS, begun + ms - this.now));
      for (const member of this.members.values()) {
        if (!member.isAwake || member.rules === undefined) continue;
        this.#act(member, () => undefined);
        if (member.isLinked) this.#beat(member);
      }
      moment(this.now - begun);
    }
  }

  // --- workers ------------------------------------------------------------------------------------------------

  /** Starts the process of a worker on its log. */
  begin(alias: string): void {
    const member = this.member(alias);
    member.isAwake = true;
    const { did: self, slots } = member;
    const rules = (member.rules = new Worker({ self, slots, hasSideEffects: name => name !== 'echo' }));
    for (const record of member.log) rules.replay(record);
    this.#act(member, () => rules.recover());
    this.#beat(member);
    this.link(alias);
  }

  /** Ends the process of a worker, with what it runs. */
  lose(alias: string, reason: string): void {
    const member = this.member(alias);
    this.cut(alias);
    member.rules = undefined;
    member.attempts.clear();
    this.do(now => this.core.gone(member.did, reason, now));
  }

  link(alias: string): void {
    const member = this.member(alias);
    member.isLinked = true;
    this.#act(member, rules => rules.connected());
  }

  cut(alias: string): void {
    const member = this.member(alias);
    if (!member.isLinked) return;
    member.isLinked = false;
    this.do(() => this.core.disconnected(member.did));
    this.#act(member, rules => rules.disconnected());
  }

  /** The end of an attempt, as its executor tells it. */
  finish(member: Member, key: string, result: ResultFields): void {
    this.#ends.push({ of: member, key, result });
    this.#settle();
  }

  graceOver(alias: string): void {
    this.#act(this.member(alias), rules => rules.graceOver());
  }

  stalled(member: Member, key: string, silentMs: number | null): void {
    this.#act(member, rules => rules.stalled(key, silentMs));
  }

  member(alias: string): Member {
    const member = this.members.get(alias);
    if (member === undefined) throw new Error(`there is no worker '${alias}'`);
    return member;
  }

  memberOf(did: Did): Member | undefined {
    return [...this.members.values()].find(member => member.did === did);
  }

  // --- what follows -------------------------------------------------------------------------------------------

  #act(member: Member, act: (rules: Worker) => void): void {
    const { rules } = member;
    if (rules === undefined) return;
    rules.advance(this.now);
    act(rules);
    for (let effects = rules.takeAtOnce(); effects.length > 0; effects = rules.takeAtOnce())
      for (const effect of effects) this.#do(member, effect);
    const { records, effects } = rules.take();
    for (const { record } of records) {
      member.log.push(record);
      this.#listener.recordedByWorker(member, record);
    }
    for (const effect of effects) this.#do(member, effect);
    this.#settle();
  }

  #do(member: Member, effect: WorkerEffect): void {
    switch (effect.type) {
      case 'start':
        member.attempts.set(effect.delivery.key, effect.delivery);
        return this.#listener.started(member, effect.delivery);
      // Only of subtasks with inputs, and those of the transcripts have none.
      case 'compare':
        return;
      case 'abort': {
        const delivery = member.attempts.get(effect.key);
        if (delivery === undefined) return;
        this.#listener.ended(member, delivery, effect.reason);
        const result = {
          verdict: 'cancelled',
          reason: effect.reason,
          cost_usd: 0,
          wall_time_secs: 0,
        } as const;
        this.#ends.push({ of: member, key: effect.key, result });
        return;
      }
      case 'send':
        if (member.isLinked) this.#words.push({ from: member, message: effect.message });
        return;
      case 'exit':
        this.#exits.push(member);
        return;
    }
  }

  /** Delivers messages and ends of attempts until none is left. */
  #settle(): void {
    while (this.#told < this.log.length) this.#listener.recorded(this.log[this.#told++]!.record);
    const sent = this.sent.splice(0);
    const ended = this.ended.splice(0);
    for (const did of ended) this.#listener.processEnded(this.memberOf(did)!);
    for (const { to, message } of sent) this.#hear(this.memberOf(to)!, message);
    const words = this.#words.splice(0);
    for (const { from, message } of words) this.#take(from, message);
    const ends = this.#ends.splice(0);
    for (const { of: member, key, result } of ends) {
      if (!member.attempts.delete(key)) continue;
      this.#act(member, rules => rules.finished(key, result));
    }
    if (sent.length + words.length + ends.length > 0) return this.#settle();
    const leaving = this.#exits.pop();
    if (leaving !== undefined) this.#leave(leaving);
  }

  #leave(member: Member): void {
    member.rules = undefined;
    this.#listener.exited(member);
    this.cut(member.alias);
    this.do(now => this.core.stopped(member.did, now));
  }

  #hear(member: Member, message: ToWorker): void {
    if (!member.isLinked) return;
    this.#listener.sent(member, message);
    this.#act(member, rules => rules.receive(message));
  }

  #take(member: Member, message: ToCoordinator): void {
    const { did } = member;
    this.do(now => {
      const { core } = this;
      switch (message.type) {
        case 'hello':
          return core.hello(did, message.held, message.at, now);
        case 'report': {
          const known = new Set(this.log.map(({ record }) => record.id));
          const records = message.records.filter(({ record }) => !known.has(record.id));
          if (records.length > 0) core.reports(did, { records }, now);
          return core.acknowledge(did, message.first + message.records.length);
        }
        case 'started':
          return core.started(did, message.deliveries, now);
        case 'stalled':
          return core.stalled(did, message.deliveries, message.silentMs, now);
        case 'returned':
          return core.returned(did, message, now);
        case 'ask':
          return core.asked(did, message.at, now);
        case 'heartbeat':
          return core.heartbeat(did, message.record, undefined, message.at, now);
      }
    });
  }

  #beat({ number, alias, slots }: Member): void {
    this.beat(number, { alias, slots });
  }

  // --- questions ----------------------------------------------------------------------------------------------

  /** The positions of the records in the coordinator's log. */
  readonly places: Pick<Log, 'find' | 'findByKey'> = {
    find: id => this.#placeOf(record => record.id === id),
    findByKey: (actor, thread, clock) =>
      this.#placeOf(each => each.actor === actor && each.thread === thread && each.clock === clock),
  };

  #placeOf(isIt: (record: FleetRecord) => boolean): number | undefined {
    const place = this.log.findIndex(({ record }) => isIt(record));
    return place < 0 ? undefined : place;
  }

  /** The attempt that runs for a subtask, on whichever worker. */
  attemptOf({ task }: FanOut, index: number): { readonly member: Member; readonly key: string } {
    for (const member of this.members.values())
      for (const { key, ref } of member.attempts.values())
        if (ref.thread === task.thread && ref.index === index) return { member, key };
    throw new Error(`nothing runs for subtask ${index} of ${task.alias}`);
  }
}
