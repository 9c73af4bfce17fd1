import assert from 'node:assert/strict';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { messageOf } from '../../engine/errors.ts';

/** The members of a record that the laws use. */
export interface Said {
  readonly id: string;
  readonly actor: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Checks the laws of a fan-out's thread, which hold under any fault. Uses only its records, and rules that are written
 * here independently, so that a fault of the fold cannot hide itself:
 *
 * - a child is never delivered twice at once: it is spawned only while it has no open delivery;
 * - a child that accepted is not spawned again, and so is accepted once;
 * - there is at most one join in a round, rounds follow one another, and each begins with a retry;
 * - a join names for each child the report that counted, with its verdict, and its census adds up.
 */
export function checkLaws(alias: string, records: readonly Said[], coordinator: string): void {
  const thread = new Thread(alias, coordinator);
  try {
    for (const record of records) thread.take(record);
  } catch (error) {
    const lines = records.map(({ actor, body }) => `${actor.slice(-4)} ${JSON.stringify(body)}`);
    throw new Error(`${messageOf(error)}\n${lines.join('\n')}`, { cause: error });
  }
}

/** Asserts that the facts in an answer to a client still hold. */
export function keptReportedResults(before: JoinStatus, after: JoinStatus): void {
  for (const child of before.children) {
    if (child.verdict !== 'accept') continue;
    const { verdict, worker, attempt, wall_time_secs: wall } = after.children[child.index]!;
    assert.deepEqual(
      [verdict, worker, attempt, wall],
      ['accept', child.worker, child.attempt, child.wall_time_secs],
    );
  }
  if (before.complete) assert.deepEqual([after.complete, after.outcome], [true, before.outcome]);
}

/** Returns the joins of a thread, oldest first. */
export function joinsOf<R extends Said>(records: readonly R[]): readonly R[] {
  return records.filter(({ body }) => body['topic'] === 'fanout_join_complete');
}

interface Child {
  /** `out`: delivered to a worker. `in`: with the coordinator, before, between and after deliveries. */
  state: 'in' | 'out';
  worker: string | null;
  delivery: number;
  verdict: string | null;
  report: string | null;
}

interface Subtask {
  readonly when?: string;
}

/** Returns false for a follow-up, which is outside the join. */
const isCounted = ({ when = 'accepted' }: Subtask): boolean => when === 'accepted';

interface Done {
  readonly index: number;
  readonly delivery: number;
  readonly verdict: string;
}

class Thread {
  readonly #alias: string;
  readonly #coordinator: string;
  readonly #children = new Map<number, Child>();
  #total = 0;
  #round = 0;
  #isJoined = false;

  constructor(alias: string, coordinator: string) {
    this.#alias = alias;
    this.#coordinator = coordinator;
  }

  take(record: Said): void {
    const { body, actor } = record;
    switch (body['topic']) {
      case 'fanout':
        this.#total = (body['subtasks'] as Subtask[]).filter(isCounted).length;
        this.#round = 1;
        return;
      case 'fanout_expanded': {
        this.#own(actor, 'fanout_expanded');
        const values = body['values'] as [string, string[]][];
        this.#total += values.reduce((count, [, each]) => count * each.length, 1) - 1;
        return;
      }
      case 'fanout_spawned':
        this.#own(actor, 'fanout_spawned');
        for (const [index, , delivery] of body['children'] as [number, number, number][])
          this.#spawned(index, delivery, body['worker'] as string);
        return;
      case 'fanout_returned':
        this.#own(actor, 'fanout_returned');
        for (const [index, delivery] of body['children'] as [number, number][])
          this.#returned(index, delivery);
        return;
      case 'fanout_child_done':
        return this.#done(record, body as unknown as Done);
      case 'fanout_retry_subtask':
        return this.#retried(body['index'] as number, body['round'] as number);
      case 'fanout_join_complete':
        return this.#joined(record);
    }
  }

  #spawned(index: number, delivery: number, worker: string): void {
    const child = this.#child(index);
    this.#law(child.state !== 'out', `subtask ${index} was given to ${worker} while another had it`);
    this.#law(child.verdict !== 'accept', `subtask ${index} was given out again after it had accepted`);
    this.#law(
      delivery === child.delivery + 1,
      `delivery ${delivery} of subtask ${index} follows ${child.delivery}`,
    );
    Object.assign(child, { state: 'out', worker, delivery });
  }

  #returned(index: number, delivery: number): void {
    const child = this.#child(index);
    if (child.state === 'out' && child.delivery === delivery) child.state = 'in';
  }

  /**
   * Checks a report. It counts if it comes from the worker with the child, is about the last delivery, and is the
   * first.
   */
  #done({ id, actor }: Said, { index, delivery, verdict }: Done): void {
    const child = this.#child(index);
    const isOut =
      child.state === 'out' &&
      delivery === child.delivery &&
      (actor === child.worker || actor === this.#coordinator);
    const isIn = child.state === 'in' && child.verdict !== 'accept' && delivery === -1;
    if (isOut || (isIn && actor === this.#coordinator))
      Object.assign(child, { state: 'in', verdict, report: id });
  }

  #retried(index: number, round: number): void {
    if (round > this.#round) {
      this.#law(this.#isJoined && round === this.#round + 1, `round ${round} follows ${this.#round}`);
      this.#round = round;
      this.#isJoined = false;
    }
    const child = this.#child(index);
    this.#law(
      child.state === 'in' && child.verdict !== null && child.verdict !== 'accept',
      `subtask ${index} was retried as ${child.verdict}`,
    );
    Object.assign(child, { verdict: null, report: null });
  }

  #joined({ actor, body }: Said): void {
    this.#own(actor, 'fanout_join_complete');
    const round = body['round'] as number;
    this.#law(round === this.#round, `round ${this.#round} was joined as ${round}`);
    this.#law(!this.#isJoined, `round ${round} was joined twice`);
    this.#isJoined = true;
    const counts = Object.values(body['counts'] as Record<string, number>);
    this.#law(
      counts.reduce((sum, n) => sum + n, 0) === this.#total,
      `the census adds up to ${this.#total}: ${counts.join(' + ')}`,
    );
    const named = body['children'] as { index: number; verdict: string | null; report: string | null }[];
    this.#law(named.length === this.#total, 'the join names every subtask');
    for (const { index, verdict, report } of named) {
      if (report === null) continue;
      const child = this.#child(index);
      this.#law(
        report === child.report && verdict === child.verdict,
        `the join counts ${verdict} for subtask ${index}, which its last report says ${child.verdict}`,
      );
    }
  }

  #child(index: number): Child {
    let child = this.#children.get(index);
    if (child === undefined) {
      child = { state: 'in', worker: null, delivery: -1, verdict: null, report: null };
      this.#children.set(index, child);
    }
    return child;
  }

  #own(actor: string, topic: string): void {
    this.#law(actor === this.#coordinator, `${topic} was said by ${actor}`);
  }

  #law(holds: boolean, words: string): void {
    assert.ok(holds, `${this.#alias}: ${words}`);
  }
}
