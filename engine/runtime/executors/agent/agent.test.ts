import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../../errors.ts';
import type { AGENT_OUTPUTS } from '../../../home/config-schema.ts';
import type { AttemptResult, AttemptSpec, Used } from '../executor.ts';
import { anAttempt } from '../testing/attempt.ts';
import { agentExecutor } from './agent.ts';
import { agentTemplates, PRESETS, type AgentTemplate } from './templates.ts';

const AGENT = fileURLToPath(new URL('./testing/agent.mjs', import.meta.url));
const NOW = 1_800_000_000;
type Output = (typeof AGENT_OUTPUTS)[number];

/** The usage that the scripted agent reports on success, as far as each tool's output has room for it. */
const TOLD: Readonly<Record<Output, { tokens?: number; session?: string; costUsd: number }>> = {
  claude: { tokens: 123, session: 'session-1', costUsd: 0.25 },
  codex: { tokens: 123, session: 'session-1', costUsd: 0 },
  gemini: { tokens: 123, costUsd: 0 },
  opencode: { tokens: 122, session: 'session-1', costUsd: 0.25 },
  aider: { tokens: 1545, costUsd: 0.25 },
  text: { costUsd: 0 },
};
const outputs = Object.keys(TOLD) as Output[];

describe('an agent executor', () => {
  let dir: string;
  /** The usage that the agent reported while it ran. */
  let used: Used[];
  let tmpBefore: string | undefined;

  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'spl-agent-')));
    tmpBefore = process.env['TMPDIR'];
    process.env['TMPDIR'] = await mkdtemp(join(dir, 't-'));
  });
  afterEach(async () => {
    assert.deepEqual(await readdir(process.env['TMPDIR']!), [], 'files are left');
    if (tmpBefore === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = tmpBefore;
    await rm(dir, { recursive: true });
  });

  for (const output of outputs) {
    it(`reads what ${output} tells of its work`, async () => {
      const result = await run(output, 'good', { goal: 'write the parser\nwith care' });
      assert.equal(result.verdict, 'accept', result.reason ?? '');
      assert.match(result.summary, /did: write the parser/);
      if (output !== 'text' && output !== 'aider') assert.equal(result.summary, 'did: write the parser');
      const { tokens, session, costUsd } = result;
      assert.equal(result.isCostUnknown ?? false, costUsd === 0, 'a cost that is not told is not 0');
      const told = {
        costUsd,
        ...(tokens === undefined ? {} : { tokens }),
        ...(session === undefined ? {} : { session }),
      };
      assert.deepEqual(told, TOLD[output]);
      assert.deepEqual(used.at(-1), output === 'text' ? undefined : { costUsd, tokens });
    });

    it(`sees that ${output} is out of quota, and until when`, async () => {
      const { verdict, quota } = await run(output, 'quota');
      assert.deepEqual([verdict, quota], ['failed', { resetsAtUnix: NOW + 7_500 }]);
    });

    it(`takes the crash and the rubbish of ${output} for what they are`, async () => {
      const crash = await run(output, 'crash');
      assert.deepEqual([crash.verdict, crash.signal, crash.quota], ['failed', 'SIGSEGV', undefined]);
      const garbage = await run(output, 'garbage');
      assert.deepEqual([garbage.costUsd, garbage.tokens, garbage.session], [0, undefined, undefined]);
    });
  }

  it('believes what claude streams of its quota: a refusal and its time, and no warning', async () => {
    const refused = await run('claude', 'refused');
    assert.deepEqual([refused.verdict, refused.quota], ['failed', { resetsAtUnix: NOW + 60 }]);
    const warned = await run('claude', 'warned');
    assert.deepEqual([warned.verdict, warned.quota], ['accept', undefined]);
  });

  it('has not done its work where it ended by asking a person, and says what it asks', async () => {
    const denied = await run('claude', 'denied');
    assert.deepEqual(
      [denied.verdict, denied.asks, denied.session],
      ['reject', 'it may not use Bash: npm test; Which port is to be used?', 'session-1'],
    );
    assert.equal(denied.reason, denied.asks);
    const declined = await run('codex', 'denied');
    assert.deepEqual([declined.verdict, declined.asks], ['reject', 'it may not run: rm -r build']);
  });

  it('tells its tool what it may spend, where the tool takes that', async () => {
    await run('claude', 'good', { budget_usd: 0.5 });
    assert.deepEqual((await asked()).words, ['--max-budget-usd', '0.5']);
    await run('claude', 'good', { budget_usd: 0.5, session: 's' });
    assert.deepEqual((await asked()).words, ['--resume', 's', '--max-budget-usd', '0.5']);
    await run('codex', 'good', { budget_usd: 0.5 });
    assert.deepEqual((await asked()).words, []);
    const { verdict, reason } = await run('claude', 'spent', { budget_usd: 0.5 });
    assert.deepEqual([verdict, reason], ['failed', 'it reached the limit of dollars that it was given']);
  });

  it('reads 100 MB, a line of 5 MB among them, in little memory, and what is told behind it', async () => {
    const before = process.memoryUsage().rss;
    const flood = await run('claude', 'flood');
    assert.deepEqual([flood.verdict, flood.session], ['accept', TOLD.claude.session]);
    assert.ok(process.memoryUsage().rss - before < 150 * 1024 * 1024, 'keeps what it reads');
  });

  it('that fails and only talks of quotas is not out of quota', async () => {
    const script =
      'echo "the quota test failed: too many requests were let in"; echo 1; echo 2; echo 3; exit 1';
    const template = {
      command: ['/bin/sh', '-c', script],
      resume: null,
      prompt: 'stdin',
      output: 'text',
      budget: null,
    } as const;
    const { verdict, quota } = await start(template, {});
    assert.deepEqual([verdict, quota], ['failed', undefined]);
  });

  it('ends one that hangs when it is cancelled', async () => {
    const cancel = new AbortController();
    const result = await run(
      'claude',
      'hang',
      {},
      { signal: cancel.signal, onOutput: () => cancel.abort('enough') },
    );
    assert.deepEqual([result.verdict, result.reason], ['cancelled', 'enough']);
  });

  it('gives the prompt in the input or by a file, whole, whatever stands in it, and to no shell', async () => {
    const goal = `$(touch pwned) \`touch pwned\` '"; touch pwned; #\n{session} %s \\`;
    const hint = 'mind the edge\ncases';
    const depends = [
      { index: 0, name: 'parser', summary: 'wrote it', branch: 'spl/T/0-1' },
      { index: 2, name: null, summary: '', branch: null },
    ];
    for (const output of ['claude', 'aider'] as const) {
      await run(output, 'good', { goal, hint, depends });
      const { prompt } = await asked();
      assert.ok(prompt.startsWith(`${goal}\n\n`), prompt);
      for (const part of [hint, 'Subtask 0 (parser)', 'spl/T/0-1', 'wrote it', 'Subtask 2'])
        assert.ok(prompt.includes(part), `${output} is not told: ${part}`);
    }
    assert.deepEqual(
      (await readdir(dir)).filter(name => name === 'pwned'),
      [],
    );
  });

  it('gives it by a file of the worker’s home, which a temporary folder that vanishes does not take along', async () => {
    const commandsDir = join(dir, 'commands');
    const script = 'rm -rf "$TMPDIR"; echo "$1"; cat "$1"; mkdir "$TMPDIR"';
    const command = ['/bin/sh', '-c', script, 'sh', '{prompt_file}'];
    const template = { command, resume: null, prompt: 'file', output: 'text', budget: null } as const;
    const { verdict, summary } = await start(template, { goal: 'parse' }, { commandsDir });
    assert.equal(verdict, 'accept');
    assert.ok(summary.includes(commandsDir) && summary.includes('parse'), summary);
    assert.deepEqual(await readdir(commandsDir), []);
  });

  it('goes on with the conversation of an earlier attempt where the tool can', async () => {
    const { session } = await run('claude', 'good', { session: 'earlier; touch pwned', hint: 'again' });
    assert.equal(session, 'earlier; touch pwned');
    assert.deepEqual((await asked()).words, ['--resume', 'earlier; touch pwned']);
    await run('text', 'good', { session: 'earlier' });
    assert.deepEqual((await asked()).words, []);
  });

  it('begins anew, with all that it is to know, where the tool has lost that conversation', async () => {
    const spec = { goal: 'write', session: 'earlier', hint: 'mind the edge', earlierBranch: 'spl/T/0-1' };
    const { verdict, session } = await run('claude', 'forgetful', spec);
    assert.deepEqual([verdict, session], ['accept', 'session-1']);
    const { words, prompt } = await asked();
    assert.deepEqual(words, []);
    assert.match(prompt, /^write\n\n.*spl\/T\/0-1\.\n\nFor this attempt: mind the edge\n$/);
  });

  it('does not begin anew after a failure of any other kind', async () => {
    for (const day of ['quota', 'crash'] as const) {
      const { verdict } = await run('claude', day, { session: 'earlier' });
      assert.equal(verdict, 'failed', day);
      assert.deepEqual((await asked()).words, ['--resume', 'earlier'], day);
    }
  });

  it('that is not there says so', async () => {
    const template = {
      command: ['no-such-agent'],
      resume: null,
      prompt: 'stdin',
      output: 'text',
      budget: null,
    } as const;
    const { verdict, reason } = await start(template, {});
    assert.equal(verdict, 'failed');
    assert.match(reason ?? '', /agent 'it': 'no-such-agent' was not found/);
  });

  /** Runs the scripted agent. */
  function run(
    output: Output,
    day: string,
    spec: Partial<AttemptSpec> = {},
    more: { signal?: AbortSignal; onOutput?: () => void } = {},
  ): Promise<AttemptResult> {
    const command = [process.execPath, AGENT, output, day];
    const { prompt } = output === 'text' ? PRESETS['claude']! : PRESETS[output]!;
    const isByFile = prompt === 'file';
    return start(
      {
        command: isByFile ? [...command, '--message-file', '{prompt_file}'] : command,
        resume: output === 'claude' ? [...command, '--resume', '{session}'] : null,
        prompt,
        output,
        budget: output === 'text' ? null : PRESETS[output]!.budget,
      },
      spec,
      more,
    );
  }

  async function start(
    template: AgentTemplate,
    spec: Partial<AttemptSpec>,
    {
      signal = new AbortController().signal,
      onOutput = () => {},
      commandsDir,
    }: { signal?: AbortSignal; onOutput?: () => void; commandsDir?: string } = {},
  ): Promise<AttemptResult> {
    const attempt = anAttempt({ dir, ...spec });
    used = [];
    const sink = { write: async (): Promise<void> => onOutput() };
    const options = { nowSecs: () => NOW, ...(commandsDir !== undefined && { commandsDir }) };
    return agentExecutor('it', template, options).start(attempt, {
      output: sink,
      signal,
      used: sofar => void used.push(sofar),
    });
  }

  /** Returns the prompt and the words with which the scripted agent was called. */
  async function asked(): Promise<{ prompt: string; words: string[] }> {
    return JSON.parse(await readFile(join(dir, 'asked.json'), 'utf8')) as { prompt: string; words: string[] };
  }
});

describe('the agents that can be named', () => {
  it('have a program, or a preset that has', () => {
    assert.throws(
      () => agentTemplates({ nobody: { output: 'text' } }),
      (error: unknown) => FleetError.is(error, 'HOME_INVALID') && /agents\.nobody/.test(error.message),
    );
  });

  it('are the presets, changed and added to by tables of config.toml', () => {
    const templates = agentTemplates({
      claude: { command: ['claude', '-p', '--model', 'opus'] },
      reviewer: { command: ['review', '{prompt_file}'], prompt: 'file' },
    });
    assert.deepEqual([...templates.keys()].sort(), [...Object.keys(PRESETS), 'reviewer'].sort());
    assert.deepEqual(templates.get('claude'), {
      command: ['claude', '-p', '--model', 'opus'],
      resume: null,
      prompt: 'stdin',
      output: 'claude',
      budget: ['--max-budget-usd', '{budget_usd}'],
    });
    assert.deepEqual(templates.get('reviewer'), {
      command: ['review', '{prompt_file}'],
      resume: null,
      prompt: 'file',
      output: 'text',
      budget: null,
    });
  });
});
