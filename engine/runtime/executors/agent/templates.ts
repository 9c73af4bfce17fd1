import { FleetError } from '../../../errors.ts';
import type { AGENT_OUTPUTS, AgentTable } from '../../../home/config-schema.ts';

/** The command line of a coding agent, and the format of its output. */
export interface AgentTemplate {
  /** The program and its arguments, which no shell reads. `{prompt_file}` and `{session}` are replaced. */
  readonly command: readonly string[];
  /** The same for an attempt that continues the conversation of an earlier one; null: it starts a new one. */
  readonly resume: readonly string[] | null;
  /** The place of the prompt: the standard input, or the file that `{prompt_file}` names. */
  readonly prompt: 'stdin' | 'file';
  readonly output: (typeof AGENT_OUTPUTS)[number];
  /** The arguments that limit its cost, in which `{budget_usd}` is replaced; null when it has none. */
  readonly budget: readonly string[] | null;
}

const CLAUDE = [
  ...['claude', '-p', '--output-format', 'stream-json', '--verbose'],
  ...['--permission-mode', 'acceptEdits'],
];

/**
 * Popular agents, run without questions. Each may write in its folder, which is a worktree by default. An agent that is
 * to ask, or to do more, needs a command of the user's own.
 */
export const PRESETS: Readonly<Record<string, AgentTemplate>> = {
  claude: {
    command: CLAUDE,
    resume: [...CLAUDE, '--resume', '{session}'],
    prompt: 'stdin',
    output: 'claude',
    budget: ['--max-budget-usd', '{budget_usd}'],
  },
  codex: {
    command: ['codex', 'exec', '--json', '--sandbox', 'workspace-write', '-'],
    resume: ['codex', 'exec', '--json', '--sandbox', 'workspace-write', 'resume', '{session}', '-'],
    prompt: 'stdin',
    output: 'codex',
    budget: null,
  },
  gemini: {
    command: ['gemini', '--output-format', 'json', '--approval-mode', 'auto_edit'],
    resume: null,
    prompt: 'stdin',
    output: 'gemini',
    budget: null,
  },
  copilot: {
    command: ['copilot', '--allow-all-tools', '--no-color'],
    resume: null,
    prompt: 'stdin',
    output: 'text',
    budget: null,
  },
  opencode: {
    command: ['opencode', 'run', '--format', 'json'],
    resume: ['opencode', 'run', '--format', 'json', '--session', '{session}'],
    prompt: 'stdin',
    output: 'opencode',
    budget: null,
  },
  aider: {
    command: ['aider', '--yes-always', '--no-pretty', '--no-check-update', '--message-file', '{prompt_file}'],
    resume: null,
    prompt: 'file',
    output: 'aider',
    budget: null,
  },
};

/**
 * Returns the templates of all agents: the presets with the tables of `config.toml`.
 * @throws HOME_INVALID for a table without a program and without a preset.
 */
export function agentTemplates(
  tables: Readonly<Record<string, AgentTable>>,
): ReadonlyMap<string, AgentTemplate> {
  const templates = new Map(Object.entries(PRESETS));
  for (const [name, table] of Object.entries(tables)) {
    const preset = templates.get(name);
    const command = table.command ?? preset?.command;
    if (command === undefined)
      throw new FleetError('HOME_INVALID', `agents.${name} has no command, and no preset has its name`, {
        details: { agent: name, presets: Object.keys(PRESETS) },
        hint: `Write in config.toml under [agents.${name}]: command = ["program", "word", …]`,
      });
    templates.set(name, {
      command,
      // A custom command does not fit the preset's arguments for continuing.
      resume: table.resume ?? (table.command === undefined ? (preset?.resume ?? null) : null),
      prompt: table.prompt ?? preset?.prompt ?? 'stdin',
      output: table.output ?? preset?.output ?? 'text',
      // The same program takes the same arguments.
      budget: table.budget ?? (command[0] === preset?.command[0] ? (preset?.budget ?? null) : null),
    });
  }
  return templates;
}
