import { setTimeout as delay } from 'node:timers/promises';
import type { Frame, Locator, Page } from 'playwright-core';
import { Screenshots } from './screenshots.ts';
import { Terminal } from './terminal.ts';
import { Tree } from './tree.ts';
import { until } from '../harness/until.ts';

/** The time limit for the palette or a view container to open, in milliseconds. */
const OPEN_MS = 3_000;
/** The time limits for a search of the palette, and for a command to be offered, in milliseconds. */
const SEARCH_MS = 10_000;
const PALETTE_MS = 60_000;
/** The pause before the palette is opened again, in milliseconds. */
const CALM_MS = 400;

/** Makes a window, as an expression for its page, believe that it was looked at, and that somebody then looked away. */
const LOOK_AWAY =
  "for (const focused of [true, false]) { document.hasFocus = () => focused; document.dispatchEvent(new Event('visibilitychange')); }";

/** A window of the editor, as a person sees it: everything is found by what is written on it. */
export class Workbench {
  readonly page: Page;
  readonly screenshots: Screenshots;
  readonly terminal: Terminal;

  constructor(page: Page, name: string) {
    this.page = page;
    this.screenshots = new Screenshots(page, name);
    this.terminal = new Terminal(page);
  }

  /** Resolves when the window can be used. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .activitybar').waitFor({ timeout: 60_000 });
    await this.page.locator('.monaco-workbench .statusbar').waitFor();
  }

  /**
   * Loads the window again with the editors that it has. A browser's window keeps its state as it is left, by a write
   * that a server this near outruns; it does so as well when it loses the focus, and that can be waited for.
   *
   * @param editor what marks an editor in the state that is kept
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

  /** Shows a view container. A click hides the one that is shown, and a window that was just loaded may yet show it. */
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
   * Runs a command by the title that the palette shows. The palette lists what can be done as it opens: it is opened
   * again until the command can be.
   */
  async runCommand(title: string): Promise<void> {
    await until(
      `the palette offers ${title}`,
      async () => {
        // A search that does not end is begun anew, as one that found nothing is.
        if (!(await this.#searchPalette(title).catch(() => false))) {
          await this.page.keyboard.press('Escape');
          // What the command waits for, the start of an extension host say, needs the processor as well.
          await delay(CALM_MS);
          return undefined;
        }
        // What takes the focus between the search and the click closes the palette, and nothing was clicked.
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

  /** Opens a file of the workspace in an editor. What opens at the same moment takes the focus, and the list of files closes. */
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

  /** Tells whether the palette offers a command now. */
  async offers(title: string): Promise<boolean> {
    const isOffered = await this.#searchPalette(title);
    await this.page.keyboard.press('Escape');
    return isOffered;
  }

  /** Opens the palette and types a title. @returns whether it is there, once the palette has searched */
  async #searchPalette(title: string): Promise<boolean> {
    await this.page.keyboard.press('F1');
    // What opens at the same moment, a terminal say, takes the focus, and the palette closes.
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

  /** The line of the palette, of a pick or of a question. */
  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible input.input').first();
  }

  /** Waits until the open question says this, in its title, its prompt or the fault of the answer. */
  async question(text: string): Promise<void> {
    await this.page.locator('.quick-input-widget:visible').filter({ hasText: text }).waitFor();
  }

  /** Chooses the entry of an open pick that has the text. */
  async pick(text: string): Promise<void> {
    // The hover of the entry that opened under the pointer covers those below it, until the pointer leaves.
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

  /** A toast with the text, once it is there. */
  async toast(text: string | RegExp): Promise<Locator> {
    const toast = this.page.locator('.notification-toast').filter({ hasText: text }).first();
    await toast.waitFor({ timeout: 30_000 });
    return toast;
  }

  /** The texts of the toasts that are shown. */
  toasts(): Promise<string[]> {
    return this.page.locator('.notification-list-item-message').allInnerTexts();
  }

  /** A button of a view without rows, such as the welcome view's. */
  welcomeButton(label: string): Locator {
    return this.page.locator('.welcome-view-content .monaco-button').filter({ hasText: label }).first();
  }

  /** Returns the text that stands in a view instead of its rows, or above them. */
  message(title: string): Promise<string> {
    return this.page.locator(`.pane:has(.pane-header[aria-label^="${title}"]) .message`).innerText();
  }

  statusItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** The document of the webview that shows the text, once it does; also in the shadow of its elements. */
  webview(text: string | RegExp): Promise<Frame> {
    return until(`a webview that shows ${String(text)}`, async () => {
      for (const frame of this.#webviews()) {
        // A frame may go while it is read.
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
    // Inside the frame of each webview stands another one, with the extension's document.
    return this.page.frames().filter(frame => frame.url().includes('/webview/browser/pre/fake.html'));
  }
}
