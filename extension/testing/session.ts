import type { EngineClient } from '../../engine/client/client.ts';
import type { FleetError } from '../../engine/errors.ts';
import { EventEmitter } from '../../test/stubs/vscode.ts';
import type { OpenSession, SessionState } from '../session/session.ts';

/** A session whose state a test sets. */
export class FakeSession implements OpenSession {
  readonly home: string;
  /** The number of requests for a home with a history. */
  historyWanted = 0;
  readonly #changed = new EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  #state: SessionState = { kind: 'none' };

  constructor(home = '/home/ada/.syncro') {
    this.home = home;
  }

  get state(): SessionState {
    return this.#state;
  }

  get client(): EngineClient | undefined {
    return this.#state.kind === 'live' ? this.#state.client : undefined;
  }

  get isHosting(): boolean {
    return this.#state.kind === 'live' && this.#state.hosting;
  }

  /** Makes an engine answer. */
  live(client: EngineClient, hosting = true): this {
    return this.#become({ kind: 'live', client, hosting });
  }

  down(error: FleetError): this {
    return this.#become({ kind: 'down', error });
  }

  /** Sets the state in which no process serves the home. */
  none(): this {
    return this.#become({ kind: 'none' });
  }

  async open(): Promise<EngineClient> {
    if (this.#state.kind === 'live') return this.#state.client;
    throw this.#state.kind === 'down' ? this.#state.error : new Error('the test has no engine');
  }

  async wantHistory(): Promise<void> {
    this.historyWanted += 1;
  }

  #become(state: SessionState): this {
    this.#state = state;
    this.#changed.fire();
    return this;
  }
}
