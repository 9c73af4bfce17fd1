import * as path from 'node:path';
import * as vscode from 'vscode';
import { namespaceVariables } from '../model/workspace-namespace.ts';
import type { SplEnvironment } from './environment.ts';

/** Returns a terminal in which `spl` works even if the integration is turned off. */
export function splTerminal({ bin, ...variables }: SplEnvironment): vscode.TerminalOptions {
  return {
    name: 'spl',
    iconPath: new vscode.ThemeIcon('repo-forked'),
    env: { ...variables, ...namespaceVariables(), PATH: bin + path.delimiter + (process.env['PATH'] ?? '') },
  };
}
