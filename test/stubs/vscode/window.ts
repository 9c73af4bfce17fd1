import type * as vscode from 'vscode';
import {
  editor,
  keptLog,
  type ShownPanel,
  type ShownStatusBarItem,
  type ShownTerminal,
  type ShownTree,
} from './editor.ts';
import { Disposable, EventEmitter } from './events.ts';
import { part } from './part.ts';
import { Uri } from './uri.ts';
import { QuickPickItemKind } from './values.ts';

export const window = part<typeof vscode.window>('window', {
  get activeTextEditor() {
    return editor.texts.active;
  },
  get visibleTextEditors() {
    return editor.texts.editors;
  },
  get onDidChangeActiveTextEditor() {
    return editor.texts.activeChanged.event;
  },
  get onDidChangeVisibleTextEditors() {
    return editor.texts.visibleChanged.event;
  },
  get onDidChangeTextEditorSelection() {
    return editor.texts.selectionChanged.event;
  },
  showTextDocument: (shown: vscode.TextDocument | vscode.Uri, options?: unknown) =>
    editor.texts.show(shown, options as vscode.TextDocumentShowOptions),
  showQuickPick,
  showInputBox,
  showInformationMessage: (text: string, ...rest: readonly unknown[]) => tell('info', text, rest),
  showWarningMessage: (text: string, ...rest: readonly unknown[]) => tell('warning', text, rest),
  showErrorMessage: (text: string, ...rest: readonly unknown[]) => tell('error', text, rest),
  showSaveDialog: async ({ title = '' } = {}) => {
    const path = await editor.person.answer({ kind: 'save', text: title });
    return typeof path === 'string' ? Uri.file(path) : undefined;
  },
  setStatusBarMessage: (text: string) => {
    editor.statusTexts.push(text);
    return new Disposable(() => undefined);
  },
  withProgress: ({ title = '' }, task) => {
    editor.progress.push(title);
    const report = ({ message }: { readonly message?: string }): void => {
      if (message !== undefined) editor.progressMessages.push(message);
    };
    return task({ report }, undefined as never);
  },
  createOutputChannel: (name: string) => {
    const log = keptLog(name);
    editor.logs.push(log);
    return log;
  },
  createStatusBarItem,
  createTerminal,
  createTreeView,
  createWebviewPanel,
  get tabGroups() {
    return part<vscode.TabGroups>('TabGroups', {
      all: [part<vscode.TabGroup>('TabGroup', { tabs: editor.sleepingTabs })],
      close: async tab => {
        editor.sleepingTabs = editor.sleepingTabs.filter(each => each !== tab);
        return true;
      },
    });
  },
  createTextEditorDecorationType: options => {
    const type = { key: `decoration ${editor.decorationTypes.length}`, options, dispose: () => undefined };
    editor.decorationTypes.push(type);
    return type;
  },
  registerFileDecorationProvider: provider => register('fileDecorations', provider),
  registerTerminalLinkProvider: provider => register('terminalLinks', provider),
  registerTerminalProfileProvider: (id, provider) => register(id, provider),
  registerWebviewPanelSerializer: (type, serializer) => register(type, serializer),
});

function register(name: string, provider: unknown): vscode.Disposable {
  editor.registered.set(name, provider);
  return new Disposable(() => editor.registered.delete(name));
}

async function showQuickPick(items: unknown, options: vscode.QuickPickOptions = {}): Promise<never> {
  const all = [...((await items) as readonly (string | vscode.QuickPickItem)[])];
  const offered = all.flatMap(item => {
    if (typeof item === 'string') throw new Error('the stub of vscode picks no strings');
    return item.kind === QuickPickItemKind.Separator ? [] : [item];
  });
  const { title, placeHolder, canPickMany = false } = options;
  const text = joined(title, placeHolder);
  return (await editor.person.answer({ kind: 'pick', text, items: offered, isMany: canPickMany })) as never;
}

async function showInputBox(options: vscode.InputBoxOptions = {}): Promise<string | undefined> {
  const { title, prompt, value = '' } = options;
  const faultOf = async (text: string): Promise<string | undefined> => {
    const fault = await options.validateInput?.(text);
    if (fault === undefined || fault === null || fault === '') return undefined;
    return typeof fault === 'string' ? fault : fault.message;
  };
  const text = joined(title, prompt);
  return (await editor.person.answer({ kind: 'input', text, value, faults: [], faultOf })) as never;
}

const joined = (...parts: readonly (string | undefined)[]): string =>
  parts.filter(part => part !== undefined).join(': ');

/** The last arguments are the buttons, as texts or objects. Options may come before them. */
async function tell(
  severity: 'info' | 'warning' | 'error',
  text: string,
  rest: readonly unknown[],
): Promise<never> {
  const isOptions = (each: unknown): boolean => typeof each === 'object' && !('title' in (each as object));
  const options = (isOptions(rest[0]) ? rest[0] : {}) as vscode.MessageOptions;
  const items = (isOptions(rest[0]) ? rest.slice(1) : rest) as readonly (string | vscode.MessageItem)[];
  const labelOf = (item: string | vscode.MessageItem): string =>
    typeof item === 'string' ? item : item.title;
  const pressed = await editor.person.answer({
    kind: options.modal === true ? 'modal' : 'toast',
    severity,
    text,
    detail: options.detail,
    buttons: items.map(labelOf),
  });
  return items.find(item => labelOf(item) === pressed) as never;
}

function createStatusBarItem(id: unknown, alignment: unknown, priority?: number): vscode.StatusBarItem {
  if (typeof id !== 'string') throw new Error('the stub of vscode has status bar items with ids only');
  const item = part<ShownStatusBarItem>('StatusBarItem', {
    id,
    alignment: alignment as vscode.StatusBarAlignment,
    priority,
    name: undefined,
    text: '',
    tooltip: undefined,
    color: undefined,
    backgroundColor: undefined,
    command: undefined,
    accessibilityInformation: undefined,
    isShown: false,
    show: () => void (item.isShown = true),
    hide: () => void (item.isShown = false),
    dispose: () => void (item.isShown = false),
  });
  editor.statusBarItems.push(item);
  return item;
}

function createTerminal(options: unknown): vscode.Terminal {
  if (typeof options !== 'object' || options === null) throw new Error('a terminal is made with options');
  const { name = '' } = options as vscode.TerminalOptions;
  const terminal = part<ShownTerminal>('Terminal', {
    name,
    options,
    isShown: false,
    show: () => void (terminal.isShown = true),
  });
  editor.terminals.push(terminal);
  return terminal;
}

function createTreeView<T>(id: string, { treeDataProvider }: vscode.TreeViewOptions<T>): vscode.TreeView<T> {
  const visibility = new EventEmitter<vscode.TreeViewVisibilityChangeEvent>();
  const collapsed = new EventEmitter<vscode.TreeViewExpansionEvent<unknown>>();
  const state = { visible: false, selection: [] as unknown[] };
  const view = part<ShownTree>('TreeView', {
    provider: treeDataProvider,
    revealed: [],
    message: '',
    description: '',
    badge: undefined,
    get visible() {
      return state.visible;
    },
    get selection() {
      return state.selection;
    },
    onDidChangeVisibility: visibility.event,
    onDidCollapseElement: collapsed.event,
    reveal: async (row, options) => void view.revealed.push([row, options]),
    see: visible => {
      state.visible = visible;
      visibility.fire({ visible });
    },
    select: (...rows) => void (state.selection = [...rows]),
    collapse: row => collapsed.fire({ element: row }),
    dispose: () => void editor.trees.delete(id),
  });
  editor.trees.set(id, view);
  return view as vscode.TreeView<unknown> as vscode.TreeView<T>;
}

function createWebviewPanel(viewType: string, title: string): vscode.WebviewPanel {
  const heard = new EventEmitter<unknown>();
  const stateChanged = new EventEmitter<vscode.WebviewPanelOnDidChangeViewStateEvent>();
  const closed = new EventEmitter<void>();
  const posted: unknown[] = [];
  const told = new EventEmitter<unknown>();
  const state = { visible: true };
  const webview = part<vscode.Webview>('Webview', {
    html: '',
    options: {},
    cspSource: 'https://csp.example',
    onDidReceiveMessage: heard.event,
    asWebviewUri: uri => uri.with({ scheme: 'webview' }),
    postMessage: async message => {
      posted.push(message);
      told.fire(message);
      return true;
    },
  });
  const panel = part<ShownPanel>('WebviewPanel', {
    ...{ viewType, title, webview, posted, onDidPost: told.event },
    reveals: 0,
    isClosed: false,
    get visible() {
      return state.visible;
    },
    onDidDispose: closed.event,
    onDidChangeViewState: stateChanged.event,
    reveal: () => void (panel.reveals += 1),
    send: message => heard.fire(message),
    see: visible => {
      state.visible = visible;
      stateChanged.fire({ webviewPanel: panel });
    },
    dispose: () => {
      if (panel.isClosed) return;
      panel.isClosed = true;
      closed.fire();
    },
  });
  editor.panels.push(panel);
  return panel;
}
