import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  CodeActionKind,
  CompletionItemKind,
  DiagnosticSeverity,
  InsertTextFormat,
  ResponseError,
  LSPErrorCodes,
  SymbolKind,
  TextDocuments,
  TextDocumentSyncKind,
  type CodeAction,
  type CompletionItem,
  type Connection,
  type Diagnostic as ProtocolDiagnostic,
  type InitializeResult,
  type Range as ProtocolRange,
  type TextEdit,
} from 'vscode-languageserver';
import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import { celCompiler } from '../domain/join/cel.ts';
import { completionsAt, type Completion } from '../plan/language/completion.ts';
import { formatted } from '../plan/language/format.ts';
import { graphOf } from '../plan/language/graph.ts';
import { hoverAt } from '../plan/language/hover.ts';
import { definitionsAt, referencesAt, renamableAt, renamed, symbolsOf } from '../plan/language/navigation.ts';
import { PlanDocument } from '../plan/language/plan-document.ts';
import { TOKEN_KINDS, tokensOf } from '../plan/language/semantic-tokens.ts';
import type { Diagnostic, Range } from '../plan/diagnostics.ts';
import { narrowedTo } from '../plan/narrow.ts';
import { indicesNamed } from '../plan/picked.ts';
import { readPlan, type Plan, type PlanKnown, type PlannedSubtask } from '../plan/plan.ts';
import * as protocol from './protocol.ts';

/** The facts if nothing is known: any worker, agent and namespace may exist. */
const NOTHING_KNOWN: PlanKnown = {
  defaultExecutor: 'echo',
  executors: null,
  workers: null,
  namespaces: null,
};

const CAPABILITIES: InitializeResult = {
  capabilities: {
    textDocumentSync: TextDocumentSyncKind.Incremental,
    completionProvider: { triggerCharacters: ['.', ' ', '[', '{'] },
    hoverProvider: true,
    definitionProvider: true,
    referencesProvider: true,
    documentSymbolProvider: true,
    renameProvider: { prepareProvider: true },
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    documentFormattingProvider: true,
    semanticTokensProvider: { legend: { tokenTypes: [...TOKEN_KINDS], tokenModifiers: [] }, full: true },
  },
  serverInfo: { name: 'spl plans' },
};

/** Returns a first plan for the folder with this path. */
type DraftOf = (folder: string) => Promise<protocol.Draft>;

/** Serves the plans that the client opens, until the connection is closed. */
export function servePlans(connection: Connection, draftOf: DraftOf): void {
  const server = new PlanServer(connection, draftOf);
  connection.onInitialize(() => CAPABILITIES);
  server.listen();
}

/** The delay between a change and the reading of the plan, in milliseconds. */
const READ_AFTER_MS = 5;

/** An open plan with its cached results. */
interface Open {
  readonly plan: PlanDocument;
  lastRun: NonNullable<protocol.LastRun['facts']> | null;
  /** Set while a reading is scheduled. */
  due: NodeJS.Timeout | undefined;
}

class PlanServer {
  readonly #connection: Connection;
  readonly #documents = new TextDocuments(TextDocument);
  readonly #open = new Map<string, Open>();
  readonly #draftOf: DraftOf;
  #known: PlanKnown = NOTHING_KNOWN;

  constructor(connection: Connection, draftOf: DraftOf) {
    this.#connection = connection;
    this.#draftOf = draftOf;
  }

  listen(): void {
    this.#documents.onDidChangeContent(({ document }) => this.#readSoon(document));
    this.#documents.onDidClose(({ document }) => this.#closed(document.uri));
    this.#answerEditor();
    this.#answerClient();
    this.#documents.listen(this.#connection);
    this.#connection.listen();
  }

  // --- reading --------------------------------------------------------------------------------------------------

  /**
   * Schedules a reading. Changes in one burst are read once, and requests sent with the last change are answered first.
   */
  #readSoon({ uri }: TextDocument): void {
    const open = this.#openedAs(uri);
    open.due ??= setTimeout(() => {
      open.due = undefined;
      this.#publishDiagnostics(uri);
    }, READ_AFTER_MS);
  }

  #openedAs(uri: string): Open {
    const known = this.#open.get(uri);
    if (known !== undefined) return known;
    const open: Open = { plan: new PlanDocument(celCompiler), lastRun: null, due: undefined };
    this.#open.set(uri, open);
    return open;
  }

  #publishDiagnostics(uri: string): void {
    const document = this.#documents.get(uri);
    if (document === undefined) return;
    const { diagnostics } = this.#planOf(document);
    const { version } = document;
    const converted = diagnostics.map(each => diagnosticIn(document, each));
    void this.#connection.sendDiagnostics({ uri, version, diagnostics: converted });
    void this.#connection.sendNotification(protocol.READ, { uri, version } satisfies protocol.Read);
  }

  #closed(uri: string): void {
    const open = this.#open.get(uri);
    if (open?.due !== undefined) clearTimeout(open.due);
    this.#open.delete(uri);
    void this.#connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  #planOf(document: TextDocument): Plan {
    return this.#openedAs(document.uri).plan.read(document.getText(), this.#known);
  }

  // --- requests of an editor ------------------------------------------------------------------------------------

  /** Answers a request about an open plan; null for a plan that is not open. */
  #about<P extends { readonly textDocument: { readonly uri: string } }, R>(
    answer: (document: TextDocument, params: P) => R,
  ): (params: P) => R | null {
    return params => {
      const document = this.#documents.get(params.textDocument.uri);
      return document === undefined ? null : answer(document, params);
    };
  }

  #answerEditor(): void {
    const connection = this.#connection;
    connection.onCompletion(
      this.#about((document, { position }) => this.#complete(document, document.offsetAt(position))),
    );
    connection.onHover(
      this.#about((document, { position }) => {
        const { outline } = this.#planOf(document);
        const { lastRun } = this.#openedAs(document.uri);
        const context = { outline, cel: celCompiler, lastRun };
        const hover = hoverAt(document.getText(), document.offsetAt(position), context);
        return (
          hover && {
            contents: { kind: 'markdown' as const, value: hover.text },
            range: rangeIn(document, hover.range),
          }
        );
      }),
    );
    connection.onDefinition(
      this.#about((document, { position }) => this.#places(document, position, definitionsAt)),
    );
    connection.onReferences(
      this.#about((document, { position }) => this.#places(document, position, referencesAt)),
    );
    connection.onDocumentSymbol(this.#about(document => this.#symbols(document)));
    connection.onPrepareRename(
      this.#about((document, { position }) => {
        const { outline } = this.#planOf(document);
        const found = outline && renamableAt(outline, document.offsetAt(position));
        return found && { range: rangeIn(document, found.range), placeholder: found.name };
      }),
    );
    connection.onRenameRequest(
      this.#about((document, { position, newName }) =>
        this.#rename(document, document.offsetAt(position), newName),
      ),
    );
    connection.onCodeAction(this.#about((document, { range }) => this.#actions(document, range)));
    connection.onDocumentFormatting(this.#about(document => this.#format(document)));
    connection.languages.semanticTokens.on(this.#about(document => ({ data: this.#tokens(document) })));
  }

  #complete(document: TextDocument, offset: number): CompletionItem[] {
    const { plan } = this.#openedAs(document.uri);
    // While the user types, the last readable plan still provides names, at no cost.
    const context = { known: this.#known, outline: plan.lastOutline };
    return completionsAt(document.getText(), offset, context).map((each, at) =>
      completionIn(document, each, at),
    );
  }

  #places(
    document: TextDocument,
    position: ProtocolRange['start'],
    find: typeof definitionsAt,
  ): { uri: string; range: ProtocolRange }[] {
    const { outline } = this.#planOf(document);
    const found = outline === null ? [] : find(outline, document.offsetAt(position));
    return found.map(range => ({ uri: document.uri, range: rangeIn(document, range) }));
  }

  #symbols(document: TextDocument): {
    name: string;
    detail: string;
    kind: SymbolKind;
    range: ProtocolRange;
    selectionRange: ProtocolRange;
  }[] {
    const { outline } = this.#planOf(document);
    return (outline === null ? [] : symbolsOf(outline)).map(({ name, detail, kind, range, selection }) => ({
      name,
      detail,
      kind: SYMBOL_KINDS[kind],
      range: rangeIn(document, range),
      selectionRange: rangeIn(document, selection),
    }));
  }

  #rename(
    document: TextDocument,
    offset: number,
    newName: string,
  ): { changes: Record<string, TextEdit[]> } | null {
    const { outline } = this.#planOf(document);
    if (outline === null) return null;
    try {
      const edits = renamed(document.getText(), outline, offset, newName);
      const changes = edits.map(({ range, text }) => ({ range: rangeIn(document, range), newText: text }));
      return { changes: { [document.uri]: changes } };
    } catch (thrown) {
      if (!FleetError.is(thrown, 'INVALID_RECORD')) throw thrown;
      throw new ResponseError(LSPErrorCodes.RequestFailed, thrown.message);
    }
  }

  #actions(document: TextDocument, range: ProtocolRange): CodeAction[] {
    const [start, end] = [document.offsetAt(range.start), document.offsetAt(range.end)];
    const touched = this.#planOf(document).diagnostics.filter(
      each => each.range.start <= end && start <= each.range.end,
    );
    return touched.flatMap(diagnostic =>
      diagnostic.fixes.map((fix, at) => ({
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnosticIn(document, diagnostic)],
        isPreferred: at === 0,
        edit: { changes: { [document.uri]: [{ range: rangeIn(document, fix.range), newText: fix.text }] } },
      })),
    );
  }

  #format(document: TextDocument): TextEdit[] {
    const text = document.getText();
    const written = formatted(text, each => readPlan(each, { ...this.#known, cel: celCompiler }));
    if (written === null || written === text) return [];
    return [{ range: rangeIn(document, { start: 0, end: text.length }), newText: written }];
  }

  /** Encodes tokens for the protocol, each relative to the one before. */
  #tokens(document: TextDocument): number[] {
    const { outline } = this.#planOf(document);
    if (outline === null) return [];
    let [line, character] = [0, 0];
    return tokensOf(outline, document.getText()).flatMap(({ start, length, kind }) => {
      const at = document.positionAt(start);
      const converted = [at.line - line, at.line === line ? at.character - character : at.character];
      [line, character] = [at.line, at.character];
      return [...converted, length, TOKEN_KINDS.indexOf(kind), 0];
    });
  }

  // --- messages of a fleet's client -----------------------------------------------------------------------------

  #answerClient(): void {
    const connection = this.#connection;
    connection.onNotification(protocol.KNOWN, params => {
      const known = v.parse(v.nullable(protocol.knownSchema), params);
      this.#known = known ?? NOTHING_KNOWN;
      for (const document of this.#documents.all()) this.#readSoon(document);
    });
    connection.onNotification(protocol.LAST_RUN, params => {
      const { uri, facts } = v.parse(protocol.lastRunSchema, params);
      if (this.#documents.get(uri) !== undefined) this.#openedAs(uri).lastRun = facts;
    });
    connection.onRequest(protocol.OUTLINE, params =>
      this.#outline(v.parse(protocol.outlineRequestSchema, params)),
    );
    connection.onRequest(protocol.DRAFT, params =>
      this.#draftOf(v.parse(protocol.draftRequestSchema, params).folder),
    );
    connection.onRequest(protocol.GRAPH, params => this.#graph(v.parse(protocol.planSchema, params).uri));
    connection.onRequest<protocol.Requested, void>(protocol.REQUEST, params =>
      this.#request(v.parse(protocol.requestSchema, params)),
    );
  }

  #outline({ uri, text }: v.InferOutput<typeof protocol.outlineRequestSchema>): protocol.Outline {
    const open = this.#documents.get(uri);
    if (open === undefined && text === undefined) return null;
    const document = open ?? TextDocument.create(uri, 'yaml', 0, text!);
    const plan =
      open === undefined ? readPlan(text!, { ...this.#known, cel: celCompiler }) : this.#planOf(open);
    if (plan.outline === null) return null;
    const { subtasks, namespace, drafts } = plan.outline;
    const nameOf = (index: number): string | null => {
      const { name, goal } = drafts[index]?.body ?? {};
      return [name, goal].find(each => typeof each === 'string') ?? null;
    };
    return {
      version: document.version,
      isSound: plan.request !== null,
      namespace: namespace?.value ?? null,
      subtasks: subtasks.map(({ name, range, indices }) => ({
        name: name?.value ?? null,
        start: document.positionAt(range.start),
        nameEnd: document.positionAt(lineEnd(document, name?.range.end ?? range.start)),
        names: indices.map(nameOf),
        indices,
      })),
    };
  }

  #graph(uri: string): protocol.Graph {
    const document = this.#documents.get(uri);
    const outline = document && this.#planOf(document).outline;
    if (document === undefined || outline == null) return null;
    const graph = graphOf(outline);
    const nodes = graph.nodes.map(node => ({ ...node, line: document.positionAt(node.start).line }));
    return { version: document.version, ...graph, nodes, edges: [...graph.edges] };
  }

  #request({ uri, subtasks, params }: v.InferOutput<typeof protocol.requestSchema>): protocol.Requested {
    const document = this.#documents.get(uri);
    if (document === undefined) return { errors: 0 };
    const plan = this.#planOf(document);
    const asked = Array.from(plan.outline?.params.values() ?? []).filter(each => each.otherwise === null);
    if (plan.request !== null && asked.length > 0 && params === undefined)
      return { params: asked.map(({ name, description }) => ({ name, description })) };
    const given = { ...this.#known, cel: celCompiler, params };
    const { request, diagnostics } = params === undefined ? plan : readPlan(document.getText(), given);
    if (request === null)
      return { errors: diagnostics.filter(({ severity }) => severity === 'error').length };
    if (subtasks === null) return { request: { ...request } };
    const unknown = subtasks.find(each => indicesOf(request.subtasks, each).length === 0);
    if (unknown !== undefined) return { unknown: String(unknown) };
    const indices = subtasks.flatMap(each => indicesOf(request.subtasks, each));
    return { request: { ...narrowedTo(request, indices) } };
  }
}

/** Returns the indices of the subtasks that an index, a name or a pattern stands for. */
const indicesOf = (subtasks: readonly PlannedSubtask[], given: number | string): readonly number[] =>
  typeof given === 'string' ? indicesNamed(subtasks, given) : given < subtasks.length ? [given] : [];

// --- encoding for the protocol --------------------------------------------------------------------------------------

const SYMBOL_KINDS = {
  goal: SymbolKind.String,
  subtask: SymbolKind.Function,
  join: SymbolKind.Boolean,
} as const;

const ITEM_KINDS: Readonly<Record<Completion['kind'], CompletionItemKind>> = {
  key: CompletionItemKind.Property,
  value: CompletionItemKind.Value,
  subtask: CompletionItemKind.Reference,
  variable: CompletionItemKind.Variable,
  field: CompletionItemKind.Field,
  function: CompletionItemKind.Method,
  worker: CompletionItemKind.Module,
};

function completionIn(document: TextDocument, completion: Completion, at: number): CompletionItem {
  const { label, kind, detail, documentation, insert, range } = completion;
  return {
    label,
    kind: ITEM_KINDS[kind],
    ...(detail === null ? {} : { detail }),
    ...(documentation === null ? {} : { documentation: { kind: 'markdown', value: documentation } }),
    insertTextFormat: InsertTextFormat.Snippet,
    // Keeps the given order, and prevents alphabetical sorting.
    sortText: String(at).padStart(5, '0'),
    filterText: label,
    textEdit: { range: rangeIn(document, range), newText: insert },
  };
}

function diagnosticIn(
  document: TextDocument,
  { code, severity, message, range }: Diagnostic,
): ProtocolDiagnostic {
  return {
    code,
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    source: 'spl',
    message,
    range: rangeIn(document, range),
  };
}

function rangeIn(document: TextDocument, { start, end }: Range): ProtocolRange {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

function lineEnd(document: TextDocument, offset: number): number {
  const { line } = document.positionAt(offset);
  const text = document.getText();
  const next =
    line + 1 < document.lineCount ? document.offsetAt({ line: line + 1, character: 0 }) : text.length;
  return offset + text.slice(offset, next).trimEnd().length;
}
