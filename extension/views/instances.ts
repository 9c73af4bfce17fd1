import * as vscode from 'vscode';
import type { InstanceDocument } from '../../engine/contract/documents.ts';
import { duration, oneLine } from '../../engine/contract/format.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { holdsOf } from '../model/holds.ts';
import type { InstanceRef } from '../targets.ts';
import { PacedChanges } from './paced.ts';
import { instanceContext, instanceDescription, instanceIcon } from './appearance.ts';

/** The tree of the coordinator and its workers. A row is drawn again only when its appearance changes. */
export class InstancesTree implements vscode.TreeDataProvider<InstanceRef>, vscode.Disposable {
  readonly #model: FleetModel;
  readonly #isHosting: () => boolean;
  readonly #changed = new PacedChanges<InstanceRef>();
  readonly #listening: vscode.Disposable;
  #rows = new Map<string, { readonly node: InstanceRef; readonly looks: string }>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(model: FleetModel, isHosting: () => boolean) {
    this.#model = model;
    this.#isHosting = isHosting;
    this.#listening = model.onDidChange(() => this.#update());
  }

  getChildren(parent?: InstanceRef): InstanceRef[] {
    return parent === undefined ? [...this.#rows.values()].map(({ node }) => node) : [];
  }

  getParent(): undefined {
    return undefined;
  }

  getTreeItem(node: InstanceRef): vscode.TreeItem {
    const instance = this.#instance(node.did);
    const item = new vscode.TreeItem(instance?.alias ?? node.did);
    item.id = node.did;
    if (instance === undefined) return item;
    item.description = this.#description(instance);
    item.iconPath = instanceIcon(instance);
    item.contextValue = instanceContext(instance);
    item.accessibilityInformation = {
      label: `${instance.alias}, ${instance.role}, ${item.description}`,
    };
    return item;
  }

  /** Creates the tooltip when the mouse rests on a row, with the values of that moment. */
  resolveTreeItem(item: vscode.TreeItem, node: InstanceRef): vscode.TreeItem {
    const instance = this.#instance(node.did);
    if (instance !== undefined) item.tooltip = tooltip(instance, Date.now() / 1000);
    return item;
  }

  /** Returns the row of an instance, to reveal it. */
  node(did: string): InstanceRef | undefined {
    return this.#rows.get(did)?.node;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }

  #instance(did: string): InstanceDocument | undefined {
    return this.#model.fleet?.instances.find(instance => instance.did === did);
  }

  #description(instance: InstanceDocument): string {
    return instanceDescription(instance, this.#isHosting(), holdsOf(this.#model.fleet));
  }

  #update(): void {
    const before = this.#rows;
    const instances = this.#model.fleet?.instances ?? [];
    this.#rows = new Map(
      instances.map(instance => [
        instance.did,
        {
          node: before.get(instance.did)?.node ?? { kind: 'instance', did: instance.did },
          looks: `${instance.alias} ${instanceContext(instance)} ${this.#description(instance)}`,
        },
      ]),
    );
    if ([...this.#rows.keys()].join() !== [...before.keys()].join()) return this.#changed.fire(undefined);
    const different = [...this.#rows]
      .filter(([did, { looks }]) => before.get(did)?.looks !== looks)
      .map(([, { node }]) => node);
    if (different.length > 0) this.#changed.fire(different);
  }
}

const MAX_CELL = 400;

function tooltip(instance: InstanceDocument, now: number): vscode.MarkdownString {
  const { last_heartbeat_unix: heard } = instance;
  const rows: readonly (readonly [string, string | null])[] = [
    ['DID', instance.did],
    [vscode.l10n.t('Role'), instance.role],
    [
      vscode.l10n.t('Status'),
      instance.note === null ? instance.status : `${instance.status}: ${instance.note}`,
    ],
    [vscode.l10n.t('Health'), instance.health],
    [
      vscode.l10n.t('Last heartbeat'),
      heard === null ? null : vscode.l10n.t('{0} ago', duration(Math.max(0, now - heard))),
    ],
    [vscode.l10n.t('Endpoint'), instance.endpoint],
    ['PID', instance.pid === null ? null : String(instance.pid)],
    [vscode.l10n.t('Version'), instance.version],
    [vscode.l10n.t('Home'), instance.home],
  ];
  const text = new vscode.MarkdownString();
  text.appendMarkdown(`**${instance.alias}**\n\n| | |\n|---|---|\n`);
  for (const [label, value] of rows) {
    if (value === null) continue;
    text.appendMarkdown(`| ${label} | `);
    // The home's path and the worker's note are text from elsewhere.
    text.appendText(oneLine(value, MAX_CELL));
    text.appendMarkdown(' |\n');
  }
  return text;
}
