import * as path from 'node:path';
import * as vscode from 'vscode';
import { sharingWatch } from '../engine/client/shared-watch.ts';
import { readConfig } from '../engine/home/config.ts';
import { defaultHome, homePaths } from '../engine/home/paths.ts';
import { settings } from '../engine/home/settings.ts';
import type { Did } from '../engine/record/ids.ts';
import { commandRunner, registerCommands } from './commands/index.ts';
import { registerRevisions } from './changes/revisions.ts';
import { engine, type CommandContext } from './commands/context.ts';
import { startPlan } from './commands/start-plan.ts';
import { configLanguage } from './config-language.ts';
import { setting, TASK_TYPE, TERMINAL_PROFILE } from './contributions.ts';
import { DisposableStore } from './disposable.ts';
import { Documents } from './documents.ts';
import { FleetModel } from './model/fleet-model.ts';
import { coordinatorStopped, notifications } from './notifications.ts';
import { registerPanels } from './panels/register.ts';
import type { PlanClient } from './plans/plan-client.ts';
import { PlanRuns } from './plans/plan-runs.ts';
import { registerPlans } from './plans/register.ts';
import type { StartPlan } from './plans/start.ts';
import { Continuity } from './session/continuity.ts';
import { findEngine } from './session/find-engine.ts';
import { FleetSettings } from './session/fleet-settings.ts';
import { host } from './session/hosted.ts';
import { once } from './session/once.ts';
import { installedProgram } from './session/program.ts';
import { restricted } from './session/restricted.ts';
import { Session } from './session/session.ts';
import { Standby } from './session/standby.ts';
import { splEnvironment, terminalEnvironment } from './terminal/environment.ts';
import { PlanTasks } from './tasks/task-provider.ts';
import { terminalLinks } from './terminal/links.ts';
import { splTerminal } from './terminal/profile.ts';
import { testExplorer } from './test-explorer/test-explorer.ts';
import { Attention } from './views/attention.ts';
import { contextKeys } from './views/context-keys.ts';
import { RunProgress } from './views/run-progress.ts';
import { Scope } from './views/scope.ts';
import { statusBar } from './views/status-bar.ts';
import { Trees } from './views/trees.ts';

/** Releases everything when the window closes, in order. */
let leave: () => Promise<void> = () => Promise.resolve();

/** Builds everything, and starts nothing heavy: the engine is loaded when it is first needed. */
export function activate(context: vscode.ExtensionContext): void {
  const begun = performance.now();
  if (process.platform === 'win32') return sayWindowsIsNotSupported();
  const store = new DisposableStore();
  context.subscriptions.push(store);
  const log = vscode.window.createOutputChannel(vscode.l10n.t('Fleet'), { log: true });
  const home = path.resolve(setting('home') || defaultHome(process.env));
  // Reads the actor each time, so that a corrected file takes effect without reloading the window.
  const actor = async (): Promise<Did> =>
    settings({}, process.env, await readConfig(homePaths(home).configToml)).actor;
  const program = once(() => installedProgram(context));
  const standby = async (onLost: () => void): Promise<Standby> =>
    new Standby(path.join((await program()).folder, 'spl'), home, log, onLost);
  const isTrusted = (): boolean => vscode.workspace.isTrusted;

  const fleetSettings = store.add(new FleetSettings(home, log));
  const session = new Session({
    home,
    actor,
    log,
    find: (as, signal) => findEngine(home, as, signal),
    host: async () => {
      await fleetSettings.save();
      return host(await program(), home, await actor(), log);
    },
    mayHost: isTrusted,
    guard: client => sharingWatch(restricted(client, isTrusted)),
  });
  fleetSettings.follow(session);
  const model = store.add(new FleetModel(session, log));
  const continuity = store.add(new Continuity(session, model, standby, log));
  const scope = store.add(new Scope(model, context.workspaceState));
  const attention = store.add(new Attention(model, scope));
  const trees = store.add(new Trees(session, model, scope, attention, log));
  store.add(new RunProgress(model, scope, session));
  const documents = store.add(new Documents());
  const panels = store.add(
    registerPanels({
      extensionUri: context.extensionUri,
      access: session,
      model,
      log,
      run: (id, ...args) => commandRunner(commands)(id, ...args),
    }),
  );
  const runs = store.add(new PlanRuns(context.workspaceState));
  const { plans, preview } = store.add(
    registerPlans(
      { access: session, model, runs, log, start: () => startPlans(context, log) },
      context.extensionUri,
    ),
  );
  const terminalOf = once(async () =>
    splEnvironment(path.join(context.globalStorageUri.fsPath, 'bin'), (await program()).folder, home),
  );

  const commands: CommandContext = {
    session,
    model,
    scope,
    documents,
    log,
    openReport: thread => panels.open({ thread, alias: model.task(thread)?.alias ?? thread }),
    reveal: target => trees.reveal(target),
    splEnvironment: terminalOf,
    plans,
    drafts: new Map(),
    previewPlan: preview,
    notePlanRun: (uri, thread) => runs.note(uri.toString(), thread),
  };
  const start: StartPlan = async (uri, part) => {
    const task = await startPlan(commands, uri, part);
    return task && { client: await engine(commands), thread: task.thread };
  };
  store.add(vscode.tasks.registerTaskProvider(TASK_TYPE, new PlanTasks(start)));
  store.add(testExplorer({ access: session, model, plans, runs, log, start }));
  for (const command of registerCommands(commands, () => trees.selection)) store.add(command);
  for (const keys of contextKeys(session, model, scope)) store.add(keys);
  store.add(registerRevisions());
  store.add(configLanguage(home));
  store.add(statusBar(session, model));
  store.add(notifications(attention, session));
  store.add(coordinatorStopped(session));
  store.add(vscode.window.registerTerminalLinkProvider(terminalLinks(model, target => trees.reveal(target))));
  store.add(
    vscode.window.registerTerminalProfileProvider(TERMINAL_PROFILE, {
      provideTerminalProfile: async () => new vscode.TerminalProfile(splTerminal(await terminalOf())),
    }),
  );
  store.add(vscode.workspace.onDidGrantWorkspaceTrust(() => void session.wantHistory()));

  // The editor disposes of the subscriptions while it waits for `deactivate`, so they do not include the parts that
  // `leave` needs.
  leave = async () => {
    try {
      await continuity.leave();
    } finally {
      await session.close();
      log.dispose();
    }
  };
  session.start();
  // Not awaited: the first terminal may open at any moment.
  void terminalOf().then(
    environment => store.add(terminalEnvironment(context.environmentVariableCollection, environment)),
    (error: unknown) => log.error(`spl in terminals: ${String(error)}`),
  );
  // An entry among the process's own, for measurements of the editor's start.
  performance.measure('fleet:activate', { start: begun });
}

/** Releases everything within the few seconds that the editor gives. A standby takes over if runs are to go on. */
export function deactivate(): Promise<void> {
  return leave();
}

/** Starts the plan client. It is loaded when the first plan is opened, because few windows have one. */
async function startPlans(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<PlanClient> {
  const { startPlanClient } = await import('./plans/plan-client.ts');
  return startPlanClient(context.asAbsolutePath(path.join('dist', 'bin', 'plan-server.js')), log);
}

function sayWindowsIsNotSupported(): void {
  void vscode.window.showWarningMessage(
    vscode.l10n.t(
      'Fleet does not run on Windows itself. Open the folder in WSL: "WSL: Reopen Folder in WSL".',
    ),
  );
}
