/** The host's clock. Between messages, this page's clock advances it. It stands still while the stream is not live. */
export class ViewClock {
  #hostUnix = 0;
  #heardAtMs = 0;
  #stands = true;

  /** @param hostUnix the host's time in seconds, just now. */
  sync(hostUnix: number): void {
    this.#hostUnix = hostUnix;
    this.#heardAtMs = performance.now();
  }

  stop(): void {
    if (this.#stands) return;
    this.sync(this.now());
    this.#stands = true;
  }

  go(): void {
    if (!this.#stands) return;
    this.#stands = false;
    this.#heardAtMs = performance.now();
  }

  /** Unix time in seconds. */
  now(): number {
    return this.#stands ? this.#hostUnix : this.#hostUnix + (performance.now() - this.#heardAtMs) / 1000;
  }
}
