import type * as vscode from 'vscode';
import { EventEmitter } from './events.ts';
import { part } from './part.ts';
import { Person } from './person.ts';
import { Settings } from './settings.ts';
import { Texts } from './texts.ts';

/** The state of the editor's stub. A test reads it, and acts on it as a person does. */

export interface ShownStatusBarItem extends vscode.StatusBarItem {
  isShown: boolean;
}

export interface ShownTerminal extends vscode.Terminal {
  readonly options: vscode.TerminalOptions | vscode.ExtensionTerminalOptions;
  isShown: boolean;
}

/** A tree, with the actions of a mouse. */
export interface ShownTree extends vscode.TreeView<unknown> {
  readonly provider: vscode.TreeDataProvider<unknown>;
  /** The rows that were revealed, with the options. */
  readonly revealed: (readonly [row: unknown, options: object | undefined])[];
  see(visible: boolean): void;
  select(...rows: readonly unknown[]): void;
  collapse(row: unknown): void;
}

/** A panel, with the messages that its page sends and receives. */
export interface ShownPanel extends vscode.WebviewPanel {
  readonly posted: unknown[];
  readonly onDidPost: vscode.Event<unknown>;
  /** The number of times that it was revealed. */
  reveals: number;
  isClosed: boolean;
  /** Sends a message as the page. */
  send(message: unknown): void;
  see(visible: boolean): void;
}

/** A controller of the Test Explorer, with the actions of a person. */
export interface ShownTests extends vscode.TestController {
  /** The reports of all runs: each with the item's label, and what was reported. */
  readonly reports: (readonly [item: string, state: string, ...details: readonly unknown[]])[];
  /** The output of each item, by its label. */
  readonly outputs: Map<string, string>;
  /** The number of runs that have not ended. */
  open: number;
  readonly profiles: vscode.TestRunProfile[];
  /** Fires when a run has ended. */
  readonly onDidEnd: vscode.Event<void>;
  /** Runs items, or everything. The returned function cancels. */
  runTests(
    include?: readonly vscode.TestItem[],
    exclude?: readonly vscode.TestItem[],
  ): {
    readonly done: Promise<void>;
    readonly cancel: () => void;
  };
}

/** An output channel that keeps its lines. */
export interface KeptLog extends vscode.LogOutputChannel {
  readonly lines: string[];
  isShown: boolean;
}

export class Editor {
  readonly person = new Person();
  readonly texts = new Texts();
  readonly settings = new Settings(() => this.isTrusted);
  readonly trusted = new EventEmitter<void>();
  /** The changes of files, as their watchers report them. */
  readonly files = {
    created: new EventEmitter<vscode.Uri>(),
    changed: new EventEmitter<vscode.Uri>(),
    deleted: new EventEmitter<vscode.Uri>(),
  };
  /** The controllers of the Test Explorer. */
  readonly testControllers: ShownTests[] = [];
  isTrusted = true;
  clipboard = '';
  /** The absolute paths of the open folders. */
  folders: readonly string[] = [];
  readonly handlers = new Map<string, (...args: readonly unknown[]) => unknown>();
  /** Executed commands, including those that the stub only records. */
  readonly executed: (readonly [id: string, ...args: readonly unknown[]])[] = [];
  readonly contextKeys = new Map<string, unknown>();
  /** Fires with each context key that is set. */
  readonly contextSet = new EventEmitter<string>();
  readonly statusTexts: string[] = [];
  /** The titles of shown progress, and the messages below them. */
  readonly progress: string[] = [];
  readonly progressMessages: string[] = [];
  readonly statusBarItems: ShownStatusBarItem[] = [];
  readonly terminals: ShownTerminal[] = [];
  readonly tasks: vscode.Task[] = [];
  readonly trees = new Map<string, ShownTree>();
  readonly panels: ShownPanel[] = [];
  /** The tabs of webviews that the editor has not restored yet. */
  sleepingTabs: readonly vscode.Tab[] = [];
  readonly logs: KeptLog[] = [];
  readonly decorationTypes: (vscode.TextEditorDecorationType & {
    readonly options: vscode.DecorationRenderOptions;
  })[] = [];
  /** The registered providers, by the name of the registration. */
  readonly registered = new Map<string, unknown>();
}

export let editor = new Editor();

/** Creates an empty editor for a test. */
export function freshEditor(): Editor {
  return (editor = new Editor());
}

export function keptLog(name = 'log'): KeptLog {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (text: string | Error): void =>
      void lines.push(`${level} ${text instanceof Error ? text.message : text}`);
  const log = part<KeptLog>('LogOutputChannel', {
    name,
    lines,
    isShown: false,
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    show: () => void (log.isShown = true),
    dispose: () => undefined,
  });
  return log;
}
