import * as vscode from 'vscode';
import { concerns, setting, VIEWS } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { workspaceNamespaceFault } from '../model/workspace-namespace.ts';
import { sentences } from '../plain.ts';
import type { OpenSession } from '../session/session.ts';
import type { InstanceRef, RevealedRef, WorkRef } from '../targets.ts';
import { taskState } from './appearance.ts';
import type { Attention } from './attention.ts';
import { FanOutsTree } from './fan-outs.ts';
import { InstancesTree } from './instances.ts';
import type { NamespaceNode } from './namespace-nodes.ts';
import { dimArchived, NamespacesTree } from './namespaces.ts';
import type { Node } from './nodes.ts';
import type { Scope } from './scope.ts';

/** The tree views: their data, their visibility and the badge. */
export class Trees implements vscode.Disposable {
  readonly #model: FleetModel;
  readonly #instances: InstancesTree;
  readonly #fanOuts: FanOutsTree;
  readonly #instancesView: vscode.TreeView<InstanceRef>;
  readonly #fanOutsView: vscode.TreeView<Node>;
  readonly #namespacesView: vscode.TreeView<NamespaceNode>;
  readonly #all: vscode.Disposable;
  /** The number of alarms that nobody has seen. */
  #unseen = 0;

  constructor(
    session: OpenSession,
    model: FleetModel,
    scope: Scope,
    attention: Attention,
    log: vscode.LogOutputChannel,
  ) {
    this.#model = model;
    this.#instances = new InstancesTree(model, () => session.isHosting);
    this.#fanOuts = new FanOutsTree(model, scope, session, log);
    this.#instancesView = vscode.window.createTreeView(VIEWS.instances, {
      treeDataProvider: this.#instances,
    });
    this.#fanOutsView = vscode.window.createTreeView(VIEWS.fanOuts, {
      treeDataProvider: this.#fanOuts,
      showCollapseAll: true,
      canSelectMany: true,
    });
    this.#fanOutsView.description = scopeText(scope);
    const namespaces = new NamespacesTree(model, session, log);
    this.#namespacesView = vscode.window.createTreeView(VIEWS.namespaces, {
      treeDataProvider: namespaces,
      showCollapseAll: true,
    });
    this.#namespacesView.description = usedText();
    const seen = (visible: boolean): void => {
      this.#fanOuts.isVisible = visible;
      if (!visible) return;
      attention.clear();
      void session.wantHistory();
    };
    this.#all = vscode.Disposable.from(
      session.onDidChange(() => this.#sayState(session)),
      this.#fanOutsView.onDidChangeVisibility(({ visible }) => seen(visible)),
      this.#fanOutsView.onDidCollapseElement(({ element }) => this.#fanOuts.collapsed(element)),
      model.onDidChange(() => {
        // The editor redraws the view at each assignment, even of an equal text.
        const message = messageOf(model);
        if (this.#instancesView.message !== message) this.#instancesView.message = message;
      }),
      attention.onDidCount(count => {
        // The rows of a visible tree show it.
        if (this.#fanOutsView.visible && count > 0) return attention.clear();
        this.#unseen = count;
        this.#showBadge(model, scope);
      }),
      model.onDidChange(() => {
        this.#sayState(session);
        this.#showBadge(model, scope);
      }),
      scope.onDidChange(() => {
        this.#showBadge(model, scope);
        this.#fanOutsView.description = scopeText(scope);
      }),
      vscode.workspace.onDidChangeConfiguration(event => {
        if (concerns(event, 'namespace')) this.#namespacesView.description = usedText();
      }),
      dimArchived(),
      this.#instancesView,
      this.#fanOutsView,
      this.#namespacesView,
      namespaces,
      this.#instances,
      this.#fanOuts,
    );
    seen(this.#fanOutsView.visible);
  }

  /** The selected rows of the fan-outs that commands can act on. */
  get selection(): readonly WorkRef[] {
    return this.#fanOutsView.selection.filter((node): node is WorkRef => node.kind !== 'range');
  }

  /**
   * Shows the row of an instance, or of part of a task, and the rows below a task. Does nothing if there is no such row
   * yet.
   */
  async reveal(target: RevealedRef): Promise<void> {
    if (target.kind === 'instance') {
      const node = this.#instances.node(target.did);
      if (node !== undefined) await this.#instancesView.reveal(node, { focus: true });
      return;
    }
    const index = target.kind === 'task' ? undefined : target.index;
    await this.#model.known(target.thread);
    const node = this.#fanOuts.node(target.thread, index);
    if (node === undefined) return;
    await this.#fanOuts.include(target.thread);
    await this.#fanOutsView.reveal(node, { focus: true, expand: target.kind === 'task' });
  }

  dispose(): void {
    this.#all.dispose();
  }

  /** Counts what runs, what needs a person, and what went wrong since somebody last looked. */
  #sayState(session: OpenSession): void {
    // The editor redraws the view at each assignment, even of an equal text.
    const message = stateOf(session, this.#model.tasks.size > 0);
    if (this.#fanOutsView.message !== message) this.#fanOutsView.message = message;
  }

  #showBadge(model: FleetModel, scope: Scope): void {
    const here = [...model.tasks.values()].filter(task => scope.isHere(task));
    const asking = here.filter(task => taskState(task) === 'needsYou').length;
    const underWay = here.filter(({ fan_out: fanOut }) => fanOut?.under_way === true).length;
    const parts = [
      ...(underWay > asking ? [vscode.l10n.t('{0} running', underWay - asking)] : []),
      ...(asking > 0 ? [vscode.l10n.t('{0} needs you', asking)] : []),
      ...(this.#unseen > 0 ? [vscode.l10n.t('{0} went wrong', this.#unseen)] : []),
    ];
    const tooltip = parts.join(', ');
    if ((this.#fanOutsView.badge?.tooltip ?? '') === tooltip) return;
    const value = Math.max(underWay, asking) + this.#unseen;
    this.#fanOutsView.badge = value === 0 ? undefined : { value, tooltip };
  }
}

/** Returns the text beside the title of the fan-outs: the filter, and the folders. */
function scopeText({ text, isEverywhere }: Scope): string {
  const parts = [
    ...(text === '' ? [] : [`“${text}”`]),
    ...(isEverywhere && (vscode.workspace.workspaceFolders ?? []).length > 0
      ? [vscode.l10n.t('all folders')]
      : []),
  ];
  return parts.join(' · ');
}

/** Returns the text beside the title of the namespaces: the namespace of this workspace. */
function usedText(): string {
  const fault = workspaceNamespaceFault();
  if (fault !== undefined) return `⚠ ${vscode.l10n.t('the setting is none: {0}', fault)}`;
  const used = setting('namespace');
  return used === '' ? '' : vscode.l10n.t('in {0}', used);
}

/** Returns the message above the fan-outs: why the engine is down, or that what stands here is history. */
function stateOf({ state }: OpenSession, hasRows: boolean): string {
  if (state.kind === 'down') return sentences(state.error);
  if (state.kind !== 'none' || !hasRows) return '';
  return vscode.l10n.t(
    'The fleet is stopped. These runs have ended; what was open goes on with Start Fleet, above.',
  );
}

/** Returns the message above the instances: the next step while only the coordinator runs. */
function messageOf({ fleet }: FleetModel): string {
  if (fleet === undefined || fleet.instances.some(({ role }) => role === 'worker')) return '';
  return vscode.l10n.t('No worker runs yet. Press Start Fleet above.');
}
