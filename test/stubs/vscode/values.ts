import type * as vscode from 'vscode';

/** The enumerations, and classes that only store their arguments. */

type Members<E> = { readonly [K in keyof E]: E[K] };

export const ConfigurationTarget: Members<typeof vscode.ConfigurationTarget> = {
  Global: 1,
  Workspace: 2,
  WorkspaceFolder: 3,
};

export const ProgressLocation: Members<typeof vscode.ProgressLocation> = {
  SourceControl: 1,
  Window: 10,
  Notification: 15,
};

export const QuickPickItemKind: Members<typeof vscode.QuickPickItemKind> = {
  Separator: -1,
  Default: 0,
};

export const StatusBarAlignment: Members<typeof vscode.StatusBarAlignment> = {
  Left: 1,
  Right: 2,
};

export const TaskRevealKind: Members<typeof vscode.TaskRevealKind> = {
  Always: 1,
  Silent: 2,
  Never: 3,
};

export const TaskScope: Members<typeof vscode.TaskScope> = { Global: 1, Workspace: 2 };

export const TreeItemCollapsibleState: Members<typeof vscode.TreeItemCollapsibleState> = {
  None: 0,
  Collapsed: 1,
  Expanded: 2,
};

export const ViewColumn: Members<typeof vscode.ViewColumn> = {
  Active: -1,
  Beside: -2,
  One: 1,
  Two: 2,
  Three: 3,
  Four: 4,
  Five: 5,
  Six: 6,
  Seven: 7,
  Eight: 8,
  Nine: 9,
};

export class TabInputWebview implements vscode.TabInputWebview {
  readonly viewType: string;

  constructor(viewType: string) {
    this.viewType = viewType;
  }
}

export class ThemeColor implements vscode.ThemeColor {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

export class ThemeIcon implements vscode.ThemeIcon {
  readonly id: string;
  readonly color?: vscode.ThemeColor | undefined;

  constructor(id: string, color?: vscode.ThemeColor) {
    this.id = id;
    this.color = color;
  }
}

export class TreeItem implements Pick<vscode.TreeItem, 'label' | 'collapsibleState'> {
  label: string | vscode.TreeItemLabel;
  collapsibleState: vscode.TreeItemCollapsibleState;

  constructor(
    label: string | vscode.TreeItemLabel,
    collapsibleState: vscode.TreeItemCollapsibleState = TreeItemCollapsibleState.None,
  ) {
    this.label = label;
    this.collapsibleState = collapsibleState;
  }
}

/** Markdown from trusted Markdown and escaped text. */
export class MarkdownString implements Pick<
  vscode.MarkdownString,
  'value' | 'appendMarkdown' | 'appendText' | 'appendCodeblock'
> {
  value: string;
  isTrusted = false;
  supportHtml = false;
  supportThemeIcons = false;

  constructor(value = '') {
    this.value = value;
  }

  appendMarkdown(value: string): vscode.MarkdownString {
    this.value += value;
    return this;
  }

  /** Escapes a text like the editor. */
  appendText(value: string): vscode.MarkdownString {
    return this.appendMarkdown(
      value
        .replace(/[\\`*_{}[\]()#+\-!~]/g, '\\$&')
        .replace(/[ \t]+/g, spaces => '&nbsp;'.repeat(spaces.length))
        .replaceAll('>', '\\>')
        .replaceAll('\n', '\n\n'),
    );
  }

  /** Uses a fence that is longer than any in the code. */
  appendCodeblock(code: string, language = ''): vscode.MarkdownString {
    const longest = Math.max(2, ...[...code.matchAll(/^`+/gm)].map(([fence]) => fence.length));
    const fence = '`'.repeat(longest + 1);
    return this.appendMarkdown(`\n${fence}${language}\n${code}\n${fence}\n`);
  }
}

export class CodeLens implements vscode.CodeLens {
  range: vscode.Range;
  command?: vscode.Command;
  readonly isResolved: boolean;

  constructor(range: vscode.Range, command?: vscode.Command) {
    this.range = range;
    if (command !== undefined) this.command = command;
    this.isResolved = command !== undefined;
  }
}

export class FileDecoration implements vscode.FileDecoration {
  badge?: string;
  tooltip?: string;
  color?: vscode.ThemeColor;

  constructor(badge?: string, tooltip?: string, color?: vscode.ThemeColor) {
    if (badge !== undefined) this.badge = badge;
    if (tooltip !== undefined) this.tooltip = tooltip;
    if (color !== undefined) this.color = color;
  }
}

export class TerminalProfile implements vscode.TerminalProfile {
  options: vscode.TerminalOptions | vscode.ExtensionTerminalOptions;

  constructor(options: vscode.TerminalOptions | vscode.ExtensionTerminalOptions) {
    this.options = options;
  }
}

export class ProcessExecution implements Pick<vscode.ProcessExecution, 'process' | 'args' | 'options'> {
  process: string;
  args: string[];
  options?: vscode.ProcessExecutionOptions;

  constructor(process: string, args: string[], options?: vscode.ProcessExecutionOptions) {
    this.process = process;
    this.args = args;
    if (options !== undefined) this.options = options;
  }
}

export class CustomExecution {
  readonly callback: (resolved: vscode.TaskDefinition) => Thenable<vscode.Pseudoterminal>;

  constructor(callback: (resolved: vscode.TaskDefinition) => Thenable<vscode.Pseudoterminal>) {
    this.callback = callback;
  }
}

export class TaskGroup {
  static readonly Test = new TaskGroup('test');
  readonly id: string;

  private constructor(id: string) {
    this.id = id;
  }
}

export class Task implements Pick<vscode.Task, 'definition' | 'scope' | 'name' | 'source' | 'execution'> {
  definition: vscode.TaskDefinition;
  readonly scope: vscode.Task['scope'];
  name: string;
  source: string;
  execution?: NonNullable<vscode.Task['execution']>;
  presentationOptions: vscode.TaskPresentationOptions = {};

  constructor(
    definition: vscode.TaskDefinition,
    scope: NonNullable<vscode.Task['scope']>,
    name: string,
    source: string,
    execution?: NonNullable<vscode.Task['execution']>,
  ) {
    this.definition = definition;
    this.scope = scope;
    this.name = name;
    this.source = source;
    if (execution !== undefined) this.execution = execution;
  }
}

/** A snippet, which the stub inserts with the first value of each blank. */
export class SnippetString implements Pick<vscode.SnippetString, 'value'> {
  value = '';

  appendText(text: string): this {
    this.value += text;
    return this;
  }

  appendPlaceholder(value: string): this {
    return this.appendText(value);
  }

  appendChoice(values: readonly string[]): this {
    return this.appendPlaceholder(values[0]!);
  }
}
