/** The part of a fan-out that determines its turns. */
interface Turned {
  readonly namespace: string;
  /** Absent for that of the task. */
  readonly priority?: string;
  readonly task: { readonly facts: { readonly priority: string } };
}

/** The number of starts in one turn of a fan-out, by its priority. */
const WEIGHTS: Readonly<Record<string, number>> = { critical: 8, high: 4, medium: 2, low: 1 };

/**
 * The fan-outs with something ready to start, in turn order. Turns follow deficit round robin (Shreedhar & Varghese
 * 1995) first between namespaces, then between the fan-outs of a namespace. After its turn a fan-out goes to the end,
 * so that none starves.
 */
export class Turns<FanOut extends Turned> {
  /** By namespace: each fan-out with the starts left in its turn. */
  readonly #rings = new Map<string, Map<FanOut, number>>();

  /** Adds a fan-out. One that is already present keeps its place. */
  add(fanOut: FanOut): void {
    let ring = this.#rings.get(fanOut.namespace);
    if (ring === undefined) this.#rings.set(fanOut.namespace, (ring = new Map<FanOut, number>()));
    if (!ring.has(fanOut)) ring.set(fanOut, weightOf(fanOut));
  }

  delete(fanOut: FanOut): void {
    const ring = this.#rings.get(fanOut.namespace);
    if (ring?.delete(fanOut) === true && ring.size === 0) this.#rings.delete(fanOut.namespace);
  }

  /** Returns the namespaces in turn order, each with its fan-outs in turn order. */
  inOrder(): readonly (readonly [namespace: string, fanOuts: FanOut[]])[] {
    return Array.from(this.#rings, ([namespace, ring]) => [namespace, [...ring.keys()]] as const);
  }

  /** Returns the starts left in the present turn of a fan-out; 0 for one that is not present. */
  left(fanOut: FanOut): number {
    return this.#rings.get(fanOut.namespace)?.get(fanOut) ?? 0;
  }

  /**
   * Counts starts of a fan-out. At the end of its turn it goes to the end, and so does its namespace.
   * @returns true at the end of its turn
   */
  charge(fanOut: FanOut, starts: number): boolean {
    const ring = this.#rings.get(fanOut.namespace);
    if (ring === undefined || !ring.has(fanOut)) return false;
    const left = this.left(fanOut) - starts;
    if (left > 0) {
      ring.set(fanOut, left);
      return false;
    }
    this.delete(fanOut);
    this.#rings.delete(fanOut.namespace);
    this.#rings.set(fanOut.namespace, ring.set(fanOut, weightOf(fanOut)));
    return true;
  }
}

function weightOf({ priority, task }: Turned): number {
  return WEIGHTS[priority ?? task.facts.priority] ?? 1;
}
