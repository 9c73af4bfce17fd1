import {
  decodeToView,
  MAX_TEXT_CHARS,
  type Problem,
  type ToHost,
  type ToView,
  type ViewRequest,
} from './protocol.ts';

/** The API that the editor gives a webview's page. */
export interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

/** A request that the host refused or could not fulfil. */
export class RequestFailed extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = 'RequestFailed';
    this.problem = problem;
  }
}

type Told = Exclude<ToView, { type: 'reply' }>;
type Waiting = { resolve: (value: string | null) => void; reject: (failed: RequestFailed) => void };

/** More requests than anybody can have under way by hand. */
const MAX_WAITING = 64;

/** The other side of the panel, as the view sees it. */
export class Host {
  readonly #api: EditorApi;
  readonly #listener: (told: Told) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #hear = (event: MessageEvent<unknown>): void => this.#heard(event.data);
  #nextId = 1;

  /** @param listener hears everything but replies. */
  constructor(api: EditorApi, listener: (told: Told) => void) {
    this.#api = api;
    this.#listener = listener;
    window.addEventListener('message', this.#hear);
  }

  say(message: ToHost): void {
    this.#api.postMessage(message);
  }

  /** Fulfilled with the host's answer; rejected with RequestFailed, also when this is disposed of before it comes. */
  ask(request: ViewRequest): Promise<string | null> {
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new RequestFailed({ code: 'BUSY', message: 'too many requests wait', hint: null }),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.say({ type: 'request', id, request });
    });
  }

  dispose(): void {
    window.removeEventListener('message', this.#hear);
    for (const { reject } of this.#waiting.values()) {
      reject(new RequestFailed({ code: 'CLOSED', message: 'the panel was closed', hint: null }));
    }
    this.#waiting.clear();
  }

  #heard(data: unknown): void {
    const decoded = decodeToView(data);
    if (!decoded.ok) return this.#complain(`a message to the view was dropped: ${decoded.problem}`);
    const { message } = decoded;
    if (message.type !== 'reply') return this.#listener(message);
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return this.#complain(`nothing waits for reply ${message.id}`);
    this.#waiting.delete(message.id);
    if (message.result.ok) waiting.resolve(message.result.value);
    else waiting.reject(new RequestFailed(message.result.problem));
  }

  #complain(message: string): void {
    this.say({ type: 'problem', message: message.slice(0, MAX_TEXT_CHARS) });
  }
}
