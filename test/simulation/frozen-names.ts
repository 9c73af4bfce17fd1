import { TOPIC, topicOf } from '../../engine/domain/model/record-bodies.ts';
import { RESERVED } from '../../engine/record/ids.ts';
import type { FleetRecord } from '../../engine/record/record.ts';

/** The frozen names, read naively from the records of the control thread. */
export class FrozenNames {
  readonly #names = new Set<string>();
  #all = false;

  apply(record: FleetRecord): void {
    if (record.thread !== RESERVED.fleetControl) return;
    const name = record.body['namespace'] as string;
    const topic = topicOf(record);
    if (topic === TOPIC.freeze) this.#names.add(name);
    if (topic === TOPIC.unfreeze) this.#names.delete(name);
    if (topic === TOPIC.emergencyStop) this.#all = true;
    if (topic === TOPIC.emergencyClear) this.#all = false;
  }

  has(namespace: string): boolean {
    if (this.#all || this.#names.has('default')) return true;
    const segments = namespace.split('/');
    return segments.some((_, i) => this.#names.has(segments.slice(0, i + 1).join('/')));
  }

  get isEmpty(): boolean {
    return !this.#all && this.#names.size === 0;
  }
}
