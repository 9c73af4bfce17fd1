import * as vscode from 'vscode';

export type ExportFormat = 'json' | 'svg' | 'png';

const FORMAT_NAMES: Readonly<Record<ExportFormat, string>> = {
  json: 'JSON',
  svg: 'SVG',
  png: 'PNG',
};

/** Asks for a path and writes the file. @returns the path in a readable form; null if the user cancelled */
export async function exportFile(
  name: string,
  format: ExportFormat,
  content: Uint8Array,
): Promise<string | null> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const file = `${name}.${format}`;
  const uri = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, file) }),
    filters: { [FORMAT_NAMES[format]]: [format] },
    title: vscode.l10n.t('Export {0}', file),
  });
  if (uri === undefined) return null;
  await vscode.workspace.fs.writeFile(uri, content);
  return vscode.workspace.asRelativePath(uri);
}
