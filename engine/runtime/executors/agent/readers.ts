import { sumUsd } from '../../../contract/money.ts';
import * as v from 'valibot';
import type { AGENT_OUTPUTS } from '../../../home/config-schema.ts';

/** The progress that a coding agent reports. */
export interface AgentProgress {
  /** Its last message to a person; null for none. */
  summary: string | null;
  /** In dollars; null until it has reported a cost. */
  costUsd: number | null;
  /** Input and output tokens, including those read from a cache. */
  tokens: number;
  session: string | null;
  /** The error that the agent reported, whatever its exit code. */
  error: string | null;
  /** The question for a person, in the agent's own words; null for none. */
  asks: string | null;
  /** The time of new quota, in seconds since 1970, after a refusal for lack of quota; null when it is unknown. */
  refusedUntilUnix: number | null | undefined;
}

/** Reads one line of an agent's output. Lines of another format are ignored. */
export type Reader = (line: string, progress: AgentProgress) => void;

export const noProgress = (): AgentProgress => ({
  summary: null,
  costUsd: null,
  tokens: 0,
  session: null,
  error: null,
  asks: null,
  refusedUntilUnix: undefined,
});

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const count = v.optional(amount, 0);
const text = v.string();

/** Makes a reader of JSON lines; each line is one event. */
function jsonLines<S extends v.GenericSchema>(
  schema: S,
  take: (event: v.InferOutput<S>, progress: AgentProgress) => void,
): Reader {
  return (line, progress) => {
    const start = line.trimStart();
    if (!start.startsWith('{')) return;
    let value: unknown;
    try {
      value = JSON.parse(start);
    } catch {
      return;
    }
    const event = v.safeParse(schema, value);
    if (event.success) take(event.output, progress);
  };
}

const claudeUsage = v.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
});

/** A tool that the agent may not use; the meaning of its input depends on the tool. */
const claudeDenial = v.object({
  tool_name: text,
  tool_input: v.optional(
    v.object({
      command: v.optional(text),
      file_path: v.optional(text),
      url: v.optional(text),
      questions: v.optional(v.array(v.object({ question: text }))),
    }),
    {},
  ),
});

const claudeEvent = v.variant('type', [
  v.object({ type: v.literal('system'), session_id: text }),
  v.object({
    type: v.literal('result'),
    session_id: v.optional(text),
    is_error: v.optional(v.boolean(), false),
    subtype: v.optional(text),
    result: v.optional(text),
    total_cost_usd: v.optional(amount),
    usage: v.optional(claudeUsage),
    permission_denials: v.optional(v.array(claudeDenial), []),
  }),
  v.object({
    type: v.literal('rate_limit_event'),
    rate_limit_info: v.object({ status: v.optional(text), resetsAt: v.optional(amount) }),
  }),
]);

const claude = jsonLines(claudeEvent, (event, progress) => {
  if (event.type === 'rate_limit_event') {
    // Other messages are warnings, after which the work goes on.
    const { status, resetsAt } = event.rate_limit_info;
    progress.refusedUntilUnix = status === 'rejected' ? (resetsAt ?? null) : undefined;
    return;
  }
  progress.session = event.session_id ?? progress.session;
  if (event.type === 'system') return;
  progress.costUsd = event.total_cost_usd ?? progress.costUsd;
  const { usage } = event;
  if (usage !== undefined)
    progress.tokens =
      usage.input_tokens +
      usage.output_tokens +
      usage.cache_read_input_tokens +
      usage.cache_creation_input_tokens;
  progress.summary = event.result ?? progress.summary;
  if (event.is_error || event.subtype?.startsWith('error_') === true)
    progress.error =
      event.result ?? CLAUDE_ERRORS[event.subtype ?? ''] ?? event.subtype ?? 'it says that it failed';
  progress.asks = askedFor(event.permission_denials);
});

/** The meaning of errors without text. */
const CLAUDE_ERRORS: Readonly<Record<string, string>> = {
  error_max_budget_usd: 'it reached the limit of dollars that it was given',
  error_max_turns: 'it reached its limit of turns',
};

/** Returns its questions, or the tools that it may not use, each once; null for none. */
function askedFor(denials: readonly v.InferOutput<typeof claudeDenial>[]): string | null {
  const asked = denials.flatMap(({ tool_name: tool, tool_input: input }) => {
    if (input.questions !== undefined) return input.questions.map(({ question }) => question);
    const on = input.command ?? input.file_path ?? input.url;
    return [`it may not use ${tool}${on === undefined ? '' : `: ${on}`}`];
  });
  return asked.length === 0 ? null : [...new Set(asked)].join('; ');
}

const codexEvent = v.variant('type', [
  v.object({ type: v.literal('thread.started'), thread_id: text }),
  v.object({
    type: v.literal('item.completed'),
    item: v.object({
      type: text,
      text: v.optional(text),
      status: v.optional(text),
      command: v.optional(text),
    }),
  }),
  v.object({
    type: v.literal('turn.completed'),
    usage: v.object({ input_tokens: count, output_tokens: count }),
  }),
  v.object({ type: v.literal('turn.failed'), error: v.object({ message: text }) }),
  v.object({ type: v.literal('error'), message: text }),
]);

const codex = jsonLines(codexEvent, (event, progress) => {
  switch (event.type) {
    case 'thread.started':
      progress.session = event.thread_id;
      return;
    case 'item.completed':
      if (event.item.type === 'agent_message') progress.summary = event.item.text ?? progress.summary;
      if (event.item.status === 'declined')
        progress.asks = `it may not run: ${event.item.command ?? event.item.type}`;
      // A later, allowed command may have replaced a denied one.
      else if (event.item.type === 'command_execution') progress.asks = null;
      return;
    case 'turn.completed':
      progress.tokens += event.usage.input_tokens + event.usage.output_tokens;
      // It may have recovered from an error.
      progress.error = null;
      return;
    case 'turn.failed':
      progress.error = event.error.message;
      return;
    case 'error':
      progress.error = event.message;
      return;
  }
});

const opencodeEvent = v.object({
  type: text,
  sessionID: v.optional(text),
  part: v.optional(
    v.object({
      text: v.optional(text),
      cost: count,
      tokens: v.optional(v.object({ input: count, output: count, reasoning: count })),
    }),
  ),
  error: v.optional(
    v.object({
      name: v.optional(text),
      data: v.optional(v.object({ message: v.optional(text) })),
    }),
  ),
});

const opencode = jsonLines(opencodeEvent, ({ type, sessionID, part, error }, progress) => {
  progress.session = sessionID ?? progress.session;
  if (type === 'text') progress.summary = part?.text ?? progress.summary;
  if (type === 'step_finish' && part !== undefined) {
    progress.costUsd = sumUsd([progress.costUsd ?? 0, part.cost]);
    if (part.tokens !== undefined)
      progress.tokens += part.tokens.input + part.tokens.output + part.tokens.reasoning;
  }
  if (type === 'error') progress.error = error?.data?.message ?? error?.name ?? 'it says that it failed';
});

const geminiDocument = v.object({
  response: v.optional(v.nullable(text)),
  session_id: v.optional(text),
  error: v.optional(v.nullable(v.object({ message: text }))),
  stats: v.optional(
    v.object({
      models: v.optional(v.record(text, v.object({ tokens: v.optional(v.object({ total: count })) })), {}),
    }),
  ),
});

/** The longest document of `gemini`, in UTF-16 code units. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

/** Reads one document of several lines, starting at the first line that begins with `{`; text before it is ignored. */
function gemini(): Reader {
  let document = '';
  return (line, progress) => {
    if (document === '' && !line.startsWith('{')) return;
    if (document.length + line.length > MAX_DOCUMENT) return;
    document += `${line}\n`;
    // A formatted document ends in a line of its own.
    if (!line.trimEnd().endsWith('}')) return;
    let value: unknown;
    try {
      value = JSON.parse(document);
    } catch {
      return;
    }
    document = '';
    const result = v.safeParse(geminiDocument, value);
    if (!result.success) return;
    const { response, session_id, error, stats } = result.output;
    progress.session = session_id ?? progress.session;
    progress.summary = response ?? progress.summary;
    progress.error = error?.message ?? null;
    for (const { tokens } of Object.values(stats?.models ?? {})) progress.tokens += tokens?.total ?? 0;
  };
}

/** `Tokens: 1.2k sent, 345 received. Cost: $0.01 message, $0.02 session.`, after each answer. */
const AIDER_TOKENS = /^Tokens: ([\d.,]+)([kM]?) sent,.*? ([\d.,]+)([kM]?) received\./;
const AIDER_COST = /Cost: \$[\d.]+ message, \$([\d.]+) session\./;
const SCALE: Readonly<Record<string, number>> = { '': 1, k: 1_000, M: 1_000_000 };

const aider: Reader = (line, progress) => {
  const tokens = AIDER_TOKENS.exec(line);
  if (tokens === null) return;
  const [, sent = '', sentScale = '', received = '', receivedScale = ''] = tokens;
  progress.tokens += scaled(sent, sentScale) + scaled(received, receivedScale);
  const cost = Number(AIDER_COST.exec(line)?.[1]);
  if (Number.isFinite(cost)) progress.costUsd = cost;
};

function scaled(number: string, scale: string): number {
  const value = Number(number.replaceAll(',', ''));
  return Number.isFinite(value) ? Math.round(value * SCALE[scale]!) : 0;
}

/** The factories of readers by output format, called for each attempt. `text` reports only its last lines. */
export const readers = {
  text: (): Reader => () => {},
  claude: (): Reader => claude,
  codex: (): Reader => codex,
  gemini,
  opencode: (): Reader => opencode,
  aider: (): Reader => aider,
} as const satisfies Record<(typeof AGENT_OUTPUTS)[number], () => Reader>;
