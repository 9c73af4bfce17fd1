import { afterEach, beforeEach } from 'mocha';
import type * as vscode from 'vscode';
import { editor, freshEditor, part } from '../../test/stubs/vscode.ts';

/** Gives each test of a suite an editor of its own; fails it where a question had no answer, or an answer no question. */
export function useEditor(): void {
  beforeEach(() => {
    freshEditor();
  });
  afterEach(() => editor.person.leave());
}

/** The next event for which this holds. */
export function next<T>(event: vscode.Event<T>, isIt: (value: T) => boolean = () => true): Promise<T> {
  return new Promise(resolve => {
    const heard = event(value => {
      if (!isIt(value)) return;
      heard.dispose();
      resolve(value);
    });
  });
}

/** Resolves when all that is under way without a timer or a file has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>(resolve => void setImmediate(resolve));
}

/** Returns an empty store, as the editor keeps one for an extension in a workspace. */
export function memento(): vscode.Memento {
  const values = new Map<string, unknown>();
  return part<vscode.Memento>('Memento', {
    get: (key: string) => values.get(key) as never,
    update: async (key, value) => void values.set(key, value),
  });
}
