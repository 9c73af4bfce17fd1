import { afterEach, beforeEach } from 'mocha';
import { FakeClient, type Answers } from '../../engine/client/testing/fake-client.ts';
import { fleet } from '../../engine/cli/testing/documents.ts';
import type { FleetDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { Clock } from '../../test/stubs/clock.ts';
import { keptLog } from '../../test/stubs/vscode.ts';
import { FleetModel } from '../model/fleet-model.ts';
import { Scope } from '../views/scope.ts';
import { memento, next, settled, useEditor } from './editor.ts';
import { FakeSession } from './session.ts';

/** A model of a fleet that a test describes. The test controls the window's time. */
export class ModelWindow {
  readonly clock = new Clock();
  readonly log = keptLog();
  readonly session = new FakeSession();
  readonly model = new FleetModel(this.session, this.log);
  readonly scope = new Scope(this.model, memento());
  readonly client = new FakeClient({ fleet: fleet(), tasks: { tasks: [] } });

  /** Sets the engine's answers. Everything is read again. */
  async has(answers: Answers): Promise<void> {
    this.client.change(answers);
    const read = next(this.model.onDidChange);
    if (this.session.client === undefined) this.session.live(this.client);
    else this.client.emit({ kind: 'gap' });
    await read;
    await this.pass();
  }

  /** Changes the fleet. The engine reports it as a change of an instance. */
  async fleet(change: Partial<FleetDocument>): Promise<void> {
    this.client.change({ fleet: fleet(change) });
    await this.#emit({ kind: 'instance', did: 'any' });
  }

  /** Changes a task. */
  async task(task: TaskDocument, ...children: readonly number[]): Promise<void> {
    this.client.change({ task });
    await this.#emit({ kind: 'task', thread: task.thread, children, complete: false });
  }

  /** Lets enough time pass for the trees to fire their changes. */
  async pass(ms = 220): Promise<void> {
    await settled();
    this.clock.pass(ms);
    await settled();
  }

  close(): void {
    this.clock.restore();
    this.scope.dispose();
    this.model.dispose();
  }

  async #emit(event: Parameters<FakeClient['emit']>[0]): Promise<void> {
    const read = next(this.model.onDidChange);
    this.client.emit(event);
    await read;
    await this.pass();
  }
}

/** Creates a window for each test of a suite. No engine has answered in it yet. */
export function useModel(): { readonly window: ModelWindow } {
  let window: ModelWindow | undefined;
  useEditor();
  beforeEach(() => {
    window = new ModelWindow();
  });
  afterEach(() => window?.close());
  return {
    get window() {
      return window!;
    },
  };
}
