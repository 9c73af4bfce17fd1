import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { scrollTo, windowOf, type Window } from '../model/window.ts';

const MAX_ROWS_IN_SIGHT = 14;

/** The elements of a list that draws only its visible rows. */
export interface RowWindowElements {
  /** The element that scrolls. */
  readonly body: HTMLElement;
  /** The element with the drawn rows. */
  readonly rows: HTMLElement;
  /** The element with the height of all rows. */
  readonly spacer: HTMLElement;
}

/** Determines which rows of a list are drawn, and where. All rows have the same height. */
export class RowWindow implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #elements: () => RowWindowElements | null;
  #scrollTop = 0;
  #count = 0;
  #rowPx = 1;

  /** @param elements finds the elements once they are drawn */
  constructor(host: ReactiveControllerHost, elements: () => RowWindowElements | null) {
    this.#host = host;
    this.#elements = elements;
    host.addController(this);
  }

  /** Sets the number of rows and their height, before the list is drawn. */
  resize(count: number, rowPx: number): void {
    this.#count = count;
    this.#rowPx = rowPx;
  }

  /** The rows to draw. */
  get drawn(): Window {
    return windowOf(this.#scrollTop, this.#bodyPx, this.#rowPx, this.#count);
  }

  /** The number of rows that a page key moves by: all visible rows but one. */
  get page(): number {
    return Math.max(1, Math.floor(this.#bodyPx / this.#rowPx) - 1);
  }

  /** Handles the scrolling of the body. */
  readonly onScroll = (event: Event): void => {
    this.#scrollTop = (event.target as HTMLElement).scrollTop;
    this.#host.requestUpdate();
  };

  hostUpdated(): void {
    const elements = this.#elements();
    if (elements === null) return;
    const { body, rows, spacer } = elements;
    body.style.height = `${this.#bodyPx}px`;
    rows.style.transform = `translateY(${this.drawn.first * this.#rowPx}px)`;
    spacer.style.height = `${this.#count * this.#rowPx}px`;
  }

  /** Scrolls no more than needed to make the row visible. */
  reveal(row: number): void {
    const body = this.#elements()?.body;
    if (body === undefined || row < 0) return;
    const to = scrollTo(row, body.scrollTop, body.clientHeight, this.#rowPx);
    if (to !== body.scrollTop) body.scrollTop = to;
  }

  get #bodyPx(): number {
    return Math.min(this.#count, MAX_ROWS_IN_SIGHT) * this.#rowPx;
  }
}
