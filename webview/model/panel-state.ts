import { ViewClock } from '../components/clock.ts';
import { type Problem, type SerialRow, type SpeedupRow, type StreamState, type ToView } from '../protocol.ts';
import type { ViewStrings } from '../strings.ts';
import { FanOutModel } from './fan-out.ts';

export type ViewMessage = Exclude<ToView, { type: 'reply' }>;
type Change = ToView & { type: 'change' };

/** The state of the panel's updates: whether it is up to date, and the reason if it is not. */
export interface Stream {
  readonly state: StreamState;
  readonly note: string | null;
}

/** Everything that the host has sent to the panel. */
export class PanelState {
  readonly model = new FanOutModel();
  readonly clock = new ViewClock();
  strings: ViewStrings | null = null;
  task: (ToView & { type: 'task' }) | null = null;
  stream: Stream = { state: 'connecting', note: null };
  speedup: { readonly report: SpeedupRow | null; readonly problem: Problem | null } = {
    report: null,
    problem: null,
  };
  serial: SerialRow | null = null;
  #appliedSeq: number | null = null;

  apply(message: ViewMessage): void {
    switch (message.type) {
      case 'init':
        this.strings = message.strings;
        break;
      case 'task':
        this.task = message;
        break;
      case 'stream':
        this.#stream(message);
        break;
      case 'change':
        this.#change(message);
        break;
      case 'speedup':
        this.speedup = { report: message.report, problem: message.problem };
        break;
      case 'serial':
        this.serial = message.run;
        break;
    }
  }

  /** Returns the number of the last change applied since the last call; null if none was. */
  takeApplied(): number | null {
    const seq = this.#appliedSeq;
    this.#appliedSeq = null;
    return seq;
  }

  /** True while running attempts grow. */
  get isMoving(): boolean {
    return this.stream.state === 'live' && this.model.running > 0;
  }

  /** True while the wall time grows. */
  get isWallMoving(): boolean {
    return this.stream.state === 'live' && this.model.join?.complete === false;
  }

  /** The wall time from the opening to the join, or to now. */
  get wallSecs(): number | null {
    const { join } = this.model;
    if (join?.opened_unix == null) return null;
    const end = join.complete ? join.joined_unix : this.clock.now();
    return end === null ? null : Math.max(0, end - join.opened_unix);
  }

  /** The time at which the last attempt ended; null while one runs or may still start. */
  get endedUnix(): number | null {
    const { join } = this.model;
    if (join === null || !join.complete || join.under_way) return null;
    return this.model.span(this.clock.now())?.end ?? join.joined_unix;
  }

  #stream({ state, note }: Stream): void {
    this.stream = { state, note };
    if (state === 'live') this.clock.go();
    else this.clock.stop();
  }

  #change({ seq, nowUnix, reset, join, children }: Change): void {
    this.clock.sync(nowUnix);
    this.model.apply({ join, children, reset });
    this.#appliedSeq = seq;
  }
}
