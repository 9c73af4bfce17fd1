import type * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';

/** The part of a plan to run. */
export interface PlanPart {
  /** The subtasks as indices, names or patterns, which run with all their dependencies. Default: the whole plan. */
  readonly subtasks?: readonly (number | string)[];
  /** The values of the plan's params. A person is asked for those without a default. */
  readonly params?: Readonly<Record<string, string>>;
}

/** A run that has started, and the engine that answers about it. */
export interface StartedRun {
  readonly client: EngineClient;
  readonly thread: string;
}

/** Starts a plan, or a part of it; undefined if a person has dismissed a question about it. */
export type StartPlan = (uri: vscode.Uri, part: PlanPart) => Promise<StartedRun | undefined>;
