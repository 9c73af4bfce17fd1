/** A fan-out, as far as its turn depends on it. */
interface Turned {
  readonly namespace: string;
  readonly task: { readonly facts: { readonly priority: string } };
}

/** Starts in one turn of a fan-out, by the priority of its task. */
const WEIGHTS: Readonly<Record<string, number>> = { critical: 8, high: 4, medium: 2, low: 1 };

/**
 * The fan-outs with something ready to start, in the order of their turns: deficit round robin (Shreedhar & Varghese
 * 1995) between namespaces first, and in each of them between its fan-outs. A fan-out that had its turn goes behind the
 * others, so that none starves.
 */
export class Turns<FanOut extends Turned> {
  /** By namespace, each fan-out with the starts that are left of its turn. */
  readonly #rings = new Map<string, Map<FanOut, number>>();

  /** Lets a fan-out take turns. One that does already keeps its place. */
  add(fanOut: FanOut): void {
    let ring = this.#rings.get(fanOut.namespace);
    if (ring === undefined) this.#rings.set(fanOut.namespace, (ring = new Map<FanOut, number>()));
    if (!ring.has(fanOut)) ring.set(fanOut, weightOf(fanOut));
  }

  delete(fanOut: FanOut): void {
    const ring = this.#rings.get(fanOut.namespace);
    if (ring?.delete(fanOut) === true && ring.size === 0) this.#rings.delete(fanOut.namespace);
  }

  /** The namespaces as their turns come, each with its fan-outs as theirs come. */
  inOrder(): readonly (readonly [namespace: string, fanOuts: readonly FanOut[]])[] {
    return Array.from(this.#rings, ([namespace, ring]) => [namespace, [...ring.keys()]] as const);
  }

  /** Returns the starts that are left of the present turn of a fan-out: 0 for one that takes none. */
  left(fanOut: FanOut): number {
    return this.#rings.get(fanOut.namespace)?.get(fanOut) ?? 0;
  }

  /** Counts starts of a fan-out. Once its turn is over it goes to the end, and its namespace with it. */
  charge(fanOut: FanOut, starts: number): void {
    const ring = this.#rings.get(fanOut.namespace);
    if (ring === undefined || !ring.has(fanOut)) return;
    const left = this.left(fanOut) - starts;
    if (left > 0) {
      ring.set(fanOut, left);
      return;
    }
    this.delete(fanOut);
    this.#rings.delete(fanOut.namespace);
    this.#rings.set(fanOut.namespace, ring.set(fanOut, weightOf(fanOut)));
  }
}

function weightOf({ task }: Turned): number {
  return WEIGHTS[task.facts.priority] ?? 1;
}
