import type * as vscode from 'vscode';
import { editor, type ShownTests } from './editor.ts';
import { EventEmitter } from './events.ts';
import { part } from './part.ts';

/** The Test Explorer: items, and runs whose reports a test reads. */

export const TestRunProfileKind = { Run: 1, Debug: 2, Coverage: 3 } as const;

export class TestMessage implements Pick<vscode.TestMessage, 'message' | 'location'> {
  message: string | vscode.MarkdownString;
  location?: vscode.Location;

  constructor(message: string | vscode.MarkdownString) {
    this.message = message;
  }
}

export class TestRunRequest implements vscode.TestRunRequest {
  readonly include: readonly vscode.TestItem[] | undefined;
  readonly exclude: readonly vscode.TestItem[] | undefined;
  readonly profile: vscode.TestRunProfile | undefined;
  readonly continuous: boolean;
  readonly preserveFocus: boolean;

  constructor(
    include?: readonly vscode.TestItem[],
    exclude?: readonly vscode.TestItem[],
    profile?: vscode.TestRunProfile,
    continuous = false,
    preserveFocus = false,
  ) {
    this.include = include;
    this.exclude = exclude;
    this.profile = profile;
    this.continuous = continuous;
    this.preserveFocus = preserveFocus;
  }
}

class Items implements vscode.TestItemCollection {
  readonly #items = new Map<string, vscode.TestItem>();
  readonly #parent: vscode.TestItem | undefined;

  constructor(parent?: vscode.TestItem) {
    this.#parent = parent;
  }

  get size(): number {
    return this.#items.size;
  }

  get(id: string): vscode.TestItem | undefined {
    return this.#items.get(id);
  }

  add(item: vscode.TestItem): void {
    (item as { parent: vscode.TestItem | undefined }).parent = this.#parent;
    this.#items.set(item.id, item);
  }

  delete(id: string): void {
    this.#items.delete(id);
  }

  replace(items: readonly vscode.TestItem[]): void {
    this.#items.clear();
    for (const item of items) this.add(item);
  }

  forEach(callback: (item: vscode.TestItem, collection: vscode.TestItemCollection) => unknown): void {
    for (const item of this.#items.values()) callback(item, this);
  }

  [Symbol.iterator](): Iterator<[string, vscode.TestItem]> {
    return this.#items.entries();
  }
}

export const tests = part<typeof vscode.tests>('tests', { createTestController });

function createTestController(id: string, label: string): vscode.TestController {
  const ended = new EventEmitter<void>();
  const controller: ShownTests = part<ShownTests>('TestController', {
    ...{ id, label, items: new Items(), reports: [], outputs: new Map(), open: 0, profiles: [] },
    onDidEnd: ended.event,
    createTestItem: (itemId, itemLabel, uri) => {
      const item = { id: itemId, label: itemLabel, uri } as unknown as vscode.TestItem;
      return Object.assign(item, { children: new Items(item) });
    },
    createRunProfile: (name, kind, runHandler) => {
      const profile = part<vscode.TestRunProfile>('TestRunProfile', { label: name, kind, runHandler });
      controller.profiles.push(profile);
      return profile;
    },
    createTestRun: (): vscode.TestRun => runOf(controller, ended),
    runTests: (include, exclude) => {
      const { token, cancel } = cancellable();
      const request = new TestRunRequest(include, exclude);
      const done = Promise.resolve(controller.profiles[0]!.runHandler(request, token));
      return { done, cancel };
    },
    dispose: () => undefined,
  });
  editor.testControllers.push(controller);
  return controller;
}

function runOf(controller: ShownTests, ended: EventEmitter<void>): vscode.TestRun {
  controller.open += 1;
  const report =
    (state: string) =>
    (item: vscode.TestItem, ...details: readonly unknown[]): void =>
      void controller.reports.push([item.label, state, ...details]);
  return part<vscode.TestRun>('TestRun', {
    token: cancellable().token,
    ...{ enqueued: report('enqueued'), started: report('started'), skipped: report('skipped') },
    ...{ passed: report('passed'), failed: report('failed'), errored: report('errored') },
    appendOutput: (text, _location, item) => {
      const label = item?.label ?? '';
      controller.outputs.set(label, (controller.outputs.get(label) ?? '') + text);
    },
    end: () => {
      controller.open -= 1;
      ended.fire();
    },
  });
}

function cancellable(): { readonly token: vscode.CancellationToken; readonly cancel: () => void } {
  const cancelled = new EventEmitter<void>();
  const token = { isCancellationRequested: false, onCancellationRequested: cancelled.event };
  const cancel = (): void => {
    token.isCancellationRequested = true;
    cancelled.fire();
  };
  return { token, cancel };
}
