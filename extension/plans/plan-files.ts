import * as vscode from 'vscode';

/** The glob pattern of plans. */
export const PLAN_FILES = '**/*.fanout.{yaml,yml}';

/** The most plans that are listed. */
const MAX_PLANS = 500;

export const isPlan = ({ uri }: { readonly uri: vscode.Uri }): boolean => /\.fanout\.ya?ml$/.test(uri.path);

/** Returns the plans of the workspace, by their paths. Skips what the settings hide, and installed packages. */
export async function planFiles(): Promise<readonly vscode.Uri[]> {
  const found = await vscode.workspace.findFiles(PLAN_FILES, undefined, MAX_PLANS);
  return found
    .filter(({ path }) => !path.includes('/node_modules/'))
    .toSorted((a, b) => a.path.localeCompare(b.path));
}
