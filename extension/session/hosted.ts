import { constants } from 'node:os';
import * as path from 'node:path';
import type * as vscode from 'vscode';
import { coordinatorThread, type CoordinatorThread } from '../../engine/client/coordinator-thread.ts';
import type { Did } from '../../engine/record/ids.ts';
import { clientOptions } from './find-engine.ts';
import type { Program } from './program.ts';

/**
 * Opens the home in this process.
 * @throws FleetError as `coordinatorThread` does: LEASE_HELD when another process has it.
 */
export function host(
  program: Program,
  home: string,
  actor: Did,
  log: vscode.LogOutputChannel,
): Promise<CoordinatorThread> {
  return coordinatorThread({
    file: path.join(program.folder, 'coordinator-thread.js'),
    home,
    client: clientOptions(actor),
    logger: { info: message => log.info(message), error: message => log.error(message) },
    // The editor must stay responsive while work uses every processor.
    workerPriority: constants.priority.PRIORITY_BELOW_NORMAL,
  });
}
