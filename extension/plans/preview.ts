import * as v from 'valibot';
import * as vscode from 'vscode';
import { messageOf } from '../../engine/errors.ts';
import { fromPreviewSchema, type ToPreview } from '../../webview/plan/protocol.ts';
import { DisposableStore } from '../disposable.ts';
import { pageFile, pageOf } from '../panels/page.ts';
import { Paced } from './paced.ts';
import type { Plans } from './plans.ts';
import { statesOf } from './states.ts';

/** The most nodes of a graph. A larger one is unreadable and slow to draw. */
const MAX_NODES = 500;
/** The shortest time between two drawings of the graph, in milliseconds. */
const DRAW_MS = 150;

const FOLLOWS = (): Readonly<Record<'accepted' | 'failed' | 'always', string | null>> => ({
  accepted: null,
  failed: vscode.l10n.t('afterwards, if any failed'),
  always: vscode.l10n.t('afterwards, in any case'),
});

interface PreviewHost {
  readonly extensionUri: vscode.Uri;
  readonly plans: Plans;
  readonly log: vscode.LogOutputChannel;
}

/** The open graphs of plans, one for each plan. */
export class PlanPreviews implements vscode.Disposable {
  readonly #host: PreviewHost;
  readonly #open = new Map<string, PlanPreview>();

  constructor(host: PreviewHost) {
    this.#host = host;
  }

  /** Shows the graph beside the plan. Reuses an open one. */
  show(uri: vscode.Uri): void {
    const key = uri.toString();
    const open = this.#open.get(key) ?? new PlanPreview(uri, this.#host, () => this.#open.delete(key));
    this.#open.set(key, open);
    open.reveal();
  }

  dispose(): void {
    for (const preview of [...this.#open.values()]) preview.dispose();
  }
}

class PlanPreview implements vscode.Disposable {
  readonly #uri: vscode.Uri;
  readonly #host: PreviewHost;
  readonly #panel: vscode.WebviewPanel;
  readonly #owned = new DisposableStore();
  readonly #drawing: Paced;
  /** The nodes of the graph as it is shown now. */
  #nodes: readonly { readonly name: string; readonly line: number }[] = [];
  #closed = false;

  constructor(uri: vscode.Uri, host: PreviewHost, onClosed: () => void) {
    this.#uri = uri;
    this.#host = host;
    this.#panel = vscode.window.createWebviewPanel(
      'fleet.plan',
      vscode.l10n.t('Preview {0}', uri.path.split('/').at(-1) ?? ''),
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [pageFile(host.extensionUri)] },
    );
    const { webview } = this.#panel;
    this.#drawing = this.#owned.add(
      new Paced(
        () => this.#draw().catch((error: unknown) => this.#host.log.debug(`plans: ${messageOf(error)}`)),
        DRAW_MS,
      ),
    );
    this.#owned.add(webview.onDidReceiveMessage(message => this.#onMessage(message)));
    this.#owned.add(host.plans.onDidChange(changed => changed === uri.toString() && this.#drawing.soon()));
    this.#owned.add(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.#followCursor(textEditor)),
    );
    this.#panel.onDidDispose(() => {
      this.#closed = true;
      this.#owned.dispose();
      onClosed();
    });
    webview.html = pageOf(webview, host.extensionUri, {
      script: ['plan', 'main.js'],
      style: ['plan', 'plan.css'],
      title: vscode.l10n.t('Plan'),
    });
  }

  reveal(): void {
    this.#panel.reveal(undefined, true);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  #post(message: ToPreview): void {
    if (!this.#closed) void this.#panel.webview.postMessage(message);
  }

  #onMessage(message: unknown): void {
    const decoded = v.safeParse(fromPreviewSchema, message);
    if (!decoded.success) return this.#host.log.debug('plans: a message of the preview that is none');
    if (decoded.output.type === 'ready') this.#drawing.soon();
    else void this.#reveal(decoded.output);
  }

  /** Reveals the subtask that was clicked, wherever it stands now. The clicked graph may be an older one. */
  async #reveal({ id, name }: { readonly id: number; readonly name: string }): Promise<void> {
    const same = this.#nodes[id]?.name === name ? this.#nodes[id] : undefined;
    const line = (same ?? this.#nodes.find(node => node.name === name))?.line;
    if (line === undefined) return;
    const at = new vscode.Position(line, 0);
    const shown = vscode.window.visibleTextEditors.find(
      ({ document }) => document.uri.toString() === this.#uri.toString(),
    );
    await vscode.window.showTextDocument(this.#uri, {
      viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One,
      selection: new vscode.Range(at, at),
    });
  }

  async #draw(): Promise<void> {
    const graph = await (await this.#host.plans.client()).graph(this.#uri.toString());
    if (graph === null) return;
    const nodes = graph.nodes.slice(0, MAX_NODES);
    const states = await statesOf(this.#host.plans, this.#uri);
    this.#nodes = nodes;
    const left = graph.nodes.length - nodes.length;
    this.#post({
      type: 'graph',
      goal: graph.goal,
      join: graph.join,
      nodes: nodes.map(({ id, name, detail, count, layer, when }) => {
        const state = states.get(id);
        return {
          id,
          name,
          detail,
          count,
          layer,
          follows: FOLLOWS()[when],
          tone: state?.tone ?? null,
          state: state?.text ?? '',
        };
      }),
      edges: graph.edges.filter(({ from, to }) => from < MAX_NODES && to < MAX_NODES),
      left,
      words: {
        empty: vscode.l10n.t('The plan has no subtasks yet.'),
        waitsFor: vscode.l10n.t('waits for'),
        join: vscode.l10n.t('Done when:'),
        left: vscode.l10n.t('{0} more subtasks are left out of the picture.', left),
      },
    });
    const editor = vscode.window.visibleTextEditors.find(
      ({ document }) => document.uri.toString() === this.#uri.toString(),
    );
    if (editor !== undefined) this.#followCursor(editor);
  }

  #followCursor({ document, selection }: vscode.TextEditor): void {
    if (document.uri.toString() !== this.#uri.toString()) return;
    const id = this.#nodes.findLastIndex(({ line }) => line <= selection.active.line);
    this.#post({ type: 'cursor', id: id === -1 ? null : id });
  }
}
