import type { Locator, Page } from 'playwright-core';
import { until } from '../harness/until.ts';

/** The time limit for the hover of a row to open, in milliseconds. A row that is redrawn meanwhile opens none. */
const HOVER_MS = 3_000;
/** The time limit for a context menu to take a click, in milliseconds. */
const MENU_MS = 1_000;

/** The used part of the type: the page's own types are not those of Node.js. */
interface Element {
  readonly id: string;
  readonly textContent: string | null;
  querySelectorAll(selector: string): Iterable<Element>;
  getBoundingClientRect(): { readonly top: number };
}

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

  /** Returns the visible rows, from top to bottom: label and description. */
  async rows(): Promise<string[]> {
    return (await this.#shown()).map(({ text }) => text);
  }

  /** Waits for a row with this text: label and description, separated by a space. @returns that row */
  waitFor(text: string | RegExp): Promise<Locator> {
    const has = (row: string): boolean => (typeof text === 'string' ? row.includes(text) : text.test(row));
    return until(
      `a row of '${this.#title}' with ${String(text)}`,
      async () => {
        await this.#open();
        return (await this.#shown()).find(row => has(row.text))?.row;
      },
      () => this.rows(),
      30_000,
    );
  }

  /** Opens the view if it is collapsed. */
  async #open(): Promise<void> {
    const header = this.pane.locator('.pane-header[aria-expanded="false"]');
    if ((await header.count()) > 0) await header.click({ timeout: MENU_MS }).catch(() => undefined);
  }

  /** Read by the page in one call: a call per row would take too long. */
  async #shown(): Promise<readonly { readonly row: Locator; readonly text: string }[]> {
    const read = await this.pane.locator('.monaco-list-row').evaluateAll((rows: readonly Element[]) =>
      rows.map(row => ({
        id: row.id,
        text: [...row.querySelectorAll('.label-name, .label-description')]
          .map(label => label.textContent)
          .join(' '),
        top: row.getBoundingClientRect().top,
      })),
    );
    return read
      .toSorted((a, b) => a.top - b.top)
      .map(({ id, text }) => ({ row: this.pane.locator(`.monaco-list-row[id="${id}"]`), text }));
  }

  /** Expands a row, once there is something below it: a task appears a moment before its fan-out. */
  async expand(text: string | RegExp): Promise<void> {
    await until(`the row ${String(text)} is open`, async () => {
      const row = await this.waitFor(text);
      const expanded = await row.getAttribute('aria-expanded');
      if (expanded === 'false') await row.locator('.monaco-tl-twistie').click();
      return expanded === null ? undefined : true;
    });
  }

  /** Points at a row until its hover contains the words. */
  async hover(text: string | RegExp, words: string): Promise<void> {
    const hover = this.#page.locator('.workbench-hover').filter({ hasText: words });
    await until(`a hover that says ${words}`, async () => {
      const row = await this.waitFor(text);
      await this.#page.mouse.move(0, 0);
      await row.hover();
      return hover.waitFor({ timeout: HOVER_MS }).then(
        () => true,
        () => undefined,
      );
    });
  }

  /** Clicks a row. @param modifiers the keys that are held, to select several rows */
  async click(text: string | RegExp, ...modifiers: readonly 'Control'[]): Promise<void> {
    const row = await this.waitFor(text);
    await row
      .locator('.label-name')
      .first()
      .click({ modifiers: [...modifiers] });
  }

  /** Clicks one of a row's actions, which are visible while the pointer is on the row. */
  async rowAction(text: string | RegExp, action: string): Promise<void> {
    const row = await this.waitFor(text);
    // The hover of another row may cover this one while the pointer is there.
    await this.#page.mouse.move(0, 0);
    await row.hover();
    await row.locator(`.actions a.action-label[aria-label^="${action}"]`).first().click();
  }

  /**
   * Opens a row's context menu and chooses an entry. An opening menu ignores clicks, so it is clicked until it closes.
   */
  async contextMenu(text: string | RegExp, entry: string): Promise<void> {
    const row = await this.waitFor(text);
    await row.click({ button: 'right' });
    const menu = this.#page.locator('.monaco-menu');
    const label = menu.locator('.action-item .action-label').filter({ hasText: entry }).first();
    await label.waitFor();
    await until(`the menu takes ${entry}`, async () => {
      await label.click({ timeout: MENU_MS }).catch(() => undefined);
      return menu.waitFor({ state: 'detached', timeout: MENU_MS }).then(
        () => true,
        () => undefined,
      );
    });
  }

  /** Opens or closes the view. */
  async toggle(): Promise<void> {
    await this.pane.locator('.pane-header .title').click();
  }

  /** Clicks an action in the view's title. */
  async titleAction(action: string): Promise<void> {
    await this.pane.locator('.pane-header').hover();
    await this.pane.locator(`.pane-header .actions a.action-label[aria-label^="${action}"]`).first().click();
  }
}
