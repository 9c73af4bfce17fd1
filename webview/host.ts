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

type ViewMessage = Exclude<ToView, { type: 'reply' }>;
type Waiting = { resolve: (value: string | null) => void; reject: (failed: RequestFailed) => void };

/** The most requests under way: more than a person can make by hand. */
const MAX_WAITING = 64;

/** The host, as the view sees it. */
export class Host {
  readonly #api: EditorApi;
  readonly #listener: (message: ViewMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onMessage = (event: MessageEvent<unknown>): void => this.#receive(event.data);
  #nextId = 1;

  /** @param listener called with every message but replies */
  constructor(api: EditorApi, listener: (message: ViewMessage) => void) {
    this.#api = api;
    this.#listener = listener;
    window.addEventListener('message', this.#onMessage);
  }

  send(message: ToHost): void {
    this.#api.postMessage(message);
  }

  /** Asks the host. The promise rejects with RequestFailed, also on disposal before the answer. */
  ask(request: ViewRequest): Promise<string | null> {
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new RequestFailed({ code: 'BUSY', message: 'too many requests wait', hint: null }),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.send({ type: 'request', id, request });
    });
  }

  dispose(): void {
    window.removeEventListener('message', this.#onMessage);
    for (const { reject } of this.#waiting.values()) {
      reject(new RequestFailed({ code: 'CLOSED', message: 'the panel was closed', hint: null }));
    }
    this.#waiting.clear();
  }

  #receive(data: unknown): void {
    const decoded = decodeToView(data);
    if (!decoded.ok) return this.#report(`a message to the view was dropped: ${decoded.problem}`);
    const { message } = decoded;
    if (message.type !== 'reply') return this.#listener(message);
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return this.#report(`nothing waits for reply ${message.id}`);
    this.#waiting.delete(message.id);
    if (message.result.ok) waiting.resolve(message.result.value);
    else waiting.reject(new RequestFailed(message.result.problem));
  }

  #report(message: string): void {
    this.send({ type: 'problem', message: message.slice(0, MAX_TEXT_CHARS) });
  }
}
