import * as v from 'valibot';
import * as vscode from 'vscode';

/**
 * Views, context keys and settings that package.json contributes; `command-registry.ts` has the commands. A test checks
 * the manifest against the code, in both directions.
 */

export const VIEWS = {
  instances: 'fleet.instances',
  fanOuts: 'fleet.fanOuts',
  namespaces: 'fleet.namespaces',
} as const;
/** The language of the home's configuration. */
export const CONFIG_LANGUAGE = 'fleet-config';
export const TASK_TYPE = 'spl';
export const TERMINAL_PROFILE = 'fleet.terminal';
export const WALKTHROUGH = 'firstFanOut';

/** The context keys that `when` clauses test. */
export interface ContextKeys {
  'fleet.state': 'none' | 'opening' | 'live' | 'down';
  /** The number of workers that run. */
  'fleet.workers': number;
  /** True if the kill switch holds anything. */
  'fleet.isFrozen': boolean;
  /** True if the home exists: it may have a history. */
  'fleet.hasHome': boolean;
  'fleet.hasTasks': boolean;
  'fleet.hasFanOuts': boolean;
  'fleet.hasJoined': boolean;
  /** True if the tasks of all folders are shown. */
  'fleet.isEverywhere': boolean;
  /** True if a text filters the tasks. */
  'fleet.isFiltered': boolean;
}

/** Sets a context key. Resolves when the editor has it. */
export function setContext<K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): Thenable<unknown> {
  return vscode.commands.executeCommand('setContext', key, value);
}

/** A limit; 0 for none. */
const LIMIT = v.pipe(v.number(), v.minValue(0));

const SETTINGS = {
  home: v.string(),
  workers: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)),
  executor: v.picklist(['echo', 'shell']),
  onWindowClose: v.picklist(['continue', 'stop']),
  namespace: v.pipe(v.string(), v.maxLength(256)),
  'terminal.integration': v.boolean(),
  slots: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64)),
  timeoutSecs: v.nullable(v.number()),
  stallSecs: v.number(),
  'worktree.dirty': v.picklist(['refuse', 'carry', 'stash']),
  'worktree.include': v.array(v.string()),
  'worktree.setup': v.string(),
  agents: v.record(v.string(), v.unknown()),
  'budget.usd': LIMIT,
  'budget.tokens': LIMIT,
  'notifications.joinFailed': v.boolean(),
  'notifications.passed': v.boolean(),
  'notifications.needsYou': v.boolean(),
  'notifications.workerLost': v.boolean(),
  'notifications.stalled': v.boolean(),
} as const;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
export type SettingName = keyof typeof SETTINGS;
export type Setting<N extends SettingName> = v.InferOutput<(typeof SETTINGS)[N]>;

/** The settings that the processes of the fleet read, by their places in the home's configuration; `key` null: all of a table. */
export const FLEET_SETTINGS: readonly {
  readonly name: SettingName;
  readonly table: 'fleet' | 'worktree' | 'agents';
  readonly key: string | null;
}[] = [
  { name: 'slots', table: 'fleet', key: 'slots' },
  { name: 'timeoutSecs', table: 'fleet', key: 'timeout_secs' },
  { name: 'stallSecs', table: 'fleet', key: 'stall_secs' },
  { name: 'worktree.dirty', table: 'worktree', key: 'dirty' },
  { name: 'worktree.include', table: 'worktree', key: 'include' },
  { name: 'worktree.setup', table: 'worktree', key: 'setup' },
  { name: 'agents', table: 'agents', key: null },
];

/** Returns the value of a setting; its default if the user's value is invalid. */
export function setting<N extends SettingName>(name: N): Setting<N> {
  const configuration = vscode.workspace.getConfiguration('fleet');
  const result = v.safeParse(SETTINGS[name], configuration.get(name));
  return (result.success ? result.output : configuration.inspect(name)?.defaultValue) as Setting<N>;
}

/** Returns true if a configuration change affects this setting. */
export function concerns(event: vscode.ConfigurationChangeEvent, name: SettingName): boolean {
  return event.affectsConfiguration(`fleet.${name}`);
}
