import type * as vscode from 'vscode';
import { editor } from './editor.ts';
import { Disposable } from './events.ts';
import { part } from './part.ts';
import type { OpenDocument } from './texts.ts';

/** The smaller namespaces of the API. */

/** Matches the editor's own commands. They are recorded, and do nothing. */
const BUILT_IN = /^(vscode|workbench)\.|\.focus$/;

export const commands = part<typeof vscode.commands>('commands', {
  registerCommand: (id, handler: (...args: readonly unknown[]) => unknown) => {
    if (editor.handlers.has(id)) throw new Error(`command '${id}' already exists`);
    editor.handlers.set(id, handler);
    return new Disposable(() => editor.handlers.delete(id));
  },
  executeCommand: async (id, ...args: readonly unknown[]) => {
    editor.executed.push([id, ...args]);
    if (id === 'setContext') return setContext(args[0] as string, args[1]) as never;
    if (id === 'markdown.showPreview') return (await editor.texts.show(args[0] as vscode.Uri)) as never;
    const handler = editor.handlers.get(id);
    if (handler !== undefined) return (await handler(...args)) as never;
    if (!BUILT_IN.test(id)) throw new Error(`command '${id}' not found`);
    return undefined as never;
  },
});

function setContext(key: string, value: unknown): void {
  editor.contextKeys.set(key, value);
  editor.contextSet.fire(key);
}

export const env = part<typeof vscode.env>('env', {
  language: 'en',
  clipboard: {
    readText: async () => editor.clipboard,
    writeText: async text => void (editor.clipboard = text),
  },
});

/** Texts stay in the language of the source, English. */
export const l10n = part<typeof vscode.l10n>('l10n', {
  t: (message: unknown, ...args: readonly unknown[]) => {
    if (typeof message !== 'string') throw new Error('the stub of vscode translates plain texts only');
    return message.replace(/\{(\d+)\}/g, (whole, place) => {
      const value = args[Number(place)] as string | number | boolean | undefined;
      return value === undefined ? whole : String(value);
    });
  },
});

export const languages = part<typeof vscode.languages>('languages', {
  setTextDocumentLanguage: async (document, language) => {
    (document as OpenDocument).languageId = language;
    return document;
  },
  registerCodeLensProvider: (_selector, provider) => {
    editor.registered.set('codeLenses', provider);
    return new Disposable(() => editor.registered.delete('codeLenses'));
  },
});

export const tasks = part<typeof vscode.tasks>('tasks', {
  registerTaskProvider: (type, provider) => {
    editor.registered.set(`tasks ${type}`, provider);
    return new Disposable(() => editor.registered.delete(`tasks ${type}`));
  },
  executeTask: async task => {
    editor.tasks.push(task);
    return part<vscode.TaskExecution>('TaskExecution', { task });
  },
});
