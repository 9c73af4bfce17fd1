import { afterEach, beforeEach } from 'mocha';
import * as vscode from 'vscode';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fleet, join, speedup, task } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import type { Graph, Known, LastRun, Outline, Read } from '../../engine/language/protocol.ts';
import { Clock } from '../../test/stubs/clock.ts';
import { editor, EventEmitter, keptLog } from '../../test/stubs/vscode.ts';
import { FleetModel } from '../model/fleet-model.ts';
import type { PlanClient } from '../plans/plan-client.ts';
import { PlanRuns } from '../plans/plan-runs.ts';
import { Plans } from '../plans/plans.ts';
import { memento, next, settled, useEditor } from './editor.ts';
import { FakeSession } from './session.ts';

export const A = vscode.Uri.file('/src/a.fanout.yaml');
export const B = vscode.Uri.file('/src/b.fanout.yml');
export const OUTLINE: NonNullable<Outline> = {
  version: 1,
  isSound: true,
  namespace: null,
  subtasks: [],
};

/** Returns the subtasks of an outline, one on each third line, by the names from their matrices. */
export function written(...names: readonly (readonly string[])[]): NonNullable<Outline>['subtasks'] {
  return names.map((made, i) => ({
    name: made[0] ?? null,
    start: { line: 3 * i + 2, character: 2 },
    nameEnd: { line: 3 * i + 2, character: 20 },
    names: [...made],
    indices: made.map((_, at) => at),
  }));
}

/** Returns a joined fan-out. */
export function joined(change: Partial<TaskDocument> = {}, fanOut = {}): TaskDocument {
  const bare = task();
  const over = { complete: true, completed: 2, outcome: 'satisfied' };
  return { ...bare, ...change, fan_out: { ...bare.fan_out!, ...over, ...fanOut } };
}

/** A server of plans with outlines from a test. It records what it is sent. */
export class FakeServer implements PlanClient {
  readonly #read = new EventEmitter<Read>();
  readonly again = new EventEmitter<void>();
  readonly onDidRead = this.#read.event;
  readonly onDidStartAgain = this.again.event;
  readonly known: (Known | null)[] = [];
  readonly remembered: LastRun[] = [];
  picture: Graph = null;
  /** Thrown instead of an outline. */
  failure: Error | undefined;
  disposed = 0;
  readonly #outlines = new Map<string, Outline>();

  /** Reads a plan again. */
  read(uri: vscode.Uri, outline: Outline = OUTLINE): void {
    this.#outlines.set(uri.toString(), outline);
    this.#read.fire({ uri: uri.toString(), version: 1 });
  }

  async outline(uri: string): Promise<Outline> {
    if (this.failure !== undefined) throw this.failure;
    return this.#outlines.get(uri) ?? null;
  }

  async graph(): Promise<Graph> {
    return this.picture;
  }

  requested(): never {
    throw new Error('the test runs no plan');
  }

  draft(): never {
    throw new Error('the test drafts no plan');
  }

  async know(known: Known | null): Promise<void> {
    this.known.push(known);
  }

  async remember(lastRun: LastRun): Promise<void> {
    this.remembered.push(lastRun);
  }

  dispose(): void {
    this.disposed += 1;
  }
}

/** The plans of a window. A test controls the window's time. */
export class PlanWindow {
  readonly clock = new Clock();
  readonly log = keptLog();
  readonly session = new FakeSession();
  readonly model = new FleetModel(this.session, this.log);
  readonly runs = new PlanRuns(memento());
  readonly server = new FakeServer();
  readonly client = new FakeClient({
    fleet: fleet(),
    tasks: { tasks: [] },
    namespaces: { namespaces: [], explicit: 0 },
    task: ({ task: thread }) => joined({ thread: String(thread) }),
    speedup: speedup(),
  });
  /** The number of starts of the server. */
  starts = 0;
  readonly plans: Plans;

  constructor() {
    this.children();
    const { session: access, model, runs, log } = this;
    this.plans = new Plans({ access, model, runs, log, start: () => this.start() });
  }

  async start(): Promise<FakeServer> {
    this.starts += 1;
    return this.server;
  }

  /** Opens a plan. The server reads it. */
  async open(uri: vscode.Uri, outline: Outline = OUTLINE): Promise<void> {
    editor.texts.add(uri, '');
    await settled();
    this.server.read(uri, outline);
    await settled();
  }

  async pass(ms = 250): Promise<void> {
    this.clock.pass(ms);
    await settled();
  }

  /** Sets the subtasks of every fan-out. */
  children(...children: readonly ChildDocument[]): void {
    const page = { thread: 'th', alias: 'A', round: 1, total: children.length, children };
    this.client.change({ children: page, join: join(children) });
  }

  /** Sets the tasks of the engine. */
  async has(...tasks: readonly TaskDocument[]): Promise<void> {
    this.client.change({ tasks: { tasks } });
    const read = next(this.model.onDidChange);
    this.client.emit({ kind: 'gap' });
    await read;
    await settled();
  }

  /** Records that a plan was run as this task, and adds the task to the engine. */
  async ran(uri: vscode.Uri, run: TaskDocument): Promise<void> {
    await this.runs.note(uri.toString(), run.thread);
    await this.has(run);
  }

  close(): void {
    this.clock.restore();
    this.plans.dispose();
    this.model.dispose();
  }
}

/** Creates a window with plans for each test of a suite. */
export function usePlans(): { readonly window: PlanWindow } {
  let window: PlanWindow | undefined;
  useEditor();
  beforeEach(async () => {
    const opened = (window = new PlanWindow());
    const read = next(opened.model.onDidChange, () => opened.model.fleet !== undefined);
    opened.session.live(opened.client);
    await read;
  });
  afterEach(() => window?.close());
  return {
    get window() {
      return window!;
    },
  };
}
