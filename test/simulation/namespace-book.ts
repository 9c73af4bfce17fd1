import { topicOf, TOPIC, type NamespaceStatusBody } from '../../engine/domain/model/record-bodies.ts';
import type { FleetRecord } from '../../engine/record/record.ts';

/** The last statement about each namespace, read naively from the records of their registry. */
export class NamespaceBook {
  readonly #said = new Map<string, NamespaceStatusBody>();

  apply(record: FleetRecord): void {
    if (topicOf(record) !== TOPIC.namespaceStatus) return;
    const body = record.body as unknown as NamespaceStatusBody;
    this.#said.set(body.id, body);
  }

  /** Returns true if the namespace, or one above it, is archived. */
  isClosed(namespace: string): boolean {
    return this.#above(namespace).some(({ status }) => status !== 'active');
  }

  /** Returns the limits of parallel subtasks of the namespace and all above it. */
  bounds(namespace: string): { readonly id: string; readonly most: number }[] {
    return this.#above(namespace).flatMap(({ id, policy }) => {
      const most = policy?.limits?.max_parallel;
      return most === undefined ? [] : [{ id, most }];
    });
  }

  #above(namespace: string): NamespaceStatusBody[] {
    return [...this.#said.values()].filter(({ id }) => `${namespace}/`.startsWith(`${id}/`));
  }
}
