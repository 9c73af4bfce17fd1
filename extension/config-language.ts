import * as vscode from 'vscode';
import { homePaths } from '../engine/home/paths.ts';
import { CONFIG_LANGUAGE } from './contributions.ts';

/**
 * Highlights the configuration of the home. The editor has no TOML of its own; where an extension brings one, that is
 * used.
 */
export function configLanguage(home: string): vscode.Disposable {
  const file = homePaths(home).configToml;
  const highlight = async (document: vscode.TextDocument): Promise<void> => {
    if (document.uri.fsPath === file && document.languageId === 'plaintext')
      await vscode.languages.setTextDocumentLanguage(document, CONFIG_LANGUAGE);
  };
  for (const document of vscode.workspace.textDocuments) void highlight(document);
  return vscode.workspace.onDidOpenTextDocument(document => void highlight(document));
}
