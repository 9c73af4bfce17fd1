/** The typed arrays that lists grow in. */
type Column = Uint32Array | Float64Array;

/**
 * A list of numbers in a typed array that doubles as it grows. Its values never change, so that a view of it stays
 * valid while the list grows.
 */
export class NumberList<T extends Column> {
  readonly #make: (length: number) => T;
  #column: T;
  #length = 0;

  private constructor(make: (length: number) => T, initial?: T) {
    this.#make = make;
    this.#column = initial ?? make(1024);
    this.#length = initial?.length ?? 0;
  }

  /** Makes a list of unsigned 32-bit numbers, which takes ownership of `initial`. */
  static uint32(initial?: Uint32Array): NumberList<Uint32Array> {
    return new NumberList<Uint32Array>(length => new Uint32Array(length), initial);
  }

  static float64(initial?: Float64Array): NumberList<Float64Array> {
    return new NumberList<Float64Array>(length => new Float64Array(length), initial);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#column.length) this.#grow();
    this.#column[this.#length++] = value;
  }

  /** Returns the value at `index`, which must be below `length`. */
  at(index: number): number {
    return this.#column[index]!;
  }

  /** Returns the first `count` values, without a copy. */
  view(count: number): T {
    return this.#column.subarray(0, count) as T;
  }

  /** Returns the number of values that are at most `limit`, in a list that never falls. */
  countUpTo(limit: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#column[middle]! <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const column = this.#make(Math.max(1024, this.#column.length * 2));
    column.set(this.#column);
    this.#column = column;
  }
}
