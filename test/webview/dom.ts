import { BrowserErrorCaptureEnum, Window } from 'happy-dom';
import { after, afterEach, before } from 'mocha';
import assert from 'node:assert/strict';
import { register } from 'node:module';
import { setImmediate } from 'node:timers';
import { RecordingContext } from './recording-canvas.ts';
import { VirtualClock } from './virtual-clock.ts';

/**
 * A page in Node.js for tests of the webview that need no browser. A test sets layout and time.
 *
 * The process has one window, because a custom element is registered once and keeps its base class. The globals of the
 * window exist only while a suite runs that uses it; other suites have those of Node.js. Such a suite imports the
 * modules of the webview in a hook and not at the top of its file, since they need these globals.
 */

/** A hook that loads icons as text, like the bundler of the page. */
const SVG_AS_TEXT = `import { readFile } from 'node:fs/promises';
export async function load(url, context, next) {
  if (!url.endsWith('.svg')) return next(url, context);
  const source = 'export default ' + JSON.stringify(await readFile(new URL(url), 'utf8'));
  return { format: 'module', shortCircuit: true, source };
}`;
register(`data:text/javascript,${encodeURIComponent(SVG_AS_TEXT)}`);

/** The globals of a window that the view and its libraries use. */
const WINDOW_GLOBALS = [
  'document',
  'navigator',
  'customElements',
  'CSSStyleSheet',
  'CustomEvent',
  'Document',
  'DocumentFragment',
  'DOMParser',
  'Element',
  'Event',
  'FocusEvent',
  'HTMLElement',
  'InputEvent',
  'KeyboardEvent',
  'MessageEvent',
  'MouseEvent',
  'MutationObserver',
  'Node',
  'OffscreenCanvas',
  'PointerEvent',
  'ShadowRoot',
  'WheelEvent',
] as const;

/** The page for a test, in addition to its elements. */
export interface Dom {
  readonly clock: VirtualClock;
  /** The width of every element, in pixels. Heights are those of inline styles. */
  width: number;
  /** The bytes of every picture from a canvas; null if it creates none. */
  picture: Uint8Array<ArrayBuffer> | null;
  /** The elements that were scrolled into view, in order. */
  readonly scrolledTo: { readonly element: Element; readonly options: ScrollIntoViewOptions }[];
  /** The names of marks and measures of performance, in order. */
  readonly measured: string[];
  /** Adds the element until the test ends, and waits until it is drawn. */
  mount<T extends HTMLElement>(element: T): Promise<T>;
  /** Creates an element with these properties, and mounts it. */
  draw<T extends HTMLElement>(tag: string, properties: Partial<T>): Promise<T>;
  /** Returns the events of this type at the body that `cause` triggers. */
  eventsOf<T extends Event>(type: string, cause: () => void): Promise<readonly T[]>;
  /** Posts a message to the window. It arrives as a copy, in its turn. */
  post(message: unknown): Promise<void>;
  /** Waits until no frame, message or promise is pending. */
  settled(): Promise<void>;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** Sets the width, and notifies the observers of the element. */
  resize(element: Element, width: number): Promise<void>;
  /** Sets the preferences of the system. */
  prefer(media: { readonly reducedMotion?: boolean; readonly forcedColors?: boolean }): void;
}

/**
 * Runs the calling suite in the page.
 * @param load imports the modules under test
 * @param extra additional globals of this page
 */
export function useDom(load: () => Promise<unknown>, extra: Readonly<Record<string, unknown>> = {}): Dom {
  const dom = new Page();
  let restore = (): void => {};
  before(async () => {
    current = dom;
    adapt(theWindow());
    restore = install({ ...dom.globals(), ...extra });
    await load();
  });
  afterEach(() => dom.clear());
  after(() => {
    document.body.replaceChildren();
    restore();
  });
  return dom;
}

/** Returns the recording of a canvas. */
export function contextOf(canvas: object): RecordingContext {
  let context = contexts.get(canvas);
  if (context === undefined) contexts.set(canvas, (context = new RecordingContext()));
  return context;
}

type ResizeListener = (entries: readonly { readonly contentRect: { readonly width: number } }[]) => void;

class StandInResizeObserver {
  readonly #listener: ResizeListener;
  readonly #elements = new Set<Element>();

  constructor(listener: ResizeListener) {
    this.#listener = listener;
  }

  observe(element: Element): void {
    this.#elements.add(element);
    resizeObservers.add(this);
  }

  unobserve(element: Element): void {
    this.#elements.delete(element);
    if (this.#elements.size === 0) resizeObservers.delete(this);
  }

  disconnect(): void {
    this.#elements.clear();
    resizeObservers.delete(this);
  }

  tell(element: Element, width: number): void {
    if (this.#elements.has(element)) this.#listener([{ contentRect: { width } }]);
  }
}

/** Carries messages from the second port to the first, in their turn. */
class StandInMessageChannel {
  readonly port1 = { onmessage: (_: { readonly data: unknown }): void => {}, close: (): void => {} };
  readonly port2 = {
    postMessage: (data: unknown): unknown => current.schedule(() => this.port1.onmessage({ data })),
  };
}

class Page implements Dom {
  readonly clock = new VirtualClock();
  width = 800;
  picture: Uint8Array<ArrayBuffer> | null = new Uint8Array();
  readonly scrolledTo: Dom['scrolledTo'] = [];
  readonly measured: string[] = [];
  readonly #tasks = new Map<number, () => void>();
  readonly #mounted = new Set<HTMLElement>();
  #lastTask = 0;

  async mount<T extends HTMLElement>(element: T): Promise<T> {
    document.body.append(element);
    this.#mounted.add(element);
    await this.settled();
    return element;
  }

  draw<T extends HTMLElement>(tag: string, properties: Partial<T>): Promise<T> {
    return this.mount(Object.assign(document.createElement(tag) as T, properties));
  }

  async eventsOf<T extends Event>(type: string, cause: () => void): Promise<readonly T[]> {
    const events: T[] = [];
    const listener = (event: Event): unknown => events.push(event as T);
    document.body.addEventListener(type, listener);
    cause();
    await this.settled();
    document.body.removeEventListener(type, listener);
    return events;
  }

  async post(message: unknown): Promise<void> {
    const data: unknown = structuredClone(message);
    this.schedule(() => window.dispatchEvent(new MessageEvent('message', { data })));
    await this.settled();
  }

  async settled(): Promise<void> {
    do await new Promise<void>(resolve => setImmediate(resolve));
    while (this.#tasks.size > 0);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.settled());
    await this.settled();
  }

  async resize(element: Element, width: number): Promise<void> {
    this.width = width;
    for (const observer of resizeObservers) observer.tell(element, width);
    await this.settled();
  }

  prefer({ reducedMotion = false, forcedColors = false }: Parameters<Dom['prefer']>[0]): void {
    const { device } = theWindow().happyDOM.settings;
    device.prefersReducedMotion = reducedMotion ? 'reduce' : 'no-preference';
    device.forcedColors = forcedColors ? 'active' : 'none';
    // Media queries are evaluated again when the window is resized.
    window.dispatchEvent(new Event('resize'));
  }

  /** Removes everything that a test left. */
  async clear(): Promise<void> {
    await this.settled();
    for (const element of this.#mounted) element.remove();
    this.#mounted.clear();
    this.prefer({});
    this.width = 800;
    this.picture = new Uint8Array();
    this.scrolledTo.length = 0;
    this.measured.length = 0;
    assert.equal(this.clock.waiting, 0, 'no timer outlives what set it');
  }

  /** The globals of the page, by name. */
  globals(): Readonly<Record<string, unknown>> {
    const page = theWindow();
    return {
      ...Object.fromEntries(WINDOW_GLOBALS.map(name => [name, page[name]])),
      window: page,
      getComputedStyle: styleOf,
      matchMedia: page.matchMedia.bind(page),
      ResizeObserver: StandInResizeObserver,
      requestAnimationFrame: (run: (atMs: number) => void) => this.schedule(() => run(this.clock.now())),
      cancelAnimationFrame: (id: number) => this.#tasks.delete(id),
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      MessageChannel: StandInMessageChannel,
      performance: {
        now: this.clock.now,
        mark: (name: string) => this.measured.push(name),
        measure: (name: string) => this.measured.push(name),
      },
    };
  }

  /** Runs a frame or a message after the present code, without advancing the clock. */
  schedule(run: () => void): number {
    const id = ++this.#lastTask;
    this.#tasks.set(id, run);
    setImmediate(() => {
      if (this.#tasks.delete(id)) run();
    });
    return id;
  }
}

const contexts = new WeakMap<object, RecordingContext>();
const resizeObservers = new Set<StandInResizeObserver>();
/** The page of the running suite. */
let current: Page;
let made: Window | undefined;

function theWindow(): Window {
  made ??= makeWindow();
  return made;
}

function makeWindow(): Window {
  return new Window({
    url: 'http://localhost/',
    settings: {
      // An error of a listener reaches the test that dispatched the event.
      errorCapture: BrowserErrorCaptureEnum.disabled,
      canvasAdapter: {
        getContext: ({ canvas }) => contextOf(canvas) as never,
        toDataURL: () => '',
        toBlob: (_, taken) => taken(current.picture === null ? null : (new Blob([current.picture]) as never)),
      },
    },
  });
}

/** Gives elements a layout, and adds other features that Happy DOM lacks. */
function adapt(page: Window): void {
  const tops = new WeakMap<object, number>();
  define(page.HTMLElement.prototype, {
    attachInternals: { value: () => ({ setFormValue() {}, setValidity() {} }) },
    clientWidth: { get: () => current.width },
    clientHeight: {
      get(this: HTMLElement) {
        return parseFloat(this.style.height) || 0;
      },
    },
    getBoundingClientRect: {
      value(this: HTMLElement) {
        return { left: 0, top: 0, width: current.width, height: this.clientHeight };
      },
    },
    scrollTop: {
      get(this: HTMLElement) {
        return tops.get(this) ?? 0;
      },
      set(this: HTMLElement, top: number) {
        tops.set(this, top);
        current.schedule(() => this.dispatchEvent(new Event('scroll')));
      },
    },
  });
  define(page.Element.prototype, {
    scrollIntoView: {
      value(this: Element, options: ScrollIntoViewOptions) {
        current.scrolledTo.push({ element: this, options });
      },
    },
  });
  // Happy DOM matches `:focus` by this element, so it must be the innermost one for an element in a shadow root.
  let focused: EventTarget | null = null;
  page.addEventListener('focusin', event => (focused = event.composedPath()[0] as never));
  page.addEventListener('focusout', () => (focused = null));
  define(page.document, { activeElement: { get: () => focused ?? page.document.body } });
}

const define = (target: object, properties: PropertyDescriptorMap): void => {
  for (const [name, descriptor] of Object.entries(properties)) {
    Object.defineProperty(target, name, { ...descriptor, configurable: true });
  }
};

/** Returns the style of an element. Custom properties come from the root's attribute, others from the element's own. */
function styleOf({ style }: HTMLElement): Pick<CSSStyleDeclaration, 'color' | 'getPropertyValue'> {
  const root = document.documentElement.style;
  return {
    color: style.color,
    getPropertyValue: name => (name.startsWith('--') ? root : style).getPropertyValue(name),
  };
}

/** Sets the globals. @returns a function that restores the previous ones */
function install(globals: Readonly<Record<string, unknown>>): () => void {
  const before = Object.keys(globals).map(
    name => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  };
}
