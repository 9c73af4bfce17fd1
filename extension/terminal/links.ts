import * as vscode from 'vscode';
import { setting } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import type { RevealedRef } from '../targets.ts';

interface FleetLink extends vscode.TerminalLink {
  readonly target: RevealedRef;
}

/** Matches thread ids, DIDs of instances, and every word that could be an alias. */
const CANDIDATE = /did:sync:instance:[0-9a-f]{16}|[A-Za-z0-9][A-Za-z0-9._-]*/g;
/** The longest line that is searched for links: `spl` prints no longer lines for people. */
const MAX_LINE = 2000;

/** Links the names in a terminal that this fleet knows. @param open reveals the target of a link */
export function terminalLinks(
  model: FleetModel,
  open: (target: RevealedRef) => Promise<void>,
): vscode.TerminalLinkProvider<FleetLink> {
  return {
    provideTerminalLinks: ({ line }) => (setting('terminal.integration') ? linksIn(line, model) : []),
    handleTerminalLink: link => open(link.target),
  };
}

function linksIn(line: string, model: FleetModel): FleetLink[] {
  if (line.length > MAX_LINE || model.fleet === undefined) return [];
  return [...line.matchAll(CANDIDATE)].flatMap(match => {
    const target = targetNamed(match[0], model);
    if (target === undefined) return [];
    const tooltip =
      target.kind === 'task' ? vscode.l10n.t('Show in Fan-Outs') : vscode.l10n.t('Show in Instances');
    return [{ startIndex: match.index, length: match[0].length, tooltip, target }];
  });
}

function targetNamed(name: string, model: FleetModel): RevealedRef | undefined {
  const instance = model.fleet?.instances.find(({ did, alias }) => did === name || alias === name);
  if (instance !== undefined) return { kind: 'instance', did: instance.did };
  const task = model.task(name);
  return task === undefined ? undefined : { kind: 'task', thread: task.thread };
}
