import * as vscode from 'vscode';

/**
 * Opens a new plan, unsaved, beside the files that are there: `STEM.fanout.yaml`, or with the next free number.
 * @param stem the absolute path without the ending
 */
export async function openUntitledPlan(
  stem: string,
  content: string | vscode.SnippetString,
): Promise<vscode.Uri> {
  const document = await vscode.workspace.openTextDocument(await freePlace(stem));
  const editor = await vscode.window.showTextDocument(document);
  const snippet = typeof content === 'string' ? new vscode.SnippetString().appendText(content) : content;
  await editor.insertSnippet(snippet, new vscode.Position(0, 0));
  return document.uri;
}

async function freePlace(stem: string): Promise<vscode.Uri> {
  for (let number = 1; ; number++) {
    const file = vscode.Uri.file(`${stem}${number === 1 ? '' : `-${number}`}.fanout.yaml`);
    const draft = file.with({ scheme: 'untitled' });
    const isOpen = vscode.workspace.textDocuments.some(({ uri }) => uri.path === draft.path);
    if (!isOpen && !(await exists(file))) return draft;
  }
}

function exists(file: vscode.Uri): Thenable<boolean> {
  return vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
}
