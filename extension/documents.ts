import * as vscode from 'vscode';

const SCHEME = 'fleet';
/** The most documents that are kept. A document that was dropped is read again on request. */
const MAX_KEPT = 50;

/** Read-only texts about the fleet, shown in an editor. */
export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  // After the event: the editor subscribes to it during this call, or never.
  readonly #registered = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  /**
   * Shows a text beside the open editor, as a preview. @param name its title, with the file extension of its language
   */
  async show(name: string, text: string): Promise<void> {
    const uri = this.#publish(name, text);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true, preserveFocus: false });
  }

  /** Shows a page of Markdown, rendered. @param name its title */
  async showPage(name: string, markdown: string): Promise<void> {
    const uri = this.#publish(`${name}.md`, markdown);
    await vscode.workspace.openTextDocument(uri);
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return (
      this.#texts.get(uri.toString()) ??
      vscode.l10n.t('This was shown in an earlier window. Ask for it again.')
    );
  }

  dispose(): void {
    this.#registered.dispose();
    this.#changed.dispose();
  }

  #publish(name: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name.replaceAll('/', '_')}` });
    this.#keep(uri.toString(), text);
    this.#changed.fire(uri);
    return uri;
  }

  #keep(key: string, text: string): void {
    this.#texts.delete(key);
    this.#texts.set(key, text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > MAX_KEPT && oldest !== undefined) this.#texts.delete(oldest);
  }
}
