import type { ChildDocument } from '../../engine/contract/documents.ts';
import { childRow, joinRow, MAX_ROWS, type JoinRow, type ToView } from '../../webview/protocol.ts';
import { reasonText } from '../views/words.ts';
import type { FanOutChange } from '../../engine/client/fan-out.ts';

type Change = ToView & { type: 'change' };

/** The most changes sent to a view and not yet applied. With two, the next one is there while the view draws. */
const MAX_UNDER_WAY = 2;

/**
 * Sends changes to a view no faster than the view applies them. Keeps only the latest waiting change of each subtask,
 * so that a slow view is never more than one fan-out behind.
 */
export class ChangeFlow {
  readonly #post: (change: Change) => void;
  readonly #nowUnix: () => number;
  readonly #waiting = new Map<number, ChildDocument>();
  #join: JoinRow | null = null;
  /** True while the join, a reset or a waiting subtask has not been sent. */
  #unsent = false;
  #reset = false;
  #sent = 0;
  #applied = 0;

  /** @param nowUnix returns the time in seconds */
  constructor(post: (change: Change) => void, nowUnix: () => number) {
    this.#post = post;
    this.#nowUnix = nowUnix;
  }

  offer({ status, changed, reset }: FanOutChange): void {
    if (reset) {
      this.#waiting.clear();
      this.#reset = true;
    }
    this.#join = joinRow(status);
    this.#unsent = true;
    for (const child of changed) this.#waiting.set(child.index, child);
    this.#send();
  }

  /** Called when the view has applied the changes up to this one. */
  applied(seq: number): void {
    this.#applied = Math.min(this.#sent, Math.max(this.#applied, seq));
    this.#send();
  }

  #send(): void {
    while (this.#join !== null && this.#unsent && this.#sent - this.#applied < MAX_UNDER_WAY) {
      const rows = [...this.#waiting.values()].slice(0, MAX_ROWS);
      for (const { index } of rows) this.#waiting.delete(index);
      const reset = this.#reset;
      this.#reset = false;
      this.#unsent = this.#waiting.size > 0;
      this.#sent += 1;
      this.#post({
        type: 'change',
        seq: this.#sent,
        nowUnix: this.#nowUnix(),
        reset,
        join: this.#join,
        children: rows.map(child => childRow(inWords(child))),
      });
    }
  }
}

/** Returns the subtask with reasons for people. */
function inWords(child: ChildDocument): ChildDocument {
  const reasonOf = (reason: string | null): string | null => reason && reasonText(reason);
  return {
    ...child,
    reason: reasonOf(child.reason),
    earlier_attempts: child.earlier_attempts.map(each => ({ ...each, reason: reasonOf(each.reason) })),
  };
}
