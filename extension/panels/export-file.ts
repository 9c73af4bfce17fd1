import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { readFanOut } from '../../engine/client/fan-out.ts';
import { terminalJson } from '../../engine/contract/format.ts';

export type ExportFormat = 'json' | 'svg' | 'png';

const FORMAT_NAMES: Readonly<Record<ExportFormat, string>> = {
  json: 'JSON',
  svg: 'SVG',
  png: 'PNG',
};

/** The time limit for the reading of an export, in milliseconds. */
const READ_MS = 60_000;

/** Returns the documents of a fan-out as `spl --json` prints them. @throws what the engine throws */
export async function exportedJson(
  client: EngineClient,
  thread: string,
  vsSerial: string | null,
): Promise<string> {
  const [task, join, speedup] = await Promise.all([
    client.report('task', { task: thread }),
    readFanOut(client, thread, AbortSignal.timeout(READ_MS)),
    client.report('speedup', { task: thread, vsSerial }),
  ]);
  return `${terminalJson({ task, join, speedup }, 2)}\n`;
}

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
