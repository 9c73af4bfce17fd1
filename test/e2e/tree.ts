import type { Locator, Page } from 'playwright-core';
import { until } from '../editor/until.ts';

/** A tree view of the side bar. */
export class Tree {
  readonly #page: Page;
  readonly #title: string;

  constructor(page: Page, title: string) {
    this.#page = page;
    this.#title = title;
  }

  get pane(): Locator {
    return this.#page.locator(`.pane:has(.pane-header[aria-label^="${this.#title}"])`);
  }

  /** The text of the rows that are on the screen, from top to bottom: label and description. */
  async rows(): Promise<string[]> {
    const rows = this.pane.locator('.monaco-list-row');
    const placed = await Promise.all(
      (await rows.all()).map(async row => ({
        top: (await row.boundingBox({ timeout: 1_000 }).catch(() => null))?.y ?? 0,
        text: (await row.locator('.label-name, .label-description').allInnerTexts()).join(' '),
      })),
    );
    return placed.toSorted((a, b) => a.top - b.top).map(({ text }) => text);
  }

  row(text: string | RegExp): Locator {
    return this.pane.locator('.monaco-list-row').filter({ hasText: text }).first();
  }

  /** Resolves when a row has the text. */
  async waitFor(text: string | RegExp): Promise<Locator> {
    const row = this.row(text);
    await until(
      `a row of '${this.#title}' with ${String(text)}`,
      async () => ((await row.count()) > 0 ? true : undefined),
      () => this.rows(),
      30_000,
    );
    return row;
  }

  async expand(text: string | RegExp): Promise<void> {
    const row = await this.waitFor(text);
    if ((await row.getAttribute('aria-expanded')) === 'false')
      await row.locator('.monaco-tl-twistie').click();
  }

  /** Clicks one of a row's actions, which are shown while the pointer is on it. */
  async rowAction(text: string | RegExp, action: string): Promise<void> {
    const row = await this.waitFor(text);
    await row.hover();
    await row.locator(`.actions a.action-label[aria-label^="${action}"]`).first().click();
  }

  /** Opens a row's context menu and chooses from it. */
  async contextMenu(text: string | RegExp, entry: string): Promise<void> {
    const row = await this.waitFor(text);
    await row.click({ button: 'right' });
    await this.#page
      .locator('.monaco-menu .action-item .action-label')
      .filter({ hasText: entry })
      .first()
      .click();
  }

  /** Clicks one of the actions in the view's title. */
  async titleAction(action: string): Promise<void> {
    await this.pane.locator('.pane-header').hover();
    await this.pane.locator(`.pane-header .actions a.action-label[aria-label^="${action}"]`).first().click();
  }
}
