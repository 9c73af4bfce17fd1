import * as path from 'node:path';
import * as vscode from 'vscode';
import { namespaceVariables } from '../model/workspace-namespace.ts';
import type { SplEnvironment } from './environment.ts';

/** A terminal on which `spl` works even where the integration is turned off. */
export function splTerminal({ bin, ...variables }: SplEnvironment): vscode.TerminalOptions {
  return {
    name: 'spl',
    iconPath: new vscode.ThemeIcon('repo-forked'),
    env: { ...variables, ...namespaceVariables(), PATH: bin + path.delimiter + (process.env['PATH'] ?? '') },
  };
}
