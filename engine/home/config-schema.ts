import * as v from 'valibot';
import { isDid, type Did } from '../record/ids.ts';

/** The schemas of settings, whatever their source. The name of the setting precedes a message. */
export const values = {
  actor: v.custom<Did>(
    value => typeof value === 'string' && isDid(value),
    'must be a DID such as did:sync:user:ada',
  ),
  text: v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'), v.maxLength(1024, 'is too long')),
  url: v.pipe(
    v.string('must be text'),
    v.check(isHttpUrl, 'must be an http or https URL'),
    v.transform(url => url.replace(/\/+$/, '')),
  ),
  port: wholeNumber(0, 65_535),
  slots: wholeNumber(1, 64),
  heartbeatSecs: number(0.05, 3600),
  idleExitSecs: number(0, 31_536_000),
  stallSecs: number(0, 31_536_000),
  timeoutSecs: number(0.001, 31_536_000),
  stallPolicy: v.picklist(['notify', 'nudge', 'end'], 'must be notify, nudge or end'),
  /** Room for a character of any language. */
  outputCapBytes: wholeNumber(4, Number.MAX_SAFE_INTEGER),
};

/** The tables of `config.toml`; every key may be left out. */
export const tables = {
  identity: v.partial(v.object({ actor: values.actor, display_name: values.text })),
  server: v.partial(
    v.object({
      host: values.text,
      port: values.port,
      tls_cert: values.text,
      tls_key: values.text,
      tls_ca: values.text,
      proxy: values.url,
    }),
  ),
  fleet: v.partial(
    v.object({
      coordinator_url: values.url,
      heartbeat_interval_secs: values.heartbeatSecs,
      advertised_endpoint: values.url,
      executor: values.text,
      slots: values.slots,
      worker_idle_exit_secs: values.idleExitSecs,
      stall_secs: values.stallSecs,
      timeout_secs: values.timeoutSecs,
      stall_policy: values.stallPolicy,
      output_cap_bytes: values.outputCapBytes,
    }),
  ),
};

/** The output formats of coding agents that can be read. */
export const AGENT_OUTPUTS = ['text', 'claude', 'codex', 'gemini', 'opencode', 'aider'] as const;

const words = v.pipe(
  v.array(v.pipe(v.string('must be text'), v.maxLength(4096, 'is too long')), 'must be a list of words'),
  v.minLength(1, 'must name a program'),
  v.maxLength(256, 'has more than 256 words'),
);

/** A table `[agents.NAME]`: the way to run that agent. The preset of its name fills in what the table omits. */
export const agentTable = v.partial(
  v.object({
    command: words,
    resume: words,
    prompt: v.picklist(['stdin', 'file'], 'must be stdin or file'),
    budget: words,
    output: v.picklist(AGENT_OUTPUTS, `must be one of ${AGENT_OUTPUTS.join(', ')}`),
  }),
);
export type AgentTable = v.InferOutput<typeof agentTable>;

/** A file or folder of a repository, by its path from the top. */
const pathInside = v.pipe(
  values.text,
  v.check(
    text => !text.startsWith('/') && !text.split('/').includes('..'),
    'must be a path from the top of the repository',
  ),
);

/** The table `[worktree]`: the start of the worktrees of attempts. */
export const worktreeTable = v.partial(
  v.object({
    dirty: v.picklist(['refuse', 'stash', 'carry'], 'must be refuse, stash or carry'),
    include: v.pipe(
      v.array(pathInside, 'must be a list of paths'),
      v.maxLength(256, 'has more than 256 paths'),
    ),
    setup: v.pipe(
      v.string('must be text'),
      v.nonEmpty('must not be empty'),
      v.maxLength(65_536, 'is too long'),
    ),
    escape: v.picklist(['fail', 'note'], 'must be fail or note'),
    min_free_bytes: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    timeout_secs: number(1, 86_400),
  }),
);
export type WorktreeTable = v.InferOutput<typeof worktreeTable>;

const isTable = v.custom<object>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a table',
);
export const configSchema = v.object({
  identity: v.optional(v.pipe(isTable, tables.identity), {}),
  server: v.optional(v.pipe(isTable, tables.server), {}),
  fleet: v.optional(v.pipe(isTable, tables.fleet), {}),
  worktree: v.optional(v.pipe(isTable, worktreeTable), {}),
  agents: v.optional(
    v.pipe(
      isTable,
      v.record(
        v.pipe(
          v.string(),
          v.regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'is no name for an agent: 1 to 32 of a-z 0-9 _ -'),
        ),
        v.pipe(isTable, agentTable),
      ),
    ),
    {},
  ),
});

function number(min: number, max: number) {
  return v.pipe(
    v.number('must be a number'),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );
}

function wholeNumber(min: number, max: number) {
  return v.pipe(number(min, max), v.integer('must be a whole number'));
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
