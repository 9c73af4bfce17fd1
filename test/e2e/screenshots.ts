import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { ROOT } from '../editor/scratch.ts';

/** Pictures of a test's steps, in order. They are for people, and are not compared. */
export class Screenshots {
  readonly #page: Page;
  readonly #folder: string;
  #taken = 0;

  constructor(page: Page, name: string) {
    this.#page = page;
    this.#folder = join(ROOT, 'out', 'screenshots', name);
  }

  async take(step: string): Promise<void> {
    this.#taken += 1;
    await mkdir(this.#folder, { recursive: true });
    const number = String(this.#taken).padStart(2, '0');
    await this.#page.screenshot({ path: join(this.#folder, `${number}-${step}.png`) });
  }
}
