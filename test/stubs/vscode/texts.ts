import { readFile } from 'node:fs/promises';
import type * as vscode from 'vscode';
import { Disposable, EventEmitter } from './events.ts';
import { part } from './part.ts';
import { Position, Selection } from './places.ts';

/** A document that a test may change. */
export interface OpenDocument extends Omit<vscode.TextDocument, 'languageId'> {
  text: string;
  languageId: string;
}

/** An editor of a document, with its decorations. */
export interface OpenEditor extends vscode.TextEditor {
  readonly decorations: Map<vscode.TextEditorDecorationType, readonly vscode.DecorationOptions[]>;
  viewColumn: vscode.ViewColumn;
}

/** The open documents, and the editors that show them. */
export class Texts {
  readonly opened = new EventEmitter<vscode.TextDocument>();
  readonly closed = new EventEmitter<vscode.TextDocument>();
  readonly visibleChanged = new EventEmitter<readonly vscode.TextEditor[]>();
  readonly activeChanged = new EventEmitter<vscode.TextEditor | undefined>();
  readonly selectionChanged = new EventEmitter<vscode.TextEditorSelectionChangeEvent>();
  documents: readonly OpenDocument[] = [];
  editors: readonly OpenEditor[] = [];
  active: OpenEditor | undefined;
  readonly #providers = new Map<string, vscode.TextDocumentContentProvider>();

  provide(scheme: string, provider: vscode.TextDocumentContentProvider): vscode.Disposable {
    this.#providers.set(scheme, provider);
    const listening = provider.onDidChange?.(uri => void this.#readAnew(uri));
    return new Disposable(() => {
      this.#providers.delete(scheme);
      listening?.dispose();
    });
  }

  /** Opens a document with this text. */
  add(uri: vscode.Uri, text: string, languageId = 'plaintext'): OpenDocument {
    const document: OpenDocument = part<OpenDocument>('TextDocument', {
      ...{ uri, languageId },
      isUntitled: uri.scheme === 'untitled',
      text,
      getText: (): string => document.text,
    });
    this.documents = [...this.documents, document];
    this.opened.fire(document);
    return document;
  }

  close(uri: vscode.Uri): void {
    const document = this.#find(uri);
    if (document === undefined) return;
    this.documents = this.documents.filter(each => each !== document);
    this.#show(this.editors.filter(each => each.document !== document));
    this.closed.fire(document);
  }

  async open(uri: vscode.Uri): Promise<OpenDocument> {
    return this.#find(uri) ?? this.add(uri, await this.#textOf(uri));
  }

  async show(
    shown: vscode.TextDocument | vscode.Uri,
    options: vscode.TextDocumentShowOptions = {},
  ): Promise<OpenEditor> {
    const document = await this.open('uri' in shown ? shown.uri : shown);
    const known = this.editors.find(each => each.document === document);
    const editor = known ?? editorOf(document);
    if (options.viewColumn !== undefined) editor.viewColumn = options.viewColumn;
    this.active = editor;
    if (known === undefined) this.#show([...this.editors, editor]);
    this.activeChanged.fire(editor);
    const { selection } = options;
    if (selection !== undefined) this.select(editor, selection.start, selection.end);
    return editor;
  }

  /** Moves the cursor of an editor. */
  select(editor: OpenEditor, anchor: vscode.Position, active = anchor): void {
    editor.selection = new Selection(anchor, active) as unknown as vscode.Selection;
    this.selectionChanged.fire({ textEditor: editor, selections: [editor.selection], kind: undefined });
  }

  #find(uri: vscode.Uri): OpenDocument | undefined {
    return this.documents.find(document => document.uri.toString() === uri.toString());
  }

  #show(editors: readonly OpenEditor[]): void {
    this.editors = editors;
    if (this.active !== undefined && !editors.includes(this.active)) this.active = undefined;
    this.visibleChanged.fire(editors);
  }

  async #textOf(uri: vscode.Uri): Promise<string> {
    const provider = this.#providers.get(uri.scheme);
    if (provider !== undefined)
      return (await provider.provideTextDocumentContent(uri, undefined as never)) ?? '';
    if (uri.scheme === 'untitled') return '';
    if (uri.scheme === 'file') return readFile(uri.fsPath, 'utf8');
    throw new Error(`cannot open ${uri.toString()}`);
  }

  async #readAnew(uri: vscode.Uri): Promise<void> {
    const document = this.#find(uri);
    if (document !== undefined) document.text = await this.#textOf(uri);
  }
}

function editorOf(document: OpenDocument): OpenEditor {
  const start = new Position(0, 0) as unknown as vscode.Position;
  const decorations: OpenEditor['decorations'] = new Map();
  const insertAtStart = (at: vscode.Position, text: string): void => {
    if (!at.isEqual(start)) throw new Error('the stub of vscode inserts at the beginning only');
    document.text = text + document.text;
  };
  return part<OpenEditor>('TextEditor', {
    document,
    decorations,
    selection: new Selection(start, start) as unknown as vscode.Selection,
    viewColumn: 1,
    setDecorations: (type, options) => {
      decorations.set(type, options as readonly vscode.DecorationOptions[]);
    },
    edit: async change => {
      change(part<vscode.TextEditorEdit>('TextEditorEdit', { insert: insertAtStart }));
      return true;
    },
    insertSnippet: async (snippet, at) => {
      insertAtStart(at as vscode.Position, snippet.value);
      return true;
    },
  });
}
