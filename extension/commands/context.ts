import type * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { Arguments, CommandId, Result } from '../command-registry.ts';
import type { Documents } from '../documents.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import type { Plans } from '../plans/plans.ts';
import type { OpenSession } from '../session/session.ts';
import type { Scope } from '../views/scope.ts';
import type { RevealedRef } from '../targets.ts';
import type { SplEnvironment } from '../terminal/environment.ts';

/** The parts of the extension that commands use. */
export interface CommandContext {
  readonly session: OpenSession;
  readonly model: FleetModel;
  /** The tasks that the window shows. */
  readonly scope: Scope;
  readonly documents: Documents;
  readonly log: vscode.LogOutputChannel;
  /** Opens the panel of a task's join and speedup. */
  openReport(thread: string): void;
  /** Reveals a row in its tree. */
  reveal(target: RevealedRef): Promise<void>;
  splEnvironment(): Promise<SplEnvironment>;
  readonly plans: Pick<Plans, 'client' | 'outline' | 'lastRun'>;
  /** The thread of the task that an unsaved plan is to split, by the address of the plan. */
  readonly drafts: Map<string, string>;
  /** Shows the graph of a plan. */
  previewPlan(uri: vscode.Uri): void;
  /** Remembers the task of a plan's last run. */
  notePlanRun(uri: vscode.Uri, thread: string): Promise<void>;
}

/** A command. Its errors are shown to the user. */
export type Handler<Id extends CommandId> = (
  context: CommandContext,
  ...args: Arguments<Id>
) => Promise<Result<Id>>;

/**
 * Returns the engine that answers now.
 * @throws the reason why none answers
 */
export function engine({ session }: CommandContext): Promise<EngineClient> {
  return session.client === undefined ? session.open() : Promise.resolve(session.client);
}
