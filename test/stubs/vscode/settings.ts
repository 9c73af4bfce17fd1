import { readFileSync } from 'node:fs';
import type * as vscode from 'vscode';
import { EventEmitter } from './events.ts';
import { part } from './part.ts';
import { ConfigurationTarget } from './values.ts';

interface Manifest {
  readonly contributes: {
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly default: unknown }>> };
  };
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] };
  };
}

const manifest = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as Manifest;
const { properties } = manifest.contributes.configuration;
const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;

type Values = ReadonlyMap<string, unknown>;

/** The settings of the user and of the workspace, with the defaults of the manifest. */
export class Settings {
  readonly changed = new EventEmitter<vscode.ConfigurationChangeEvent>();
  readonly #isTrusted: () => boolean;
  #global: Values = new Map();
  #workspace: Values = new Map();

  /** @param isTrusted false: some settings of the folder are ignored */
  constructor(isTrusted: () => boolean) {
    this.#isTrusted = isTrusted;
  }

  /** Writes a setting by its full name; undefined removes it. */
  set(name: string, value: unknown, target: vscode.ConfigurationTarget = ConfigurationTarget.Global): void {
    const before = target === ConfigurationTarget.Global ? this.#global : this.#workspace;
    const after = new Map(before);
    if (value === undefined) after.delete(name);
    else after.set(name, value);
    if (target === ConfigurationTarget.Global) this.#global = after;
    else this.#workspace = after;
    this.changed.fire({
      affectsConfiguration: section => name === section || name.startsWith(`${section}.`),
    });
  }

  /** Returns a copy of the settings under a section. Later changes do not affect it. */
  section(section: string): vscode.WorkspaceConfiguration {
    const [global, workspace] = [this.#global, this.#workspace];
    const full = (name: string): string => `${section}.${name}`;
    const counts = (name: string): boolean => this.#isTrusted() || !restrictedConfigurations.includes(name);
    const valueOf = (name: string): unknown => {
      if (workspace.has(name) && counts(name)) return workspace.get(name);
      return global.has(name) ? global.get(name) : properties[name]?.default;
    };
    return part<vscode.WorkspaceConfiguration>('WorkspaceConfiguration', {
      get: (name: string) => valueOf(full(name)) as never,
      inspect: (name: string) =>
        ({
          key: full(name),
          defaultValue: properties[full(name)]?.default,
          globalValue: global.get(full(name)),
          workspaceValue: workspace.get(full(name)),
        }) as never,
      update: async (name, value, target) => {
        if (typeof target !== 'number') throw new Error('the test needs a target of the configuration');
        this.set(full(name), value, target);
      },
    });
  }
}
