import type { Event } from 'vscode';
import type { EngineClient } from '../engine/client/client.ts';

/** The engine that this window works with, in this process or another one: what views and panels read from. */
export interface EngineAccess {
  /** Undefined while none answers. */
  readonly client: EngineClient | undefined;
  /** Fires when another one answers, or none does any more. */
  readonly onDidChange: Event<void>;
}
