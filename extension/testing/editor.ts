import { afterEach, beforeEach } from 'mocha';
import type * as vscode from 'vscode';
import { editor, freshEditor, part } from '../../test/stubs/vscode.ts';

/**
 * Gives each test of a suite its own editor. Fails a test that leaves a question without an answer, or an answer
 * without a question.
 */
export function useEditor(): void {
  beforeEach(() => {
    freshEditor();
  });
  afterEach(() => editor.person.leave());
}

/** Resolves with the next event for which `isIt` holds. */
export function next<T>(event: vscode.Event<T>, isIt: (value: T) => boolean = () => true): Promise<T> {
  return new Promise(resolve => {
    const heard = event(value => {
      if (!isIt(value)) return;
      heard.dispose();
      resolve(value);
    });
  });
}

/** Resolves when all pending work has run that needs no timer and no file. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>(resolve => void setImmediate(resolve));
}

/** Returns an empty store, like the one that the editor keeps for an extension in a workspace. */
export function memento(): vscode.Memento {
  const values = new Map<string, unknown>();
  return part<vscode.Memento>('Memento', {
    get: (key: string, otherwise?: unknown) => (values.has(key) ? values.get(key) : otherwise) as never,
    update: async (key, value) => void values.set(key, value),
  });
}
