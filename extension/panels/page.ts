import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { pageHtml } from './html.ts';

/** Returns the folder of the built pages, or the file at a path in it. */
export const pageFile = (extensionUri: vscode.Uri, ...path: readonly string[]): vscode.Uri =>
  vscode.Uri.joinPath(extensionUri, 'dist', 'webview', ...path);

/** Returns the icon of a tab, for light and for dark themes. */
export function tabIcon(extensionUri: vscode.Uri): { readonly light: vscode.Uri; readonly dark: vscode.Uri } {
  const icon = (theme: string): vscode.Uri =>
    vscode.Uri.joinPath(extensionUri, 'media', `panel-${theme}.svg`);
  return { light: icon('light'), dark: icon('dark') };
}

/** The files of a page, as paths in that folder, and its title. */
export interface PageFiles {
  readonly script: readonly string[];
  readonly style: readonly string[];
  readonly title: string;
}

/** Returns the HTML of a page for a webview. */
export function pageOf(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  { script, style, title }: PageFiles,
): string {
  const uri = (path: readonly string[]): string =>
    webview.asWebviewUri(pageFile(extensionUri, ...path)).toString();
  return pageHtml({
    scriptUri: uri(script),
    styleUri: uri(style),
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64url'),
    language: vscode.env.language,
    title,
  });
}
