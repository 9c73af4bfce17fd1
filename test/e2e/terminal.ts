import type { Page } from 'playwright-core';
import { until } from '../harness/until.ts';

/** The visible integrated terminal. */
export class Terminal {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Resolves when a terminal shows its prompt. */
  async ready(): Promise<void> {
    await this.#page.locator('.terminal-wrapper.active .xterm-screen').waitFor({ timeout: 30_000 });
    await this.waitFor(/[$#] *$/m);
  }

  /** Types a command line and runs it. */
  async run(line: string): Promise<void> {
    const screens = this.#page.locator('.terminal-wrapper.active .xterm-screen');
    // A terminal that replaces another one is visible beside it for a moment.
    await until('one terminal that is shown', async () => ((await screens.count()) === 1 ? true : undefined));
    await screens.click();
    await this.#page.keyboard.type(line);
    await this.#page.keyboard.press('Enter');
  }

  /** Returns the text on the terminal's screen. A long line is split over several. */
  async text(): Promise<string> {
    const lines = await this.#page.locator('.terminal-wrapper.active .xterm-rows > div').allTextContents();
    return lines
      .map(line => line.replaceAll('\u00a0', ' ').trimEnd())
      .join('\n')
      .trimEnd();
  }

  waitFor(pattern: RegExp): Promise<string> {
    return until(
      `a terminal that shows ${String(pattern)}`,
      async () => {
        const text = await this.text();
        return pattern.test(text) ? text : undefined;
      },
      () => this.text(),
      60_000,
    );
  }
}
