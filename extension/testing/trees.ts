import type * as vscode from 'vscode';

/** A row and the rows below it: `label description`. */
export type Shown = string | readonly [row: string, below: readonly Shown[]];

/** The text of a row. */
export async function textOf<T>(tree: vscode.TreeDataProvider<T>, row: T): Promise<string> {
  const { label, description } = await tree.getTreeItem(row);
  return [label as string, (description as string | undefined) ?? ''].join(' ').trim();
}

/** Returns the rows of a tree. Expands the rows whose text satisfies `isOpen`. */
export async function rowsOf<T>(
  tree: vscode.TreeDataProvider<T>,
  isOpen: (text: string) => boolean = () => false,
  parent?: T,
): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for (const row of (await tree.getChildren(parent)) ?? []) {
    const text = await textOf(tree, row);
    shown.push(isOpen(text) ? [text, await rowsOf(tree, isOpen, row)] : text);
  }
  return shown;
}
