import type { Event } from 'vscode';
import type { EngineClient } from '../engine/client/client.ts';

/** The access to the engine of this window, whichever process runs it. Views and panels read from it. */
export interface EngineAccess {
  /** Undefined while no engine answers. */
  readonly client: EngineClient | undefined;
  /** Fires when another engine answers, or when none answers any more. */
  readonly onDidChange: Event<void>;
}
