import { constants } from 'node:os';
import type * as vscode from 'vscode';
import type { EngineClient } from '../../engine/api/client.ts';
import type { Did } from '../../engine/record/ids.ts';
import { localEngine } from './local-engine.ts';
import type { Program } from './program.ts';

/** A coordinator in this process. */
export interface Hosted {
  readonly client: EngineClient;
  /** What people should hear: a port that was taken, a log that was cut. */
  readonly notes: readonly string[];
  /** Settled when it was asked to stop, and rejected when it can't go on; it is to be closed then. */
  readonly ended: Promise<void>;
  /** Lets go of the home; the workers go on. */
  close(): Promise<void>;
}

/**
 * Opens the home in this process.
 * @throws FleetError as `openCoordinator` does: LEASE_HELD when another process has it.
 */
export async function host(
  program: Program,
  home: string,
  actor: Did,
  log: vscode.LogOutputChannel,
): Promise<Hosted> {
  let stop: (error?: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    stop = error => (error === undefined ? resolve() : reject(error));
  });
  // Nobody may be waiting yet when it fails.
  ended.catch(() => undefined);
  const running = await program.load().openCoordinator({
    home,
    flags: {},
    env: process.env,
    logger: { info: message => log.info(message), error: message => log.error(message) },
    onStop: error => stop(error),
    // The editor is to answer its user while work takes every processor.
    workerPriority: constants.priority.PRIORITY_BELOW_NORMAL,
  });
  return {
    client: localEngine(running.engine, actor),
    notes: running.notes,
    ended,
    close: () => running.close(),
  };
}
