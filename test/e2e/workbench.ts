import { setTimeout as delay } from 'node:timers/promises';
import type { Frame, Locator, Page } from 'playwright-core';
import { Screenshots } from './screenshots.ts';
import { Terminal } from './terminal.ts';
import { Tree } from './tree.ts';
import { until } from '../harness/until.ts';

/** The time limit for the palette or a view container to open, in milliseconds. */
const OPEN_MS = 3_000;
/** The time limits for a search in the palette, and for a command to be offered, in milliseconds. */
const SEARCH_MS = 10_000;
const PALETTE_MS = 60_000;
/** The pause before the palette is opened again, in milliseconds. */
const CALM_MS = 400;

/** A page expression that makes a window behave as if it got and lost the focus. */
const LOOK_AWAY =
  "for (const focused of [true, false]) { document.hasFocus = () => focused; document.dispatchEvent(new Event('visibilitychange')); }";

/** A window of the editor as a person sees it: everything is found by its text. */
export class Workbench {
  readonly page: Page;
  readonly screenshots: Screenshots;
  readonly terminal: Terminal;

  constructor(page: Page, name: string) {
    this.page = page;
    this.screenshots = new Screenshots(page, name);
    this.terminal = new Terminal(page);
  }

  /** Resolves when the window is ready for input. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .activitybar').waitFor({ timeout: 60_000 });
    await this.page.locator('.monaco-workbench .statusbar').waitFor();
  }

  /**
   * Reloads the window with its open editors. A browser's window saves its state when it is left, and such a near
   * server can outrun that write. The window also saves its state when it loses the focus, and this write can be
   * awaited.
   * @param editor a mark of an editor in the saved state
   */
  async reload(editor: string): Promise<void> {
    await until(`the window keeps ${editor}`, async () => {
      await this.page.evaluate(LOOK_AWAY);
      const { origins } = await this.page.context().storageState({ indexedDB: true });
      return JSON.stringify(origins).includes(editor) ? true : undefined;
    });
    await this.page.reload();
    await this.ready();
  }

  async snap(step: string): Promise<void> {
    await this.screenshots.take(step);
  }

  /** Shows a view container. A click hides a visible container, and a window that was just loaded may still show it. */
  async openActivity(label: string): Promise<void> {
    const item = this.page.locator(`.activitybar .action-item:has(a.action-label[aria-label^="${label}"])`);
    await item.waitFor({ timeout: 60_000 });
    const title = this.page.locator(`.sidebar .composite.title:has-text("${label}")`);
    await until(`the view container ${label}`, async () => {
      if (await title.isVisible()) return true;
      await item.click();
      await title.waitFor({ timeout: OPEN_MS }).catch(() => undefined);
      return undefined;
    });
  }

  tree(title: string): Tree {
    return new Tree(this.page, title);
  }

  /**
   * Runs a command by its title in the palette. The palette lists the commands that are available when it opens, so it
   * is opened again until the command is.
   */
  async runCommand(title: string): Promise<void> {
    await until(
      `the palette offers ${title}`,
      async () => {
        // A search that does not end is repeated, like one that found nothing.
        if (!(await this.#searchPalette(title).catch(() => false))) {
          await this.page.keyboard.press('Escape');
          // The command may wait for other work, such as the start of an extension host, which needs the processor as
          // well.
          await delay(CALM_MS);
          return undefined;
        }
        // If something takes the focus between the search and the click, the palette closes, and the click has no
        // effect.
        return this.entry(title)
          .click({ timeout: OPEN_MS })
          .then(
            () => true,
            () => undefined,
          );
      },
      undefined,
      PALETTE_MS,
    );
  }

  /**
   * Opens a file of the workspace in an editor. If something else opens at the same moment, it takes the focus, and the
   * list of files closes.
   */
  async openFile(name: string): Promise<void> {
    await until(`the file ${name} is open`, async () => {
      await this.page.keyboard.press('Control+P');
      const opened = async (): Promise<true> => {
        await this.quickInput.fill(name, { timeout: OPEN_MS });
        await this.entry(name).click({ timeout: OPEN_MS });
        await this.page.locator('.tab.active').filter({ hasText: name }).waitFor({ timeout: OPEN_MS });
        return true;
      };
      return opened().catch(() => undefined);
    });
  }

  /** Returns true if the palette offers a command now. */
  async offers(title: string): Promise<boolean> {
    const isOffered = await this.#searchPalette(title);
    await this.page.keyboard.press('Escape');
    return isOffered;
  }

  /** Opens the palette and types a title. @returns whether the palette finds it */
  async #searchPalette(title: string): Promise<boolean> {
    await this.page.keyboard.press('F1');
    // If something else opens at the same moment, such as a terminal, it takes the focus, and the palette closes.
    const isOpen = await this.quickInput.fill(`>${title}`, { timeout: OPEN_MS }).then(
      () => true,
      () => false,
    );
    if (!isOpen) return false;
    const rows = this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row');
    return until(
      'the palette has searched',
      async () => {
        const texts = await rows.allInnerTexts();
        if (texts.some(text => text.split('\n').includes(title))) return true;
        return texts.some(text => /similar commands|No matching/.test(text)) ? false : undefined;
      },
      () => rows.allInnerTexts(),
      SEARCH_MS,
    );
  }

  /** The line of the palette, a pick or a question. */
  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible input.input').first();
  }

  /** Waits until the open question has this text in its title, its prompt or the fault of the answer. */
  async question(text: string): Promise<void> {
    await this.page.locator('.quick-input-widget:visible').filter({ hasText: text }).waitFor();
  }

  /** Chooses the entry of an open pick with this text. */
  async pick(text: string): Promise<void> {
    // The hover of an entry under the pointer covers the entries below, until the pointer leaves.
    await this.page.mouse.move(0, 0);
    await this.entry(text).click();
  }

  entry(text: string): Locator {
    return this.page
      .locator('.quick-input-widget:visible .quick-input-list .monaco-list-row')
      .filter({ hasText: text })
      .first();
  }

  /** Answers an open question. */
  async answer(text: string): Promise<void> {
    await this.quickInput.fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Returns the notification with this text, once it is shown. */
  async toast(text: string | RegExp): Promise<Locator> {
    const toast = this.page.locator('.notification-toast').filter({ hasText: text }).first();
    await toast.waitFor({ timeout: 30_000 });
    return toast;
  }

  /** Returns the texts of the visible notifications. */
  toasts(): Promise<string[]> {
    return this.page.locator('.notification-list-item-message').allInnerTexts();
  }

  /** Returns a button of a view without rows, such as the welcome view's. */
  welcomeButton(label: string): Locator {
    return this.page.locator('.welcome-view-content .monaco-button').filter({ hasText: label }).first();
  }

  /** Returns the text in a view in place of its rows, or above them. */
  message(title: string): Promise<string> {
    return this.page.locator(`.pane:has(.pane-header[aria-label^="${title}"]) .message`).innerText();
  }

  statusItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** Returns the document of the webview that shows this text, once it does. Searches shadow roots as well. */
  webview(text: string | RegExp): Promise<Frame> {
    return until(`a webview that shows ${String(text)}`, async () => {
      for (const frame of this.#webviews()) {
        // A frame may disappear while it is read.
        const found = await frame
          .getByText(text)
          .count()
          .catch(() => 0);
        if (found > 0) return frame;
      }
      return undefined;
    });
  }

  #webviews(): readonly Frame[] {
    // The frame of each webview contains another one, with the extension's document.
    return this.page.frames().filter(frame => frame.url().includes('/webview/browser/pre/fake.html'));
  }
}
