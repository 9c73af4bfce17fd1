import { writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

/**
 * A scripted coding agent: it speaks the output of each tool that the fleet knows, on good days and bad ones.
 * Its words: the tool, the day, and what it is given besides. It writes down in its folder how it was called.
 */
const [tool, day, ...words] = process.argv.slice(2);
const QUOTA = 'Usage limit reached, try again in 2 hours 5 minutes';

const prompt = await promptOf();
await writeFile('asked.json', JSON.stringify({ prompt, words }));
const session = wordAfter('--resume') ?? 'session-1';
const answer = `did: ${prompt.split('\n', 1)[0]}`;

/** The functions that print the last messages of each tool. */
const tools = {
  claude: (error, denials = []) => {
    say({ type: 'system', subtype: 'init', session_id: session });
    say({ type: 'assistant', message: { content: [{ type: 'text', text: 'on my way' }] } });
    const usage = {
      input_tokens: 5,
      output_tokens: 7,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 11,
    };
    const end = {
      type: 'result',
      session_id: session,
      total_cost_usd: 0.25,
      usage,
      permission_denials: denials,
    };
    if (error === undefined) say({ ...end, subtype: 'success', is_error: false, result: answer });
    else say({ ...end, subtype: 'success', is_error: true, result: error });
  },
  codex: error => {
    say({ type: 'thread.started', thread_id: session });
    say({ type: 'turn.started' });
    say({ type: 'item.completed', item: { id: '0', type: 'reasoning', text: 'hm' } });
    if (error !== undefined) return say({ type: 'turn.failed', error: { message: error } });
    say({ type: 'item.completed', item: { id: '1', type: 'agent_message', text: answer } });
    say({ type: 'turn.completed', usage: { input_tokens: 100, cached_input_tokens: 90, output_tokens: 23 } });
  },
  gemini: error => {
    const tokens = { prompt: 100, candidates: 20, total: 123, cached: 0 };
    const document =
      error === undefined
        ? { response: answer, stats: { models: { one: { tokens }, two: { api: {} } } } }
        : { error: { type: 'ApiError', message: error, code: 429 } };
    print(`${JSON.stringify(document, null, 2)}\n`);
  },
  opencode: error => {
    say({ type: 'step_start', sessionID: session, part: { type: 'step-start' } });
    if (error !== undefined)
      return say({
        type: 'error',
        sessionID: session,
        error: { name: 'APIError', data: { message: error } },
      });
    say({ type: 'text', sessionID: session, part: { type: 'text', text: answer } });
    const tokens = { input: 50, output: 10, reasoning: 1, cache: { read: 0, write: 0 } };
    for (let step = 0; step < 2; step++)
      say({ type: 'step_finish', sessionID: session, part: { type: 'step-finish', cost: 0.125, tokens } });
  },
  aider: error => {
    print(`Aider v0.86.0\n${error ?? answer}\n`);
    print('Tokens: 1.2k sent, 345 received. Cost: $0.01 message, $0.25 session.\n');
  },
  text: error => print(`${error ?? answer}\n`),
};

print('a line of no format\n');
switch (day) {
  case 'good':
    tools[tool]();
    break;
  case 'quota':
    tools[tool](QUOTA);
    // Some of them end well even so.
    process.exitCode = ['claude', 'gemini'].includes(tool) ? 0 : 1;
    break;
  case 'refused':
    say({
      type: 'rate_limit_event',
      rate_limit_info: { status: 'rejected', resetsAt: 1_800_000_060, rateLimitType: 'five_hour' },
    });
    tools[tool]("You've hit your limit · resets 2pm (Asia/Shanghai)");
    break;
  case 'warned':
    say({
      type: 'rate_limit_event',
      rate_limit_info: { status: 'allowed_warning', resetsAt: 1_800_000_060 },
    });
    tools[tool]();
    break;
  case 'denied':
    if (tool === 'codex')
      say({
        type: 'item.completed',
        item: { id: '9', type: 'command_execution', command: 'rm -r build', status: 'declined' },
      });
    tools[tool](undefined, [
      { tool_name: 'Bash', tool_use_id: '1', tool_input: { command: 'npm test', description: 'run' } },
      { tool_name: 'Bash', tool_use_id: '2', tool_input: { command: 'npm test' } },
      {
        tool_name: 'AskUserQuestion',
        tool_use_id: '3',
        tool_input: { questions: [{ question: 'Which port is to be used?' }] },
      },
    ]);
    break;
  case 'spent':
    say({
      type: 'result',
      subtype: 'error_max_budget_usd',
      is_error: true,
      session_id: session,
      total_cost_usd: 0.51,
    });
    break;
  case 'crash':
    process.kill(process.pid, 'SIGSEGV');
    await new Promise(() => {});
    break;
  case 'forgetful':
    // It has no conversation but those that it began itself.
    if (wordAfter('--resume') === undefined) tools[tool]();
    else fail(`No conversation found with session ID: ${session}`);
    break;
  case 'hang':
    print('thinking\n');
    await new Promise(resolve => setTimeout(resolve, 600_000));
    break;
  case 'garbage':
    print('{"type":"result","is_error":{},"result":7}\n{"type":\n}{\n{"type":"error"}\n\u0000\u001b[2J\n');
    break;
  case 'flood': {
    const megabyte = `${'x'.repeat(1023)}\n`.repeat(1024);
    for (let n = 0; n < 100; n++) print(megabyte);
    say({ type: 'system', junk: 'y'.repeat(5 * 1024 * 1024), session_id: 'too long' });
    tools[tool]();
    break;
  }
}

function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}

function wordAfter(word) {
  const at = words.indexOf(word);
  return at < 0 ? undefined : words[at + 1];
}

async function promptOf() {
  const file = wordAfter('--message-file');
  if (file !== undefined) return readFile(file, 'utf8');
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}

function say(event) {
  print(`${JSON.stringify(event)}\n`);
}

function print(text) {
  for (let left = Buffer.from(text); left.length > 0;) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
