import * as vscode from 'vscode';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { isFollowUp } from '../../engine/contract/fan-out-documents.ts';
import { childCost, oneLine } from '../../engine/contract/format.ts';
import { messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';
import type { Changed } from '../../engine/client/follow.ts';
import { asCommand } from '../command-registry.ts';
import { ChildStore } from '../model/child-store.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { isFrozen } from '../model/holds.ts';
import {
  attemptContext,
  childContext,
  childDescription,
  childIcon,
  childLabel,
  isOpen,
  stateText,
  taskContext,
  taskDescription,
  taskIcon,
  taskLabel,
  taskState,
  tookText,
  verdictIcon,
} from './appearance.ts';
import { PacedChanges } from './paced.ts';
import { childRows, idOf, parentOf, rowsBelowTask, type Node } from './nodes.ts';
import type { Scope } from './scope.ts';
import { localTime, reasonText, verdictText } from './words.ts';

/**
 * The interval at which rows with a running time are drawn again, in milliseconds. Each drawing delays the next
 * changes.
 */
const TICK_MS = 10_000;
/** The number of ticks after which the ages of ended runs are drawn again. */
const AGES_TICKS = 6;
/** The most characters of a task's name in its row, so that its counts are visible in a side bar of usual width. */
const MAX_LABEL = 34;
/** The most rows whose running times are drawn again. */
const MAX_TICKING = 100;

/**
 * The tree of tasks, their subtasks and their attempts. Only visible rows are read, and only changed rows are drawn
 * again.
 */
export class FanOutsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #model: FleetModel;
  readonly #scope: Scope;
  readonly #access: EngineAccess;
  readonly #log: vscode.LogOutputChannel;
  readonly #changed = new PacedChanges<Node>();
  readonly #listening: vscode.Disposable;
  readonly #store = new ChildStore();
  /** The rows by id. The editor recognises a row by object identity. */
  readonly #nodes = new Map<string, Node>();
  /** The threads of the shown tasks, in their order. */
  #order: readonly string[] = [];
  #ticking: NodeJS.Timeout | undefined;
  #ticks = 0;
  #isVisible = false;
  #circumstances = '';
  /** The changes to read. One read runs at a time, however many changes come meanwhile. */
  #waiting = new Waiting();
  #isReading = false;
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(model: FleetModel, scope: Scope, access: EngineAccess, log: vscode.LogOutputChannel) {
    this.#model = model;
    this.#scope = scope;
    this.#access = access;
    this.#log = log;
    this.#listening = vscode.Disposable.from(
      model.onDidChange(change => this.#take(change)),
      scope.onDidChange(() => this.#reorder() && this.#changed.fire(undefined)),
    );
  }

  /** The number of shown tasks. */
  get size(): number {
    return this.#order.length;
  }

  /** Sets whether the tree is visible. Running times are drawn only while it is. */
  set isVisible(visible: boolean) {
    this.#isVisible = visible;
    this.#tick();
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (parent === undefined) return this.#same(this.#order.map(taskRow));
    switch (parent.kind) {
      case 'task':
        return this.#belowTask(parent.thread);
      case 'range':
        return this.#loaded(parent.thread, parent.from, parent.to);
      case 'child':
        return this.#same(attemptRows(parent.thread, this.#store.get(parent.thread, parent.index)));
      case 'attempt':
        return [];
    }
  }

  getParent(node: Node): Node | undefined {
    const parent = parentOf(node, thread => this.#model.tasks.get(thread)?.fan_out?.subtasks ?? 0);
    return parent === undefined ? undefined : this.#same([parent])[0];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const item = this.#item(node);
    item.id = idOf(node);
    return item;
  }

  resolveTreeItem(item: vscode.TreeItem, node: Node): vscode.TreeItem {
    if (node.kind === 'task') item.tooltip = taskTooltip(this.#model.tasks.get(node.thread));
    if (node.kind === 'child') item.tooltip = childTooltip(this.#store.get(node.thread, node.index));
    return item;
  }

  /** Returns the row of a task or a subtask, to reveal it. */
  node(thread: string, index?: number): Node | undefined {
    if (!this.#model.tasks.has(thread)) return undefined;
    return this.#same([index === undefined ? taskRow(thread) : { kind: 'child', thread, index }])[0];
  }

  /**
   * Makes the editor read the row of a task, so that it can be revealed. A task that the scope leaves out is shown until
   * the tree is next put in order.
   */
  async include(thread: string): Promise<void> {
    if (!this.#order.includes(thread)) {
      this.#order = [thread, ...this.#order];
      this.#changed.fire(undefined);
    }
    await this.#changed.settled();
  }

  /** Forgets the rows below a row that was collapsed. */
  collapsed(node: Node): void {
    if (node.kind === 'range') this.#store.forget(node.thread, node.from, node.to);
    if (node.kind === 'task') this.#store.forget(node.thread, 0, this.#subtasksOf(node.thread));
  }

  dispose(): void {
    clearInterval(this.#ticking);
    this.#listening.dispose();
    this.#changed.dispose();
  }

  #item(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'task':
        return this.#taskItem(node);
      case 'range':
        return rangeItem(node.from, node.to);
      case 'child':
        return childItem(this.#store.get(node.thread, node.index));
      case 'attempt':
        return attemptItem(node.attempt, this.#store.get(node.thread, node.index));
    }
  }

  #taskItem(node: Node & { kind: 'task' }): vscode.TreeItem {
    const task = this.#model.tasks.get(node.thread);
    return taskItem(node, task, task !== undefined && isFrozen(this.#model.fleet, task));
  }

  async #belowTask(thread: string): Promise<Node[]> {
    const rows = rowsBelowTask(thread, this.#subtasksOf(thread));
    if (rows[0]?.kind !== 'child') return this.#same(rows);
    const loaded = await this.#loaded(thread, 0, rows.length);
    return loaded.sort((a, b) => this.#childRank(a) - this.#childRank(b));
  }

  /** Returns the place of a subtask: those that need a person and failed ones come first. */
  #childRank(node: Node): number {
    const child = node.kind === 'child' ? this.#store.get(node.thread, node.index) : undefined;
    if (child?.needs_you != null) return 0;
    return child?.verdict === 'failed' || child?.verdict === 'reject' || child?.verdict === 'timeout' ? 1 : 2;
  }

  async #loaded(thread: string, from: number, to: number): Promise<Node[]> {
    const { client } = this.#access;
    if (client === undefined)
      return this.#same(childRows(thread, from, to).filter(row => this.#isKnown(row)));
    await this.#store.load(client, thread, from, to);
    this.#tick();
    return this.#same(childRows(thread, from, to));
  }

  #isKnown(row: Node): boolean {
    return row.kind === 'child' && this.#store.get(row.thread, row.index) !== undefined;
  }

  #subtasksOf(thread: string): number {
    return this.#model.tasks.get(thread)?.fan_out?.subtasks ?? 0;
  }

  /** Returns the existing objects for rows that the editor already has. */
  #same(rows: readonly Node[]): Node[] {
    return rows.map(row => {
      const id = idOf(row);
      const known = this.#nodes.get(id);
      if (known !== undefined) return known;
      this.#nodes.set(id, row);
      return row;
    });
  }

  #take({ all, tasks }: Changed): void {
    if (all) this.#forgetAll();
    // The whole tree includes its rows: firing for them again would delay the next change.
    const isRedrawn = this.#reorder() || all;
    if (isRedrawn) this.#changed.fire(undefined);
    this.#waiting.add(isRedrawn ? [] : [...tasks.keys()].filter(thread => this.#nodes.has(thread)), tasks);
    if (this.#haveChanged()) this.#waiting.add([], this.#store.open());
    void this.#readWaiting();
  }

  /** Puts the tasks in their order. @returns true if it has changed */
  #reorder(): boolean {
    const before = this.#order;
    this.#order = this.#scope.tasks().map(({ thread }) => thread);
    this.#tick();
    return before.length !== this.#order.length || this.#order.some((thread, i) => thread !== before[i]);
  }

  #forgetAll(): void {
    // Without an engine, what was read stays readable.
    if (this.#access.client !== undefined) this.#store.clear();
    for (const [id, { thread }] of this.#nodes) if (!this.#model.tasks.has(thread)) this.#nodes.delete(id);
  }

  async #readWaiting(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let taken = this.#waiting.take(); taken !== null; taken = this.#waiting.take()) {
      try {
        await this.#refresh(taken);
      } catch (thrown) {
        this.#log.warn(`reading subtasks: ${messageOf(thrown)}`);
      }
    }
    this.#isReading = false;
  }

  /**
   * Returns true if the reasons why subtasks wait or stall have changed since the last call. No event names these
   * subtasks.
   */
  #haveChanged(): boolean {
    const fleet = this.#model.fleet;
    const instances = fleet?.instances.map(({ alias, status }) => [alias, status]);
    const stalled = fleet?.stalled.map(({ task, subtask }) => [task, subtask]);
    const now = JSON.stringify([fleet?.freezes, fleet?.emergency, fleet?.breakers, instances, stalled]);
    const isChanged = now !== this.#circumstances;
    this.#circumstances = now;
    return isChanged;
  }

  /** Reads the visible subtasks that changed, and fires for them together with their tasks. */
  async #refresh({ tasks, children }: Rows): Promise<void> {
    const { client } = this.#access;
    if (client === undefined) return;
    const rows = [...tasks].map(taskRow);
    for (const [thread, changed] of children) {
      const read = await this.#store.refresh(client, thread, changed);
      for (const index of read) rows.push({ kind: 'child', thread, index });
    }
    this.#changed.fire(this.#same(rows));
    this.#tick();
  }

  /** Draws running times again every few seconds, and ages every minute, while the tree is visible. */
  #tick(): void {
    const isNeeded = this.#isVisible && this.#order.length > 0;
    if (isNeeded && this.#ticking === undefined)
      this.#ticking = setInterval(() => this.#drawTimes(), TICK_MS).unref();
    if (isNeeded || this.#ticking === undefined) return;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #drawTimes(): void {
    this.#ticks += 1;
    const isForAges = this.#ticks % AGES_TICKS === 0;
    const rows: Node[] = [];
    for (const { thread, child } of this.#store.running()) {
      if (child.started_unix !== null) rows.push({ kind: 'child', thread, index: child.index });
      if (rows.length >= MAX_TICKING) break;
    }
    for (const thread of this.#order.slice(0, MAX_TICKING)) {
      const fanOut = this.#model.tasks.get(thread)?.fan_out;
      if (fanOut != null && (isForAges || isOpen(fanOut))) rows.push(taskRow(thread));
    }
    if (rows.length > 0) this.#changed.fire(this.#same(rows));
  }
}

interface Rows {
  readonly tasks: ReadonlySet<string>;
  readonly children: Changed['tasks'];
}

/** Tasks and subtasks to read again, each once. */
class Waiting {
  #tasks = new Set<string>();
  #children = new Map<string, Set<number>>();

  add(tasks: readonly string[], children: Changed['tasks']): void {
    for (const thread of tasks) this.#tasks.add(thread);
    for (const [thread, indices] of children)
      this.#children.set(thread, new Set([...(this.#children.get(thread) ?? []), ...indices]));
  }

  /** Takes all that waits. @returns null if nothing waits */
  take(): Rows | null {
    if (this.#tasks.size + this.#children.size === 0) return null;
    const taken = { tasks: this.#tasks, children: this.#children };
    this.#tasks = new Set();
    this.#children = new Map();
    return taken;
  }
}

const taskRow = (thread: string): Node => ({ kind: 'task', thread });

function attemptRows(thread: string, child: ChildDocument | undefined): readonly Node[] {
  if (child === undefined) return [];
  const { index, attempt, earlier_attempts: earlier } = child;
  const numbers = new Set([...earlier.map(each => each.attempt), ...(attempt > 0 ? [attempt] : [])]);
  return [...numbers].map(number => ({ kind: 'attempt', thread, index, attempt: number }));
}

function taskItem(
  node: Node & { kind: 'task' },
  task: TaskDocument | undefined,
  frozen: boolean,
): vscode.TreeItem {
  const item = new vscode.TreeItem(task === undefined ? '' : oneLine(taskLabel(task), MAX_LABEL));
  if (task === undefined) return item;
  item.description = taskDescription(task, frozen, Date.now() / 1000);
  item.iconPath = taskIcon(task, frozen);
  item.contextValue = taskContext(task);
  if (task.fan_out !== null) {
    item.collapsibleState = vscode.TreeItemCollapsibleState.Collapsed;
    item.command = asCommand('fleet.openReport', vscode.l10n.t('Open Report'), node);
  }
  const label = `${taskLabel(task)}, ${stateText(taskState(task))}, ${item.description}`;
  item.accessibilityInformation = { label };
  return item;
}

function rangeItem(from: number, to: number): vscode.TreeItem {
  const label = vscode.l10n.t('Subtasks {0} – {1}', from + 1, to);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Collapsed);
  item.iconPath = new vscode.ThemeIcon('list-unordered');
  return item;
}

function childItem(child: ChildDocument | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(child === undefined ? '' : childLabel(child));
  if (child === undefined) return item;
  item.description = childDescription(child, Date.now() / 1000);
  item.iconPath = childIcon(child);
  item.contextValue = childContext(child);
  if (child.attempt > 0) item.collapsibleState = vscode.TreeItemCollapsibleState.Collapsed;
  item.accessibilityInformation = { label: `${childLabel(child)}, ${item.description}` };
  return item;
}

function attemptItem(attempt: number, child: ChildDocument | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Attempt {0}', attempt));
  item.contextValue = attemptContext(attempt, child);
  const earlier = child?.earlier_attempts.find(each => each.attempt === attempt);
  if (earlier !== undefined) {
    item.description = [
      verdictText(earlier.verdict),
      ...(earlier.reason === null ? [] : [oneLine(reasonText(earlier.reason), 80)]),
      tookText(earlier),
      ...(earlier.worker === null ? [] : [earlier.worker]),
    ].join(' · ');
    item.iconPath = verdictIcon(earlier.verdict);
  } else if (child !== undefined) {
    item.description = childDescription(child, Date.now() / 1000);
    item.iconPath = childIcon(child);
  }
  return item;
}

function taskTooltip(task: TaskDocument | undefined): vscode.MarkdownString | undefined {
  if (task === undefined) return undefined;
  const text = new vscode.MarkdownString();
  text.appendText(oneLine(task.goal, 400));
  text.appendMarkdown(`\n\n**${stateText(taskState(task))}**`);
  const { fan_out: fanOut } = task;
  if (fanOut !== null) {
    text.appendMarkdown(` · ${vscode.l10n.t('done when')}\n`);
    text.appendCodeblock(fanOut.predicate, 'text');
    if (fanOut.opened_unix !== undefined)
      text.appendText(vscode.l10n.t('started {0}', localTime(fanOut.opened_unix)));
  }
  if (task.dir !== null) {
    text.appendMarkdown('\n\n');
    text.appendText(task.dir);
  }
  text.appendMarkdown(`\n\n\`${task.alias}\` · \`${task.thread}\``);
  return text;
}

function childTooltip(child: ChildDocument | undefined): vscode.MarkdownString | undefined {
  if (child === undefined) return undefined;
  const text = new vscode.MarkdownString();
  if (child.name !== null) {
    text.appendText(oneLine(child.name, 80));
    text.appendMarkdown('\n\n');
  }
  text.appendText(oneLine(child.goal, 400));
  text.appendMarkdown('\n\n');
  const cost = childCost(child.cost_usd, child.cost_unknown);
  const facts = [
    child.executor,
    child.worker ?? child.target,
    ...(child.cost_usd > 0 || child.cost_unknown === true ? [cost] : []),
    vscode.l10n.t('number {0}', child.index),
    ...(isFollowUp(child) ? [vscode.l10n.t('runs afterwards')] : []),
  ];
  text.appendText(facts.join(' · '));
  text.appendMarkdown('\n\n');
  if (child.reason !== null) text.appendText(reasonText(child.reason));
  if (child.summary) text.appendCodeblock(child.summary.slice(-2000), 'text');
  return text;
}
