import { FleetError } from '../../../errors.ts';
import type { AGENT_OUTPUTS, AgentTable } from '../../../home/config.ts';

/** The command line of a coding agent, and the way its output is read. */
export interface AgentTemplate {
  /** The program and what it is given, word by word; no shell reads them. `{prompt_file}` and `{session}` are filled in. */
  readonly command: readonly string[];
  /** The same for an attempt that goes on with the conversation of an earlier one; null: it begins anew. */
  readonly resume: readonly string[] | null;
  /** The place of the agent's prompt: its input, or the file that `{prompt_file}` names. */
  readonly prompt: 'stdin' | 'file';
  readonly output: (typeof AGENT_OUTPUTS)[number];
  /** The words that limit what it may spend, with `{budget_usd}` filled in; null where it takes none. */
  readonly budget: readonly string[] | null;
}

const CLAUDE = [
  ...['claude', '-p', '--output-format', 'stream-json', '--verbose'],
  ...['--permission-mode', 'acceptEdits'],
];

/**
 * The agents that people use, run without questions. Each may write in the folder that it is given, which is a
 * worktree of its own unless somebody said otherwise; who wants it to be asked, or to do more, names the words himself.
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
 * Every agent that can be named: the presets, changed and added to by the tables of `config.toml`.
 * @throws HOME_INVALID for a table that names no program, where no preset does.
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
      // Words of his own don't go with the preset's way to go on.
      resume: table.resume ?? (table.command === undefined ? (preset?.resume ?? null) : null),
      prompt: table.prompt ?? preset?.prompt ?? 'stdin',
      output: table.output ?? preset?.output ?? 'text',
      // The same program takes the same words.
      budget: table.budget ?? (command[0] === preset?.command[0] ? (preset?.budget ?? null) : null),
    });
  }
  return templates;
}
