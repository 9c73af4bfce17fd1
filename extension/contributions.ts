import * as v from 'valibot';
import * as vscode from 'vscode';

/** Everything that package.json contributes, by its id. A test holds the two together, both ways. */

export const VIEWS = {
  instances: 'fleet.instances',
  fanOuts: 'fleet.fanOuts',
  namespaces: 'fleet.namespaces',
} as const;
export const TERMINAL_PROFILE = 'fleet.terminal';
export const WALKTHROUGH = 'firstFanOut';

export const COMMANDS = [
  'fleet.start',
  'fleet.stopWorkers',
  'fleet.stopAll',
  'fleet.killSwitch',
  'fleet.liftKillSwitch',
  'fleet.showStatus',
  'fleet.openConfiguration',
  'fleet.restartInstance',
  'fleet.stopInstance',
  'fleet.pingInstance',
  'fleet.showInstance',
  'fleet.copyDid',
  'fleet.openInstanceLog',
  'fleet.addTask',
  'fleet.fanOut',
  'fleet.openReport',
  'fleet.showOutput',
  'fleet.openChanges',
  'fleet.openWorktree',
  'fleet.openWorktreeTerminal',
  'fleet.showWorktrees',
  'fleet.setTaskStatus',
  'fleet.retry',
  'fleet.retryFailed',
  'fleet.cancel',
  'fleet.runSerial',
  'fleet.showTask',
  'fleet.replay',
  'fleet.showThread',
  'fleet.query',
  'fleet.runPlan',
  'fleet.runPlanSubtask',
  'fleet.runPlanSerially',
  'fleet.openPlanReport',
  'fleet.previewPlan',
  'fleet.copyThread',
  'fleet.copyAlias',
  'fleet.newNamespace',
  'fleet.freezeNamespace',
  'fleet.unfreezeNamespace',
  'fleet.archiveNamespace',
  'fleet.reviveNamespace',
  'fleet.deleteNamespace',
  'fleet.showEffectivePolicy',
  'fleet.useNamespace',
  'fleet.clearNamespace',
  'fleet.copyNamespace',
  'fleet.doctor',
  'fleet.openTerminal',
  'fleet.firstFanOut',
  'fleet.openWalkthrough',
  'fleet.openHistory',
  'fleet.reconnect',
  'fleet.showLog',
] as const;
export type CommandId = (typeof COMMANDS)[number];

/** The context keys that `when` clauses test. */
export interface ContextKeys {
  'fleet.state': 'none' | 'opening' | 'live' | 'down';
  /** Workers that run. */
  'fleet.workers': number;
  /** True where the kill switch holds anything. */
  'fleet.isFrozen': boolean;
  /** True where the home exists, and so may have a history. */
  'fleet.hasHome': boolean;
  'fleet.hasTasks': boolean;
  'fleet.hasFanOuts': boolean;
  'fleet.hasJoined': boolean;
}

/** Sets a context key; done when the editor has it. */
export function setContext<K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): Thenable<unknown> {
  return vscode.commands.executeCommand('setContext', key, value);
}

const SETTINGS = {
  home: v.string(),
  workers: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)),
  executor: v.picklist(['echo', 'shell']),
  onWindowClose: v.picklist(['ask', 'continue', 'stop']),
  namespace: v.pipe(v.string(), v.maxLength(256)),
  'terminal.integration': v.boolean(),
  'notifications.joinFailed': v.boolean(),
  'notifications.needsYou': v.boolean(),
  'notifications.workerLost': v.boolean(),
  'notifications.stalled': v.boolean(),
} as const;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
export type SettingName = keyof typeof SETTINGS;
export type Setting<N extends SettingName> = v.InferOutput<(typeof SETTINGS)[N]>;

/** The value of a setting; its default where somebody wrote what it can't be. */
export function setting<N extends SettingName>(name: N): Setting<N> {
  const configuration = vscode.workspace.getConfiguration('fleet');
  const result = v.safeParse(SETTINGS[name], configuration.get(name));
  return (result.success ? result.output : configuration.inspect(name)?.defaultValue) as Setting<N>;
}

/** Tells whether a change of the configuration affects this setting. */
export function concerns(event: vscode.ConfigurationChangeEvent, name: SettingName): boolean {
  return event.affectsConfiguration(`fleet.${name}`);
}

const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(256));
const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const attempt = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** The subject of a command. Rows of the trees are subjects; links, menus and other extensions may pass the same. */
export const subjectSchema = v.variant('kind', [
  v.object({ kind: v.literal('instance'), did: name }),
  v.object({ kind: v.literal('task'), thread: name }),
  v.object({ kind: v.literal('child'), thread: name, index }),
  v.object({ kind: v.literal('attempt'), thread: name, index, attempt }),
  v.object({ kind: v.literal('namespace'), id: name }),
  /** A plan, or the subtask of this name that stood at this place in it when it was shown. */
  v.object({
    kind: v.literal('plan'),
    uri: v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096)),
    subtask: v.nullable(index),
    name: v.exactOptional(v.nullable(v.string())),
  }),
]);
export type Subject = v.InferOutput<typeof subjectSchema>;
/** A subject with a row that can be shown. Rows of namespaces are read only when they are opened, and plans have none. */
export type Revealed = Exclude<Subject, { kind: 'namespace' | 'plan' }>;

/** Reads what a command was called with; undefined when that names nothing, and the user is asked. */
export function subjectOf(argument: unknown): Subject | undefined {
  const result = v.safeParse(subjectSchema, argument);
  return result.success ? result.output : undefined;
}

const selectionSchema = v.object({ kind: v.literal('selection') });

/** Tells whether a key binding called a command, which is then about the selected row. */
export function isSelection(argument: unknown): boolean {
  return v.is(selectionSchema, argument);
}
