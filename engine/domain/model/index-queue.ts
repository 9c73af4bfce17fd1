/** A first-in, first-out queue of small integers; each operation is O(1) on average. */
export class IndexQueue {
  #items: number[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(index: number): void {
    this.#items.push(index);
  }

  peek(): number | undefined {
    return this.#items[this.#head];
  }

  shift(): number | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const index = this.#items[this.#head++]!;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return index;
  }

  /** Removes and returns everything. */
  drain(): number[] {
    const rest = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return rest;
  }
}
