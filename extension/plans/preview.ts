import * as v from 'valibot';
import * as vscode from 'vscode';
import { messageOf } from '../../engine/errors.ts';
import { fromPreviewSchema, savedPlanOf, type ToPreview } from '../../webview/plan/protocol.ts';
import { DisposableStore } from '../disposable.ts';
import { pageFile, pageOf, tabIcon } from '../panels/page.ts';
import { Paced } from './paced.ts';
import { isPlan } from './plan-files.ts';
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

/** Returns the condition of a join in words; an expression as it is written. */
function conditionText(join: string): string {
  const [kind, k] = join.split(':');
  if (kind === 'all') return vscode.l10n.t('all pass');
  if (kind === 'any') return vscode.l10n.t('one passes');
  return kind === 'k_of_n' ? vscode.l10n.t('{0} pass', k ?? '') : join;
}

interface PreviewHost {
  readonly extensionUri: vscode.Uri;
  readonly plans: Plans;
  readonly log: vscode.LogOutputChannel;
}

const PREVIEW_TYPE = 'fleet.plan';

/** The graph of the active plan, beside its text. It follows the editor from plan to plan. */
export class PlanPreviews implements vscode.Disposable {
  readonly #host: PreviewHost;
  readonly #owned = new DisposableStore();
  #open: PlanPreview | undefined;

  constructor(host: PreviewHost) {
    this.#host = host;
    this.#owned.add(
      vscode.window.onDidChangeActiveTextEditor(editor => {
        if (editor !== undefined && isPlan(editor.document)) this.#open?.follow(editor.document.uri);
      }),
    );
    this.#owned.add(
      vscode.window.registerWebviewPanelSerializer(PREVIEW_TYPE, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, savedPlanOf(state)),
      }),
    );
  }

  /** Shows the graph of a plan beside it. Reuses an open preview. */
  show(uri: vscode.Uri): void {
    if (this.#open === undefined)
      this.#adopt(
        vscode.window.createWebviewPanel(
          PREVIEW_TYPE,
          '',
          { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
          {},
        ),
        uri,
      );
    this.#open?.follow(uri);
    this.#open?.reveal();
  }

  dispose(): void {
    this.#owned.dispose();
    this.#open?.dispose();
  }

  /** Takes over the preview of an earlier session. One of a plan that cannot be opened is closed. */
  async #restore(panel: vscode.WebviewPanel, saved: string | null): Promise<void> {
    try {
      if (saved === null || this.#open !== undefined) {
        panel.dispose();
        return;
      }
      const { uri } = await vscode.workspace.openTextDocument(vscode.Uri.parse(saved));
      this.#adopt(panel, uri);
    } catch (error) {
      this.#host.log.debug(`plans: ${messageOf(error)}`);
      panel.dispose();
    }
  }

  #adopt(panel: vscode.WebviewPanel, uri: vscode.Uri): void {
    const preview = new PlanPreview(panel, uri, this.#host, () => {
      if (this.#open === preview) this.#open = undefined;
    });
    this.#open = preview;
  }
}

class PlanPreview implements vscode.Disposable {
  readonly #host: PreviewHost;
  readonly #panel: vscode.WebviewPanel;
  readonly #owned = new DisposableStore();
  readonly #drawing: Paced;
  #uri: vscode.Uri;
  /** The nodes of the graph as it is shown now. */
  #nodes: readonly { readonly name: string; readonly line: number }[] = [];
  #closed = false;

  constructor(panel: vscode.WebviewPanel, uri: vscode.Uri, host: PreviewHost, onClosed: () => void) {
    this.#uri = uri;
    this.#host = host;
    this.#panel = panel;
    const { webview } = panel;
    this.#drawing = this.#owned.add(
      new Paced(
        () => this.#draw().catch((error: unknown) => this.#host.log.debug(`plans: ${messageOf(error)}`)),
        DRAW_MS,
      ),
    );
    this.#owned.add(webview.onDidReceiveMessage(message => this.#onMessage(message)));
    this.#owned.add(
      host.plans.onDidChange(changed => changed === this.#uri.toString() && this.#drawing.soon()),
    );
    this.#owned.add(
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.#followCursor(textEditor)),
    );
    panel.onDidDispose(() => {
      this.#closed = true;
      this.#owned.dispose();
      onClosed();
    });
    this.#name();
    panel.iconPath = tabIcon(host.extensionUri);
    webview.options = { enableScripts: true, localResourceRoots: [pageFile(host.extensionUri)] };
    webview.html = pageOf(webview, host.extensionUri, {
      script: ['plan', 'main.js'],
      style: ['plan', 'plan.css'],
      title: vscode.l10n.t('Plan'),
    });
  }

  /** Shows the graph of another plan instead. */
  follow(uri: vscode.Uri): void {
    if (uri.toString() === this.#uri.toString()) return;
    this.#uri = uri;
    this.#name();
    this.#drawing.soon();
  }

  reveal(): void {
    this.#panel.reveal(undefined, true);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  #name(): void {
    this.#panel.title = vscode.l10n.t('Preview {0}', this.#uri.path.split('/').at(-1) ?? '');
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
    const uri = this.#uri;
    const graph = await (await this.#host.plans.client()).graph(uri.toString());
    if (graph === null) return;
    const nodes = graph.nodes.slice(0, MAX_NODES);
    const states = await statesOf(this.#host.plans, uri);
    if (uri !== this.#uri) return;
    this.#nodes = nodes;
    const left = graph.nodes.length - nodes.length;
    this.#post({
      type: 'graph',
      uri: uri.toString(),
      goal: graph.goal,
      join: conditionText(graph.join),
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
        zoom: vscode.l10n.t('Zoom'),
        zoomIn: vscode.l10n.t('Zoom in'),
        zoomOut: vscode.l10n.t('Zoom out'),
        zoomFit: vscode.l10n.t('Show everything'),
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
