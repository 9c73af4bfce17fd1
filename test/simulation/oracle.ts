import type { Counts, Verdict } from '../../engine/contract/documents.ts';
import {
  TOPIC,
  topicOf,
  type CancelBody,
  type ChildDoneBody,
  type ExpandedBody,
  type FanOutBody,
  type JoinBody,
  type RetryBody,
  type ReturnedBody,
  type SpawnedBody,
  type TaskBody,
} from '../../engine/domain/model/record-bodies.ts';
import type { DeliveryRef } from '../../engine/domain/model/messages.ts';
import { taskActionOf } from '../../engine/domain/model/task-status.ts';
import type { CompleteSubtask } from '../../engine/subtask/subtask.ts';
import { readSubtasks } from '../../engine/subtask/encoding.ts';
import type { Did, RecordId, ThreadId } from '../../engine/record/ids.ts';
import type { FleetRecord } from '../../engine/record/record.ts';
import { FrozenNames } from './frozen-names.ts';
import { must } from './invariants.ts';
import { NamespaceBook } from './namespace-book.ts';
import { holds, neededBy, type Seen } from './predicates.ts';

export interface OracleChild {
  state: 'pending' | 'assigned' | 'done';
  worker: Did | null;
  attempt: number;
  deliveries: number;
  verdict: Verdict | null;
  report: RecordId | null;
  cause: number | null;
  /** The attempts that ended since the last retry of the child. */
  ended: number;
  cancelRequested: boolean;
}

export interface OracleFanOut {
  readonly thread: ThreadId;
  subtasks: readonly CompleteSubtask[];
  readonly join: string;
  readonly losers: string;
  readonly timeoutMs: number | null;
  readonly serial: boolean;
  readonly namespace: string;
  readonly limits: Amounts;
  /** The amounts that all ended attempts used. */
  readonly booked: Amounts;
  readonly children: OracleChild[];
  round: number;
  roundStartedAt: number;
  joined: boolean;
  /** The subtasks that this round's retries run again. */
  readonly retried: Set<number>;
  /** The step of the latest join or cancel. */
  endedAtStep: number;
  cancelled: boolean;
}

/** The end of a time without quota, in ms; the number of such times in a row; and the delivery that was sent ahead. */
interface Quota {
  until: number;
  /** True if the tool named no time. */
  isGuess: boolean;
  failures: number;
  ahead: string | null;
}

/** Dollars, tokens, seconds. Infinity means no limit. */
type Amounts = [usd: number, tokens: number, secs: number];

/** Far more than the attempts, retries, lost workers and recalls of one simulation. */
const MOST_DELIVERIES = 40;

const COUNTER = {
  accept: 'accepted',
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timed_out',
  cancelled: 'cancelled',
} as const;

/**
 * A second, naive reading of a coordinator's log: slow, without indices or incremental counts, and written from the
 * contract and not from the rules. It checks each record as it is appended.
 */
export class Oracle {
  /** Called for every counting delivery, and for each that the coordinator itself ends as overdue. */
  onSpawned: (worker: Did) => void = () => {};
  onTimedOut: (worker: Did, ref: DeliveryRef) => void = () => {};
  readonly fanOuts = new Map<ThreadId, OracleFanOut>();
  readonly frozen = new FrozenNames();
  readonly namespaces = new NamespaceBook();
  readonly #reports = new Map<RecordId, ChildDoneBody>();
  /** The executors that are out of quota. */
  readonly #quotas = new Map<string, Quota>();
  readonly #keys = new Map<string, string>();
  readonly #self: Did;
  /** The coordinator's step that decided the present record. */
  step = 0;
  /** True while a log is read again. Its times are those of the writing, not of the decisions. */
  isRereading = false;

  constructor(self: Did) {
    this.#self = self;
  }

  /** @param now the time of the decision, by the coordinator's clock */
  apply(record: FleetRecord, now: number): void {
    const topic = topicOf(record);
    if (topic === TOPIC.task) return this.#noteKey(record, `task ${record.thread}`);
    if (topic === TOPIC.fanOut) return this.#open(record, now);
    if (taskActionOf(topic) !== undefined) this.#noteKey(record, `${topic} on ${record.thread}`);
    this.frozen.apply(record);
    this.namespaces.apply(record);
    const fanOut = this.fanOuts.get(record.thread);
    if (fanOut === undefined) return;
    const own = record.actor === this.#self;
    switch (topic) {
      case TOPIC.spawned:
        return this.#spawned(fanOut, record.body as unknown as SpawnedBody, now);
      case TOPIC.returned:
        return this.#returned(fanOut, record.body as unknown as ReturnedBody);
      case TOPIC.childDone:
        return this.#childDone(fanOut, record, own, now);
      case TOPIC.expanded:
        return this.#expanded(fanOut, record.body as unknown as ExpandedBody);
      case TOPIC.join:
        return this.#join(fanOut, record.body as unknown as JoinBody, now);
      case TOPIC.retry:
        this.#noteKey(record, `retry on ${record.thread}`);
        return this.#retry(fanOut, record.body as unknown as RetryBody, now);
      case TOPIC.cancel:
        this.#noteKey(record, `cancel of ${record.thread}`);
        return this.#cancel(fanOut, record.body as unknown as CancelBody);
      default:
        return;
    }
  }

  /** Requires that the rules left no decision open that was due by the end of a step. */
  requireNothingLeft(fanOut: OracleFanOut): void {
    const { thread } = fanOut;
    const counts = countsOf(fanOut);
    must(
      fanOut.joined || !this.#isCertain(fanOut, counts),
      'I10',
      () => `${thread} is certain and has not joined`,
    );
    fanOut.children.forEach((child, index) => {
      if (child.state !== 'pending') return;
      must(
        !this.mustEnd(fanOut, child),
        'I11',
        () => `subtask ${index} of ${thread} is to end, and is pending`,
      );
      must(!this.#cannotRun(fanOut, index), 'I22', () => `subtask ${index} of ${thread}`);
      must(!this.#isLate(fanOut, index), 'I49', () => `subtask ${index} of ${thread} waits`);
      must(this.#mayFit(fanOut, index), 'I30', () => `subtask ${index} of ${thread} waits for ever`);
    });
  }

  /** Returns true if this child was asked to end, or its join ends it. */
  mustEnd(fanOut: OracleFanOut, child: OracleChild): boolean {
    if (child.cancelRequested) return true;
    if (!fanOut.joined || fanOut.losers === 'keep') return false;
    return fanOut.losers === 'cancel' || child.state === 'pending';
  }

  /** Returns true if this child may still be delivered to a worker. */
  mayStart(fanOut: OracleFanOut, child: OracleChild): boolean {
    return !child.cancelRequested && !(fanOut.joined && fanOut.losers !== 'keep');
  }

  #cannotRun(fanOut: OracleFanOut, index: number): boolean {
    return fanOut.subtasks[index]!.depends_on.some(each => {
      const { state, verdict } = fanOut.children[each]!;
      return state === 'done' && verdict !== 'accept';
    });
  }

  #mayFit({ limits, booked, subtasks }: OracleFanOut, index: number): boolean {
    return sharesOf(subtasks[index]!).every((share, i) => booked[i]! + share <= limits[i]! + ROUNDING);
  }

  #noteKey(record: FleetRecord, what: string): void {
    const { idempotency_key: key } = record.body as unknown as TaskBody;
    if (key === undefined) return;
    const known = this.#keys.get(key);
    must(known === undefined, 'I19', () => `key ${key} made ${known} and ${what}`);
    this.#keys.set(key, what);
  }

  #open(record: FleetRecord, now: number): void {
    const body = record.body as unknown as FanOutBody;
    must(!this.fanOuts.has(record.thread), 'I19', () => `${record.thread} has two fan-outs`);
    this.#noteKey(record, `fan-out ${record.thread}`);
    const subtasks = readSubtasks(body);
    this.fanOuts.set(record.thread, {
      thread: record.thread,
      subtasks,
      join: body.join,
      losers: body.losers,
      timeoutMs: body.timeout_secs == null ? null : body.timeout_secs * 1000,
      serial: body.serial_of != null,
      namespace: body.namespace ?? 'default',
      limits: [body.budget_usd ?? Infinity, body.budget_tokens ?? Infinity, body.budget_secs ?? Infinity],
      booked: [0, 0, 0],
      children: subtasks.map(newChild),
      round: 1,
      roundStartedAt: now,
      joined: false,
      retried: new Set(),
      endedAtStep: -1,
      cancelled: false,
    });
  }

  #expanded(fanOut: OracleFanOut, { index, values }: ExpandedBody): void {
    const { subtasks, children, retried } = fanOut;
    const template = subtasks[index]!;
    const where = (): string => `subtask ${index} of ${fanOut.thread}`;
    must(template.matrix !== null && children[index]!.state === 'pending', 'I49', where);
    const expected = Object.entries(template.matrix).map(([key, text]) => [
      key,
      this.#valuesOf(fanOut, text),
    ]);
    must(show(values) === show(expected), 'I49', () => `${where()}: ${show(values)}, not ${show(expected)}`);
    const count = values.reduce((product, [, each]) => product * each.length, 1);
    const added = Array.from({ length: count - 1 }, (_, i) => subtasks.length + i);
    const made = { ...template, matrix: null };
    const before = subtasks.map(each =>
      each.depends_on.includes(index) ? { ...each, depends_on: [...each.depends_on, ...added] } : each,
    );
    fanOut.subtasks = [...before.with(index, made), ...added.map(() => made)];
    for (const each of added) {
      children.push(newChild());
      if (retried.has(index)) retried.add(each);
    }
  }

  /** Returns the values of a matrix's key by the report of the subtask that it names; null before there is one. */
  #valuesOf({ subtasks, children }: OracleFanOut, text: string): readonly string[] | null {
    const [, name, key] = /subtasks\.(.+)\.results\.(\w+)/.exec(text)!;
    const child = children[subtasks.findIndex(each => each.name === name)]!;
    if (child.verdict !== 'accept') return null;
    const values = this.#reports.get(child.report!)!.results?.[key!];
    return Array.isArray(values) && values.length > 0 ? values.map(String) : null;
  }

  /** Returns true for a subtask whose matrix has all results and was not replaced. */
  #isLate(fanOut: OracleFanOut, index: number): boolean {
    const { matrix } = fanOut.subtasks[index]!;
    return matrix !== null && Object.values(matrix).every(text => this.#valuesOf(fanOut, text) !== null);
  }

  #spawned(fanOut: OracleFanOut, body: SpawnedBody, now: number): void {
    this.onSpawned(body.worker);
    const isFrozen = this.frozen.has(fanOut.namespace);
    must(!isFrozen, 'I27', () => `${fanOut.thread} in ${fanOut.namespace} is given out`);
    const isClosed = this.namespaces.isClosed(fanOut.namespace);
    must(!isClosed, 'I47', () => `${fanOut.thread} in ${fanOut.namespace} is given out`);
    for (const [index, attempt, delivery] of body.children) {
      const child = fanOut.children[index]!;
      const where = (): string =>
        `subtask ${index} of ${fanOut.thread}, delivery ${delivery} to ${body.worker}`;
      must(!(child.state === 'done' && child.verdict === 'accept'), 'I5', where);
      must(
        child.ended < this.#mostAttempts(fanOut, index),
        'I12',
        () => `${where()}: ${child.ended} have ended`,
      );
      must(fanOut.subtasks[index]!.matrix === null, 'I49', where);
      must(child.state === 'pending', 'I7', () => `${where()}: it is ${child.state}`);
      must(delivery === child.deliveries, 'I7', () => `${where()}: ${child.deliveries} is next`);
      for (const each of fanOut.subtasks[index]!.depends_on)
        must(fanOut.children[each]!.verdict === 'accept', 'I6', () => `${where()}: ${each} has not accepted`);
      must(this.mayStart(fanOut, child), 'I11', where);
      must(delivery < MOST_DELIVERIES, 'I26', where);
      const out = fanOut.children.filter(({ state }) => state === 'assigned').length;
      must(!fanOut.serial || out === 0, 'I13', where);
      child.state = 'assigned';
      child.worker = body.worker;
      child.attempt = attempt;
      child.deliveries++;
      this.#requireAfforded(fanOut, where);
      this.#requireTurn(fanOut.namespace, where);
      this.#requireQuota(fanOut, index, delivery, where, now);
    }
  }

  /** Requires that the booked amounts and the reserved shares, including the latest, stay within the limits. */
  #requireAfforded(fanOut: OracleFanOut, where: () => string): void {
    if (fanOut.limits.every(limit => limit === Infinity)) return;
    fanOut.limits.forEach((limit, i) => {
      const out = fanOut.children.map((child, index) =>
        child.state === 'assigned' ? sharesOf(fanOut.subtasks[index]!)[i]! : 0,
      );
      const taken = out.reduce((sum, share) => sum + share, fanOut.booked[i]!);
      must(taken <= limit + ROUNDING, 'I30', () => `${where()}: ${taken} of ${limit}`);
    });
  }

  /** Requires that no namespace in the chain has more deliveries than its limit, including the last one. */
  #requireTurn(namespace: string, where: () => string): void {
    for (const { id, most } of this.namespaces.bounds(namespace)) {
      let out = 0;
      for (const each of this.fanOuts.values())
        if (`${each.namespace}/`.startsWith(`${id}/`))
          out += each.children.filter(({ state }) => state === 'assigned').length;
      must(out <= most, 'I48', () => `${where()}: ${out} are out in ${id}, which lets ${most}`);
    }
  }

  #requireQuota(
    fanOut: OracleFanOut,
    index: number,
    delivery: number,
    where: () => string,
    now: number,
  ): void {
    const quota = this.#quotas.get(fanOut.subtasks[index]!.executor);
    if (quota === undefined) return;
    must(quota.ahead === null, 'I44', () => `${where()}: ${quota.ahead} went ahead`);
    must(
      this.isRereading || quota.until <= now + COMMIT_MS,
      'I44',
      () => `${where()}: ${quota.until - now}ms too early`,
    );
    quota.ahead = `${fanOut.thread}/${index}/${delivery}`;
  }

  /** Records the end or return of a delivery. `body` is the worker's report of its end. */
  #noteQuota(
    fanOut: OracleFanOut,
    index: number,
    delivery: number,
    body: ChildDoneBody | null,
    now: number,
  ): void {
    const { executor } = fanOut.subtasks[index]!;
    const quota = this.#quotas.get(executor);
    const isAhead = quota?.ahead === `${fanOut.thread}/${index}/${delivery}`;
    if (body !== null && isOutOfQuota(body)) {
      const told = (body.quota!.resets_at_unix ?? 0) * 1000;
      const reset = told > now ? told : 0;
      const failures = (quota?.failures ?? 0) + 1;
      if (quota !== undefined && !isAhead) {
        if (reset > 0) quota.until = quota.isGuess ? reset : Math.max(quota.until, reset);
        quota.isGuess &&= reset === 0;
      } else {
        const until = reset || now + Math.min(900_000, 30_000 * 2 ** (failures - 1));
        this.#quotas.set(executor, { until, isGuess: reset === 0, failures, ahead: null });
      }
    } else if (isAhead) {
      if (body === null || body.verdict === 'cancelled' || body.lost === true) quota.ahead = null;
      else this.#quotas.delete(executor);
    }
  }

  /** Books the amounts of an ended attempt. They are unknown unless its worker saw it end. */
  #book(fanOut: OracleFanOut, index: number, body: Partial<ChildDoneBody>, isSeen: boolean): void {
    const told = [body.cost_usd ?? 0, body.tokens ?? 0, body.wall_time_secs ?? 0];
    const shares = sharesOf(fanOut.subtasks[index]!);
    told.forEach((amount, i) => (fanOut.booked[i]! += isSeen ? amount : Math.max(amount, shares[i]!)));
  }

  #returned(fanOut: OracleFanOut, body: ReturnedBody): void {
    for (const [index, delivery] of body.children) {
      const child = fanOut.children[index]!;
      if (!isPresent(child, body.worker, delivery)) continue;
      child.state = 'pending';
      this.#noteQuota(fanOut, index, delivery, null, 0);
      if (body.begun === true) this.#book(fanOut, index, {}, false);
    }
  }

  #childDone(fanOut: OracleFanOut, record: FleetRecord, own: boolean, now: number): void {
    const body = record.body as unknown as ChildDoneBody;
    const child = fanOut.children[body.index]!;
    const counted = own
      ? child.state === 'assigned'
        ? body.delivery === child.deliveries - 1
        : child.state === 'pending' && body.delivery === -1
      : isPresent(child, record.actor, body.delivery);
    must(counted || !own, 'I3', () => `the coordinator ended subtask ${body.index}, which is ${child.state}`);
    if (!counted) return;
    if (own && body.verdict === 'timeout')
      this.onTimedOut(child.worker!, { thread: fanOut.thread, index: body.index, delivery: body.delivery });
    this.#reports.set(record.id, body);
    if (child.state === 'assigned') {
      if (own || !isOutOfQuota(body)) child.ended++;
      this.#noteQuota(fanOut, body.index, body.delivery, own ? null : body, now);
      this.#book(fanOut, body.index, body, !own && body.lost !== true);
    }
    const again = child.state === 'assigned' && this.#runsAgain(fanOut, child, body, own);
    child.state = again ? 'pending' : 'done';
    child.verdict = again ? null : (body.verdict as Verdict);
    child.report = again ? null : record.id;
    child.cause = body.cause ?? null;
  }

  #runsAgain(fanOut: OracleFanOut, child: OracleChild, body: ChildDoneBody, own: boolean): boolean {
    const { verdict, lost = false, index } = body;
    if (verdict !== 'failed' && verdict !== 'timeout') return false;
    if (child.cancelRequested || (fanOut.joined && fanOut.losers !== 'keep')) return false;
    if (!own && isOutOfQuota(body)) return true;
    const { attempts } = fanOut.subtasks[index]!;
    return child.ended < (attempts ?? (lost ? 2 : 1));
  }

  #mostAttempts(fanOut: OracleFanOut, index: number): number {
    return fanOut.subtasks[index]!.attempts ?? 2;
  }

  #join(fanOut: OracleFanOut, body: JoinBody, now: number): void {
    const { thread, children } = fanOut;
    must(!fanOut.joined, 'I2', () => `round ${fanOut.round} of ${thread} joined twice`);
    must(body.round === fanOut.round, 'I2', () => `${thread} is in round ${fanOut.round}, not ${body.round}`);
    const counts = countsOf(fanOut);
    must(
      same(body.counts, counts),
      'I10',
      () => `census ${show(body.counts)}, and there are ${show(counts)}`,
    );
    must(body.children.length === children.length, 'I10', () => `${body.children.length} members`);
    body.children.forEach(({ index, verdict, report }, i) => {
      const child = children[i]!;
      const done = child.state === 'done';
      must(
        index === i && verdict === (done ? child.verdict : null) && report === (done ? child.report : null),
        'I10',
        () => `member ${i} is named as ${verdict} by ${report}, and is ${child.verdict} by ${child.report}`,
      );
      const named = report === null ? undefined : this.#reports.get(report);
      must(
        report === null || (named?.verdict === verdict && named?.index === index),
        'I10',
        () => `member ${i}: its report says ${named?.verdict}`,
      );
    });
    this.#requireOutcome(fanOut, body, counts, now);
    fanOut.joined = true;
    fanOut.endedAtStep = this.step;
  }

  #requireOutcome(fanOut: OracleFanOut, body: JoinBody, counts: Counts, now: number): void {
    if (this.#isForetold(fanOut, body, counts)) return;
    const expected = this.#outcome(fanOut, counts) ?? 'timed_out';
    const what = (): string => `${fanOut.thread} is ${body.outcome} (${body.reason}), expected ${expected}`;
    must(body.outcome === expected, 'I10', what);
    if (expected !== 'timed_out' || this.isRereading) return;
    const { timeoutMs, roundStartedAt } = fanOut;
    must(timeoutMs !== null && now - roundStartedAt >= timeoutMs - 1, 'I10', () => `${what()}: too early`);
  }

  /**
   * Returns true for a CEL join that was decided before its last child ended. It must come true however the rest ends.
   */
  #isForetold(fanOut: OracleFanOut, { outcome }: JoinBody, counts: Counts): boolean {
    const isEarly = counts.running + counts.pending > 0 && !fanOut.serial && !fanOut.cancelled;
    const isDecision = outcome === 'satisfied' || outcome === 'unsatisfiable';
    if (!isEarly || !isDecision || unknownOf(fanOut) > 0) return false;
    if (neededBy(fanOut.join, fanOut.children.length) !== undefined) return false;
    for (const rest of REST) {
      const ends = fanOut.children.map(({ state, report }) =>
        state === 'done' ? this.#seenIn(report!) : rest,
      );
      const comesTrue = holds(fanOut.join, countsOfEnds(ends), ends) === (outcome === 'satisfied');
      must(
        comesTrue,
        'I10',
        () => `${fanOut.thread} is ${outcome}, and is not where the rest is ${show(rest)}`,
      );
    }
    return true;
  }

  #isCertain(fanOut: OracleFanOut, counts: Counts): boolean {
    return this.#outcome(fanOut, counts) !== undefined;
  }

  /** Returns the certain outcome; undefined while only time can end the round. */
  #outcome(fanOut: OracleFanOut, counts: Counts): JoinBody['outcome'] | undefined {
    if (fanOut.cancelled) return 'cancelled';
    const total = fanOut.children.length;
    const needed = neededBy(fanOut.join, fanOut.join === 'all' ? total + unknownOf(fanOut) : total);
    const open = counts.running + counts.pending + unknownOf(fanOut);
    if (needed !== undefined && counts.accepted >= needed) return 'satisfied';
    const isAwaited = [...fanOut.retried].some(index => fanOut.children[index]!.state !== 'done');
    if (isAwaited && counts.accepted + open < (needed ?? 0)) return undefined;
    if (needed !== undefined && counts.accepted + open < needed) return 'unsatisfiable';
    if (open > 0) return undefined;
    return holds(fanOut.join, counts, this.#seen(fanOut)) ? 'satisfied' : 'unsatisfiable';
  }

  #seen(fanOut: OracleFanOut): Seen[] {
    return fanOut.children.map(({ report }) => this.#seenIn(report!));
  }

  #seenIn(report: RecordId): Seen {
    const body = this.#reports.get(report)!;
    return {
      verdict: body.verdict as Verdict,
      cost: body.cost_usd,
      wallSecs: body.wall_time_secs,
      exitCode: body.exit_code ?? null,
      attempt: body.attempt,
    };
  }

  #retry(fanOut: OracleFanOut, body: RetryBody, now: number): void {
    const { children, subtasks } = fanOut;
    const again = new Set(
      [body.index, ...(body.also ?? [])].filter(index => {
        const { state, verdict } = children[index]!;
        return state === 'done' && verdict !== 'accept';
      }),
    );
    for (let before = -1; before !== again.size;) {
      before = again.size;
      children.forEach((child, index) => {
        const dependencies = subtasks[index]!.depends_on;
        const free = dependencies.every(
          each => again.has(each) || children[each]!.state !== 'done' || children[each]!.verdict === 'accept',
        );
        const isCaused = child.cause !== null && dependencies.some(each => again.has(each));
        const isLoser = body.losers?.includes(index) === true;
        if (child.state === 'done' && child.verdict !== 'accept' && free && (isCaused || isLoser))
          again.add(index);
      });
    }
    for (const index of again) {
      const child = children[index]!;
      must(child.verdict !== 'accept', 'I5', () => `subtask ${index} of ${fanOut.thread} is retried`);
      Object.assign(child, { state: 'pending', verdict: null, report: null, cause: null, ended: 0 });
      child.cancelRequested = false;
    }
    if (body.round > fanOut.round) {
      fanOut.retried.clear();
      must(fanOut.joined, 'I2', () => `round ${body.round} of ${fanOut.thread} begins before the join`);
      fanOut.round = body.round;
      fanOut.roundStartedAt = now;
      fanOut.joined = false;
    }
    for (const index of again) fanOut.retried.add(index);
    fanOut.cancelled = false;
  }

  #cancel(fanOut: OracleFanOut, body: CancelBody): void {
    const asked = body.subtask == null ? fanOut.children : [fanOut.children[body.subtask]!];
    for (const child of asked) if (child.state !== 'done') child.cancelRequested = true;
    if (body.subtask == null && !fanOut.joined) fanOut.cancelled = true;
    fanOut.endedAtStep = this.step;
  }
}

const newChild = (): OracleChild => ({
  state: 'pending',
  worker: null,
  attempt: 0,
  deliveries: 0,
  verdict: null,
  report: null,
  cause: null,
  ended: 0,
  cancelRequested: false,
});

/** Returns the most children that pending matrices may still add. */
const unknownOf = ({ subtasks, children }: OracleFanOut): number =>
  9_999 *
  children.filter(({ state }, index) => state === 'pending' && subtasks[index]!.matrix !== null).length;

/** The possible ends of open children. */
const REST: readonly Seen[] = (['accept', 'reject', 'failed', 'timeout', 'cancelled'] as const).flatMap(
  verdict =>
    [0, 1].flatMap(exitCode =>
      [1, 2].map(attempt => ({ verdict, cost: attempt - 1, wallSecs: attempt, exitCode, attempt })),
    ),
);

/** The greatest difference between the time of a decision and of its record in the log, in ms. */
const COMMIT_MS = 1_000;

/** The greatest error of sums of amounts that are counted in millionths. */
const ROUNDING = 0.001;

const isOutOfQuota = ({ quota, verdict }: ChildDoneBody): boolean =>
  quota !== undefined && verdict === 'failed';

function sharesOf(subtask: CompleteSubtask): Amounts {
  return [subtask.budget_usd ?? 0, subtask.budget_tokens ?? 0, subtask.budget_secs ?? 0];
}

function countsOfEnds(ends: readonly Seen[]): Counts {
  const counts = { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 };
  for (const { verdict } of ends) counts[COUNTER[verdict]]++;
  return counts;
}

export function countsOf(fanOut: OracleFanOut): Counts {
  const counts = { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 };
  for (const { state, verdict } of fanOut.children) {
    if (state === 'done') counts[COUNTER[verdict!]]++;
    else counts[state === 'assigned' ? 'running' : 'pending']++;
  }
  return counts;
}

function isPresent(child: OracleChild, worker: Did, delivery: number): boolean {
  return child.state === 'assigned' && child.worker === worker && child.deliveries - 1 === delivery;
}

export function same(a: Counts, b: Counts): boolean {
  return (
    a.accepted === b.accepted &&
    a.rejected === b.rejected &&
    a.failed === b.failed &&
    a.timed_out === b.timed_out &&
    a.cancelled === b.cancelled &&
    a.running === b.running &&
    a.pending === b.pending
  );
}

const show = (value: unknown): string => JSON.stringify(value);
