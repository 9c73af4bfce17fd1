import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError, type ErrorCode } from '../errors.ts';
import { catalogue } from './catalogue.ts';
import { exitCodeOf } from './exit-codes.ts';
import { allVerbs } from './program.ts';
import { fleet, task } from './testing/documents.ts';
import { run } from './testing/fake-host.ts';

const answers = { fleet: fleet(), tasks: { tasks: [task()] } };

interface ErrorOnStderr {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: Record<string, unknown>;
  };
}
const errorOf = (text: string): ErrorOnStderr['error'] => (JSON.parse(text) as ErrorOnStderr).error;

describe('spl: words', () => {
  it('runs a verb and closes the connection', async () => {
    const { code, out, err, host } = await run(['fleet', 'list'], { answers });
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.match(out, /^DID +ENDPOINT/);
    assert.equal(host.engine.closed, 1);
  });

  it('prints one document with --json, wherever the flag is', async () => {
    for (const words of [
      ['--json', 'fleet', 'list'],
      ['fleet', '--json', 'list'],
      ['fleet', 'list', '--json'],
    ]) {
      const { code, out } = await run(words, { answers });
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(out), fleet());
    }
  });

  it('takes a global option with its value before the verb', async () => {
    const { code, host } = await run(['--home', 'there', '--actor=did:sync:agent:x', 'task', 'list'], {
      answers,
    });
    assert.equal(code, 0);
    assert.equal(host.settings[0]?.home, '/srv/there');
    assert.equal(host.settings[0].actor, 'did:sync:agent:x');
  });

  it('expands ~ in --home=~/x, which no shell does', async () => {
    for (const given of ['~/x', '~']) {
      const { host } = await run([`--home=${given}`, 'task', 'list'], { answers });
      assert.equal(host.settings[0]?.home, given.replace('~', '/home/ada'));
    }
    const { host } = await run(['--home=~ada', 'task', 'list'], { answers });
    assert.equal(host.settings[0]?.home, '/srv/~ada');
  });

  it('prefers a flag to the environment, and the environment to the default', async () => {
    const env = { SYNCROPEL_HOME: '/env', SPL_SERVE_URL: 'http://e:1', SPL_TOKEN: 'et', SPL_ACTOR: '' };
    const fromEnv = (await run(['task', 'list'], { answers, env })).host.settings[0];
    assert.deepEqual(fromEnv, { json: false, home: '/env', url: 'http://e:1', token: 'et', actor: null });
    const words = ['task', 'list', '--home', '/flag', '--url', 'http://f:1', '--token', 'ft'];
    const fromFlags = (await run(words, { answers, env })).host.settings[0];
    assert.deepEqual(fromFlags, { json: false, home: '/flag', url: 'http://f:1', token: 'ft', actor: null });
    assert.equal((await run(['task', 'list'], { answers })).host.settings[0]?.home, '/home/ada/.syncro');
  });

  it('refuses unknown words with exit code 2 and a suggestion', async () => {
    const cases = [
      [['fleet', 'lst'], /^error: unknown command 'lst'\n {2}→ Did you mean list\?\n$/],
      [['flet', 'list'], /^error: unknown command 'flet'\n {2}→ Did you mean fleet\?\n$/],
      [['task', 'show', 'A', '--jsn'], /^error: unknown option '--jsn'\n {2}→ Did you mean --json\?\n$/],
      [['task', 'show'], /^error: missing required argument 'task'\n {2}→ See: spl task show --help\n$/],
      [['task', 'show', 'A', 'B'], /^error: too many arguments for 'show'/],
      [['fleet', 'start', '--workers', '65'], /'65' is invalid\. It must be a whole number from 0 to 64/],
      [['fleet', 'start', '--workers', '1.5'], /must be a whole number/],
      [['fleet', 'start', '--workers', ''], /must be a whole number/],
      [['fleet', 'start', '--workers'], /argument missing/],
      [['fleet', 'stop', '--all', '--workers'], /--workers, --all and --instance can’t be combined/],
      [['task', 'add', 'x', '--priority', 'urgent'], /must be one of critical, high, medium, low/],
      [['task', 'output', 'A'], /the subtask is missing/],
      [['completion', 'powershell'], /no completion for shell 'powershell'/],
    ] as const;
    for (const [words, message] of cases) {
      const { code, out, err } = await run(words, { answers });
      assert.deepEqual({ words, code, out }, { words, code: 2, out: '' });
      assert.match(err, message);
    }
  });

  it('prints the help of a group without a verb on stderr, with exit code 2', async () => {
    const { code, out, err } = await run(['task']);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /fan-out +Split a task/);
  });

  it('prints errors as JSON with --json', async () => {
    const { code, out, err } = await run(['fleet', 'lst', '--json']);
    assert.deepEqual([code, out], [2, '']);
    assert.deepEqual(errorOf(err), {
      code: 'USAGE',
      message: "unknown command 'lst'",
      details: { hint: 'Did you mean list?' },
    });
  });
});

describe('spl: exit codes', () => {
  const EXPECTED: Readonly<Record<ErrorCode, number>> = {
    USAGE: 2,
    NOT_FOUND: 3,
    INVALID_RECORD: 4,
    CONFLICT: 4,
    SCOPE_FORBIDDEN: 4,
    NAMESPACE_REJECTED: 4,
    NAMESPACE_FROZEN: 4,
    TOO_LARGE: 4,
    OVERLOADED: 1,
    NOT_SUPPORTED: 4,
    UNREACHABLE: 5,
    AUTH_REQUIRED: 6,
    UNAVAILABLE: 1,
    TIMED_OUT: 1,
    HOME_INVALID: 1,
    HOME_NEWER: 1,
    LEASE_HELD: 1,
    LOG_DAMAGED: 1,
    LOG_SHORT: 1,
    LOG_POISONED: 1,
    LINK_BROKEN: 1,
    PROTOCOL_MISMATCH: 1,
    WORKER_FAILED: 1,
    INTERNAL: 1,
  };

  for (const [code, exit] of Object.entries(EXPECTED) as [ErrorCode, number][]) {
    it(`ends with ${exit} for ${code}`, async () => {
      const failure = new FleetError(code, 'it is so', { hint: 'do this', details: { a: 1 } });
      const result = await run(['task', 'show', 'A', '--json'], { answers: { task: failure } });
      assert.equal(result.code, exit);
      assert.equal(errorOf(result.err).code, code);
      assert.equal(exitCodeOf(code), exit);
    });
  }

  it('prints the hint below the error', async () => {
    const failure = new FleetError('NOT_FOUND', "no task 'A'", { hint: 'spl task list' });
    const { code, err } = await run(['task', 'show', 'A'], { answers: { task: failure } });
    assert.deepEqual([code, err], [3, "error: no task 'A'\n  → spl task list\n"]);
  });

  it('says that no fleet is running, and how to start one', async () => {
    const failure = new FleetError('UNREACHABLE', 'no engine answers at /x', {
      details: { reason: 'ENOENT' },
    });
    const { code, err } = await run(['fleet', 'list'], { unreachable: failure });
    assert.equal(code, 5);
    assert.match(err, /^error: no fleet is running at '\/home\/ada\/\.syncro'/);
    assert.match(err, /→ Start one: spl fleet start/);
  });

  it('keeps the message for a URL that does not answer', async () => {
    const failure = new FleetError('UNREACHABLE', 'no engine answers at http://h:1');
    const { code, err } = await run(['fleet', 'list', '--url', 'http://h:1'], { unreachable: failure });
    assert.deepEqual([code, err], [5, 'error: no engine answers at http://h:1\n']);
  });

  it('reports its own faults as INTERNAL', async () => {
    const { code, err } = await run(['task', 'show', 'A'], { answers: { task: new TypeError('oops') } });
    assert.equal(code, 1);
    assert.match(err, /^error: oops\n {2}→ This is a bug in spl\./);
  });

  it('ends with 130 when it is interrupted', async () => {
    const { FakeHost } = await import('./testing/fake-host.ts');
    const { main } = await import('./program.ts');
    const host: InstanceType<typeof FakeHost> = new FakeHost({
      answers: {
        task: () => {
          host.interrupt.abort();
          throw new FleetError('UNAVAILABLE', 'the call was cancelled');
        },
      },
    });
    assert.equal(await main(['task', 'show', 'A'], host), 130);
    assert.equal(host.err.text, '');
  });
});

describe('spl: help', () => {
  for (const entry of catalogue) {
    it(`has a summary and examples: spl ${entry.path}`, async () => {
      const words = entry.path.split(' ');
      for (const asked of [
        [...words, '--help'],
        [...words, '-h'],
        ['help', ...words],
      ]) {
        const { code, out, err } = await run(asked);
        assert.deepEqual([code, err], [0, '']);
        assert.match(out, new RegExp(`^Usage: spl ${entry.path}`));
        assert.match(out, new RegExp(`\\nExamples:\\n(.|\\n)*(\\$ spl ${entry.path}|spl completion)`));
        assert.match(out, /--json/);
        assert.ok(
          out.split('\n').every(line => line.length <= 110),
          'a line is too long',
        );
      }
    });
  }

  it('lists every group and every command with a line', async () => {
    const { out } = await run(['--help']);
    for (const { path, hidden } of catalogue) {
      const [first = ''] = path.split(' ');
      if (hidden !== true) assert.match(out, new RegExp(`^  ${first} +\\S`, 'm'), path);
    }
  });

  it('wraps a paragraph to the width of the terminal', async () => {
    for (const { path } of catalogue.filter(({ hidden }) => hidden !== true)) {
      const { out } = await run([...path.split(' '), '--help']);
      const text = out.slice(out.indexOf('\n\n') + 2, out.search(/\n(?:Arguments|Options):/));
      for (const paragraph of text.split('\n\n')) {
        const lines = paragraph.trim().split('\n');
        lines.slice(0, -1).forEach((line, i) => {
          const next = lines[i + 1]!.split(' ', 1)[0]!;
          assert.ok(line.length + 1 + next.length > 79, `${path}: '${line}' leaves room for '${next}'`);
        });
      }
    }
  });

  it('lists the values of an option', async () => {
    for (const verb of await allVerbs())
      for (const { flags, choices = [] } of Object.values(verb.flags)) {
        const { out } = await run([...verb.path.split(' '), '--help']);
        for (const each of choices) assert.ok(out.includes(each), `${verb.path} ${flags}: ${each}`);
      }
  });

  it('has the same summary for a verb in its file and in the list of commands', async () => {
    for (const verb of await allVerbs()) {
      assert.equal(verb.summary, catalogue.find(({ path }) => path === verb.path)?.summary);
      assert.ok(verb.examples.length > 0, verb.path);
    }
  });

  it('prints the version', async () => {
    const { code, out } = await run(['--version']);
    assert.equal(code, 0);
    assert.match(out, /^\d+\.\d+\.\d+\n$/);
    assert.match((await run(['version'])).out, /^spl \d+\.\d+\.\d+ \(protocol \d+, Node\.js \d+/);
  });
});

describe('spl: text from others', () => {
  it('is escaped in JSON if a terminal would obey it', async () => {
    const answers = { task: new FleetError('CONFLICT', 'a\u009b2Jb\u007f\u001b') };
    const { err } = await run(['task', 'show', 'A', '--json'], { answers });
    assert.match(err, /"a\\u009b2Jb\\u007f\\u001b"/);
    assert.equal((JSON.parse(err) as { error: { message: string } }).error.message, 'a\u009b2Jb\u007f\u001b');
  });

  it('is printed without control sequences, also in errors', async () => {
    const error = new FleetError('CONFLICT', 'held by "a\u001b[2J\nb"', { hint: 'end it\u0007\nor wait' });
    const { err } = await run(['task', 'show', 'A'], { answers: { task: error } });
    assert.equal(err, 'error: held by "a [2J b"\n  → end it \n  → or wait\n');
  });
});

describe('spl: colour', () => {
  const failing = { answers: { task: new FleetError('NOT_FOUND', 'no') } };
  it('colours on a terminal', async () => {
    const { err } = await run(['task', 'show', 'A'], { ...failing, isTTY: true });
    assert.ok(err.includes('\u001b['));
  });
  it('does not with NO_COLOR, on a dumb terminal, or without a terminal', async () => {
    for (const options of [
      { isTTY: true, env: { NO_COLOR: '1' } },
      { isTTY: true, env: { TERM: 'dumb' } },
      {},
    ]) {
      const { err } = await run(['task', 'show', 'A'], { ...failing, ...options });
      assert.ok(!err.includes('\u001b['), JSON.stringify(options));
    }
  });
});
