import type { Dom } from './dom.ts';
import { StandInHost } from './stand-in-host.ts';

/** The whole view on a page in Node.js. A test plays the host. */
export class DomPanel extends StandInHost {
  /** The state that the view has saved with the editor. */
  saved: unknown;
  readonly #dom: Dom;
  #view: HTMLElement | null = null;

  private constructor(dom: Dom, saved: unknown) {
    super();
    this.#dom = dom;
    this.saved = saved;
  }

  /** @param saved the state that a previous view saved */
  static async open(dom: Dom, saved?: unknown): Promise<DomPanel> {
    const { JoinViewElement } = await import('../../webview/join/view.ts');
    const panel = new DomPanel(dom, structuredClone(saved));
    panel.#view = await dom.mount(
      new JoinViewElement({
        postMessage: message => panel.receive(structuredClone(message)),
        getState: () => panel.saved,
        setState: state => (panel.saved = structuredClone(state)),
      }),
    );
    return panel;
  }

  get view(): HTMLElement {
    if (this.#view === null) throw new Error('the view is not open');
    return this.#view;
  }

  override async post(message: unknown): Promise<void> {
    await this.#dom.post(message);
  }
}
