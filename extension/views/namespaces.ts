import * as vscode from 'vscode';
import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { ROOT_NAMESPACE } from '../../engine/contract/namespaces.ts';
import { messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';
import { concerns } from '../contributions.ts';
import type { Changed } from '../../engine/client/follow.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import {
  namespaceContext,
  namespaceDescription,
  namespaceIcon,
  namespaceTooltip,
  surroundingsOf,
  type Surroundings,
} from './namespace-appearance.ts';
import { belowNamespace, type NamespaceNode } from './namespace-nodes.ts';
import { PacedChanges } from './paced.ts';

type Row = NamespaceNode & { kind: 'namespace' };

/**
 * The tree of `default` and all namespaces below it, once there is one. The rows below a row are read when it is
 * expanded, and again when a namespace changes. Freezes and running work come from the model.
 */
export class NamespacesTree implements vscode.TreeDataProvider<NamespaceNode>, vscode.Disposable {
  readonly #model: FleetModel;
  readonly #access: EngineAccess;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new PacedChanges<NamespaceNode>();
  readonly #listening: vscode.Disposable;
  /** The rows that the editor has, with their last drawn appearance. */
  readonly #rows = new Map<string, { readonly node: Row; looks: string }>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(model: FleetModel, access: EngineAccess, log: vscode.LogOutputChannel) {
    this.#model = model;
    this.#access = access;
    this.#log = log;
    this.#listening = vscode.Disposable.from(
      model.onDidChange(change => this.#take(change)),
      vscode.workspace.onDidChangeConfiguration(event => {
        if (concerns(event, 'namespace')) this.#redraw();
      }),
    );
  }

  async getChildren(parent?: NamespaceNode): Promise<NamespaceNode[]> {
    try {
      return await this.#below(parent);
    } catch (thrown) {
      // The namespace was deleted meanwhile, or the engine is gone: the next change redraws.
      this.#log.warn(`reading namespaces: ${messageOf(thrown)}`);
      return [];
    }
  }

  getTreeItem(node: NamespaceNode): vscode.TreeItem {
    return node.kind === 'range'
      ? rangeItem(node)
      : namespaceItem(node.document, surroundingsOf(this.#model));
  }

  async resolveTreeItem(item: vscode.TreeItem, node: NamespaceNode): Promise<vscode.TreeItem> {
    const { client } = this.#access;
    if (node.kind === 'range' || client === undefined) return item;
    const effective = await client.report('namespace.effective', { namespace: node.id });
    item.tooltip = namespaceTooltip(node.document, effective, surroundingsOf(this.#model));
    return item;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }

  async #below(parent: NamespaceNode | undefined): Promise<NamespaceNode[]> {
    const { client } = this.#access;
    if (client === undefined) return [];
    if (parent === undefined) {
      const root = await client.report('namespace', { namespace: ROOT_NAMESPACE });
      return root.children === 0 ? [] : this.#drawn([root]);
    }
    const below = belowNamespace(parent);
    if (!('parent' in below)) return [...below];
    return this.#drawn((await client.report('namespaces', below)).namespaces);
  }

  #drawn(documents: readonly NamespaceDocument[]): Row[] {
    const around = surroundingsOf(this.#model);
    return documents.map(document => {
      const node: Row = { kind: 'namespace', id: document.id, document };
      this.#rows.set(document.id, { node, looks: looksOf(document, around) });
      return node;
    });
  }

  #take(change: Changed): void {
    if (!change.all && !change.namespaces) return this.#redraw();
    this.#rows.clear();
    this.#changed.fire(undefined);
  }

  /** Draws the rows again whose appearance was changed by a freeze, by running work, or by the namespace in use. */
  #redraw(): void {
    const around = surroundingsOf(this.#model);
    const different: Row[] = [];
    for (const row of this.#rows.values()) {
      const looks = looksOf(row.node.document, around);
      if (looks !== row.looks) different.push(row.node);
      row.looks = looks;
    }
    if (different.length > 0) this.#changed.fire(different);
  }
}

const looksOf = (document: NamespaceDocument, around: Surroundings): string =>
  `${namespaceContext(document, around)} ${namespaceDescription(document, around)}`;

function rangeItem({ parent, from, to }: NamespaceNode & { kind: 'range' }): vscode.TreeItem {
  const item = new vscode.TreeItem(`${from + 1} – ${to}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${parent}:${from}`;
  item.iconPath = new vscode.ThemeIcon('list-unordered');
  item.accessibilityInformation = {
    label: vscode.l10n.t('namespaces {0} to {1} below {2}', from + 1, to, parent),
  };
  return item;
}

function namespaceItem(document: NamespaceDocument, around: Surroundings): vscode.TreeItem {
  const { id, status, children } = document;
  const isRoot = id === ROOT_NAMESPACE;
  const item = new vscode.TreeItem(id.slice(id.lastIndexOf('/') + 1));
  item.id = id;
  item.description = namespaceDescription(document, around);
  item.iconPath = namespaceIcon(document, around);
  item.contextValue = namespaceContext(document, around);
  item.accessibilityInformation = { label: `${id}, ${item.description || vscode.l10n.t('active')}` };
  if (children > 0)
    item.collapsibleState = isRoot
      ? vscode.TreeItemCollapsibleState.Expanded
      : vscode.TreeItemCollapsibleState.Collapsed;
  if (status === 'archived') item.resourceUri = vscode.Uri.from({ scheme: ARCHIVED, path: `/${id}` });
  return item;
}

/** The scheme of archived namespaces, whose rows are dimmed. */
const ARCHIVED = 'fleet-archived';
const DIMMED = new vscode.FileDecoration(
  undefined,
  undefined,
  new vscode.ThemeColor('list.deemphasizedForeground'),
);

/** Dims the names of archived namespaces. Icon and description show the same. */
export function dimArchived(): vscode.Disposable {
  return vscode.window.registerFileDecorationProvider({
    provideFileDecoration: ({ scheme }) => (scheme === ARCHIVED ? DIMMED : undefined),
  });
}
