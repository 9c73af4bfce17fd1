import * as v from 'valibot';
import * as vscode from 'vscode';
import { editorSettingsSchema, writeEditorSettings } from '../../engine/home/editor-settings.ts';
import type { EngineAccess } from '../access.ts';
import { FLEET_SETTINGS, setting } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { homeExists } from './find-engine.ts';

/**
 * Writes the user's settings of the fleet into the home, where the coordinator and the workers read them. Defaults are
 * left out, so that `config.toml` and the engine's own defaults count.
 */
export class FleetSettings implements vscode.Disposable {
  readonly #home: string;
  readonly #log: vscode.LogOutputChannel;
  readonly #owned = new DisposableStore();

  constructor(home: string, log: vscode.LogOutputChannel) {
    this.#home = home;
    this.#log = log;
    this.#owned.add(
      vscode.workspace.onDidChangeConfiguration(event => {
        if (FLEET_SETTINGS.some(({ name }) => event.affectsConfiguration(`fleet.${name}`)))
          void this.#changed();
      }),
    );
  }

  /** Writes the settings. Nothing that goes wrong keeps the fleet from starting: the user sees what did. */
  async save(): Promise<void> {
    const result = v.safeParse(editorSettingsSchema, given());
    if (!result.success) return sayInvalid(result.issues[0]);
    await writeEditorSettings(this.#home, result.output).catch((thrown: unknown) =>
      this.#log.error(`the settings of the fleet: ${String(thrown)}`),
    );
  }

  dispose(): void {
    this.#owned.dispose();
  }

  /** Follows a session: a coordinator of another process may serve a home that has older settings. */
  follow(session: Pick<EngineAccess, 'client' | 'onDidChange'>): void {
    this.#owned.add(session.onDidChange(() => void (session.client !== undefined && this.save())));
  }

  /** A home that does not exist is not made for a setting; its first coordinator gets it. */
  async #changed(): Promise<void> {
    if (await homeExists(this.#home)) await this.save();
  }
}

/** Returns the settings that the user has changed, in the form of `config.toml`. */
function given(): Record<string, Record<string, unknown>> {
  const settings: Record<string, Record<string, unknown>> = {};
  const configuration = vscode.workspace.getConfiguration('fleet');
  for (const { name, table, key } of FLEET_SETTINGS) {
    // These settings have the scope of the machine: a folder cannot choose programs.
    const value = configuration.inspect(name)?.globalValue;
    if (value === undefined || value === configuration.inspect(name)?.defaultValue) continue;
    if (key === null) settings[table] = value as Record<string, unknown>;
    else (settings[table] ??= {})[key] = value;
  }
  return settings;
}

function sayInvalid(issue: v.BaseIssue<unknown>): void {
  const path = v.getDotPath(issue) ?? '';
  const named = FLEET_SETTINGS.find(({ table, key }) =>
    path.startsWith(key === null ? table : `${table}.${key}`),
  );
  const open = vscode.l10n.t('Open Settings');
  const message = vscode.l10n.t(
    'The settings of the fleet are not used: {0} {1}.',
    named?.key === null ? `fleet.${path}` : `fleet.${named?.name ?? path}`,
    issue.message,
  );
  void vscode.window.showWarningMessage(message, open).then(pressed => {
    if (pressed === open)
      void vscode.commands.executeCommand('workbench.action.openSettings', `fleet.${named?.name ?? ''}`);
  });
}

/** A subtask as a plan has it. */
type Written = Readonly<Record<string, unknown>>;

/** Returns the subtasks with the limits of the settings for agents whose plan names none. */
export function withDefaultBudget(subtasks: readonly Written[]): readonly Written[] {
  const limit = (value: number): number | undefined => (value > 0 ? value : undefined);
  const [usd, tokens] = [limit(setting('budget.usd')), limit(setting('budget.tokens'))];
  const isAgent = ({ executor }: Written): boolean => String(executor).startsWith('agent:');
  return subtasks.map(subtask =>
    isAgent(subtask)
      ? {
          ...subtask,
          budget_usd: subtask['budget_usd'] ?? usd,
          budget_tokens: subtask['budget_tokens'] ?? tokens,
        }
      : subtask,
  );
}
