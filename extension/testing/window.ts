import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { editor, keptLog, type KeptLog } from '../../test/stubs/vscode.ts';
import type { CommandId, RunCommand } from '../command-registry.ts';
import { commandRunner, registerCommands } from '../commands/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { Documents } from '../documents.ts';
import { FleetModel } from '../model/fleet-model.ts';
import { restricted } from '../session/restricted.ts';
import type { RevealedRef, WorkRef } from '../targets.ts';
import { Scope } from '../views/scope.ts';
import { memento, next } from './editor.ts';
import { FakeSession } from './session.ts';

/** A window of the editor with the extension's commands and a model of a fleet. */
export class Window {
  readonly session: FakeSession;
  readonly model: FleetModel;
  readonly log: KeptLog = keptLog();
  /** The threads of the reports that were opened. */
  readonly reports: string[] = [];
  readonly revealed: RevealedRef[] = [];
  readonly previews: string[] = [];
  /** The program of spl, and the Node.js that runs it. */
  spl = { node: '/node', program: '/program/spl' };
  readonly planRuns: (readonly [uri: string, thread: string])[] = [];
  selection: readonly WorkRef[] = [];
  readonly scope: Scope;
  plans: CommandContext['plans'] = noPlans;
  /** Runs a command as a panel does. */
  readonly runCommand: RunCommand;
  readonly #owned: vscode.Disposable[] = [];

  /** Opens a window in which the model has been read once. */
  static async open(client: EngineClient, hosting = true): Promise<Window> {
    const window = new Window();
    window.session.live(
      restricted(client, () => vscode.workspace.isTrusted),
      hosting,
    );
    await window.until(() => window.model.fleet !== undefined);
    return window;
  }

  constructor(session = new FakeSession()) {
    this.session = session;
    const documents = new Documents();
    this.model = new FleetModel(session, this.log);
    this.scope = new Scope(this.model, memento());
    const { plans } = { plans: () => this.plans };
    const context: CommandContext = {
      session,
      model: this.model,
      scope: this.scope,
      documents,
      log: this.log,
      openReport: thread => void this.reports.push(thread),
      reveal: async target => void this.revealed.push(target),
      splEnvironment: async () => ({
        SPL_NODE: this.spl.node,
        SPL_PROGRAM: this.spl.program,
        SYNCROPEL_HOME: session.home,
        bin: '/bin-of-spl',
      }),
      get plans() {
        return plans();
      },
      drafts: new Map(),
      previewPlan: uri => void this.previews.push(uri.toString()),
      notePlanRun: async (uri, thread) => void this.planRuns.push([uri.toString(), thread]),
    };
    this.runCommand = commandRunner(context);
    this.#owned.push(documents, this.scope, this.model, ...registerCommands(context, () => this.selection));
  }

  /** Runs a command as a menu does. @param selected all selected rows, if there are several */
  async run(command: CommandId, target?: unknown, selected?: readonly unknown[]): Promise<void> {
    const args = target === undefined ? [] : [target, ...(selected === undefined ? [] : [selected])];
    await vscode.commands.executeCommand(command, ...args);
  }

  /** Waits until the window's model has a task for which `isSo` holds. */
  async knows(name: string, isSo: (task: TaskDocument) => boolean = () => true): Promise<TaskDocument> {
    const known = (): TaskDocument | undefined => {
      const task = this.model.task(name);
      return task !== undefined && isSo(task) ? task : undefined;
    };
    await this.until(() => known() !== undefined);
    return known()!;
  }

  /** Waits until the model satisfies a condition. */
  async until(isSo: () => boolean): Promise<void> {
    if (!isSo()) await next(this.model.onDidChange, isSo);
  }

  /** The error messages that were shown. */
  get errors(): readonly string[] {
    return editor.person.told('error');
  }

  /** The text of the active editor, and the end of its address. */
  get shown(): readonly [path: string, text: string] {
    const document = editor.texts.active?.document;
    return [document?.uri.path ?? '', document?.getText() ?? ''];
  }

  close(): void {
    for (const owned of this.#owned) owned.dispose();
  }
}

const noPlans: CommandContext['plans'] = {
  client: () => Promise.reject(new Error('the test has no plans')),
  outline: () => null,
  lastRun: () => undefined,
};
