import * as v from 'valibot';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State, TransportKind } from 'vscode-languageclient/node';
import * as protocol from '../../engine/language/protocol.ts';
import { PLAN_FILES } from './plan-files.ts';

/** The window's interface to the server of plans. */
export interface PlanClient extends vscode.Disposable {
  /** Fires when the server has read a plan again. */
  readonly onDidRead: vscode.Event<protocol.Read>;
  /** Fires when a new process has replaced one that died. */
  readonly onDidStartAgain: vscode.Event<void>;
  /**
   * Returns the outline of a plan; null for a plan that cannot be read, or is neither open nor given.
   * @param text of a plan that is not open
   */
  outline(uri: string, text?: string): Promise<protocol.Outline>;
  graph(uri: string): Promise<protocol.Graph>;
  /**
   * Returns the request to run a plan, or subtasks of it.
   * @param subtasks as indices, names or patterns
   */
  requested(
    uri: string,
    subtasks: readonly (number | string)[] | null,
    params?: Readonly<Record<string, string>>,
  ): Promise<protocol.Requested>;
  /** Returns a first plan for the folder with this path. */
  draft(folder: string): Promise<protocol.Draft>;
  know(known: protocol.Known | null): Promise<void>;
  remember(lastRun: protocol.LastRun): Promise<void>;
}

/**
 * Starts the server in its own process. The editor ends it with the window.
 * @param file the absolute path of the built server
 */
export async function startPlanClient(file: string, log: vscode.LogOutputChannel): Promise<PlanClient> {
  const run = { module: file, transport: TransportKind.ipc };
  const client = new LanguageClient(
    'fleet.plans',
    'Fleet Plans',
    { run, debug: run },
    {
      documentSelector: [{ pattern: PLAN_FILES }],
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
    },
  );
  const read = new vscode.EventEmitter<protocol.Read>();
  client.onNotification(protocol.READ, params => {
    const decoded = v.safeParse(protocol.readSchema, params);
    if (decoded.success) read.fire(decoded.output);
  });
  await client.start();
  const again = new vscode.EventEmitter<void>();
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) again.fire();
  });
  const ask = async <T extends v.GenericSchema>(
    what: string,
    params: object,
    schema: T,
  ): Promise<v.InferOutput<T>> => v.parse(schema, await client.sendRequest(what, params));
  return {
    onDidRead: read.event,
    onDidStartAgain: again.event,
    outline: (uri, text) => ask(protocol.OUTLINE, { uri, text }, protocol.outlineSchema),
    graph: uri => ask(protocol.GRAPH, { uri }, protocol.graphSchema),
    requested: (uri, subtasks, params) =>
      ask(protocol.REQUEST, { uri, subtasks, params }, protocol.requestedSchema),
    draft: folder => ask(protocol.DRAFT, { folder }, protocol.draftSchema),
    know: known => client.sendNotification(protocol.KNOWN, known),
    remember: lastRun => client.sendNotification(protocol.LAST_RUN, lastRun),
    dispose: () => {
      read.dispose();
      again.dispose();
      // The window may close at any moment. The server ends when its channel closes.
      void client.dispose().catch((error: unknown) => log.debug(`plans: ${String(error)}`));
    },
  };
}
