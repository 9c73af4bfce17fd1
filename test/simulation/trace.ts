import { topicOf } from '../../engine/domain/model/record-bodies.ts';
import type { ToCoordinator, ToWorker } from '../../engine/domain/model/messages.ts';
import type { FleetRecord } from '../../engine/record/record.ts';

type Detail = FleetRecord | ToWorker | ToCoordinator | string | number | undefined;

/** The number of events that a failure's report shows. */
const KEPT = 60;

/** The last events of a simulation. They are formatted only on request. */
export class Trace {
  readonly #events: (readonly [time: number, who: string, what: string, detail: Detail])[] = [];
  readonly #kept: number;
  #count = 0;

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  add(time: number, who: string, what: string, detail?: Detail): void {
    this.#events[this.#count++ % this.#kept] = [time, who, what, detail];
  }

  get count(): number {
    return this.#count;
  }

  toString(): string {
    const from = this.#count % this.#kept;
    const events =
      this.#count < this.#kept ? this.#events : [...this.#events.slice(from), ...this.#events.slice(0, from)];
    return events
      .map(
        ([time, who, what, detail]) =>
          `${time.toFixed(3).padStart(12)}ms ${who.padEnd(12)} ${what} ${show(detail)}`,
      )
      .join('\n');
  }
}

function show(detail: Detail): string {
  if (detail === undefined) return '';
  if (typeof detail !== 'object') return String(detail);
  return 'act' in detail ? showRecord(detail) : showMessage(detail);
}

function showRecord(record: FleetRecord): string {
  const { topic: _, subtasks, ...body } = record.body;
  const many = Array.isArray(subtasks) ? ` of ${subtasks.length} subtasks` : '';
  return `${topicOf(record)}${many} on ${record.thread.slice(0, 9)} #${record.clock} ${record.id.slice(0, 6)} ${shorten(JSON.stringify(body))}`;
}

function showMessage(message: ToWorker | ToCoordinator): string {
  if ('records' in message) {
    const ids = message.records.map(({ record }) => record.id.slice(0, 6)).join(' ');
    return `${message.type}${'first' in message ? ` from ${message.first}` : ''}: ${shorten(ids)}`;
  }
  return shorten(JSON.stringify(message).replace(/"thread":"(th_.{6})[^"]*"/g, '$1'));
}

const shorten = (text: string): string => (text.length > 260 ? `${text.slice(0, 259)}…` : text);
