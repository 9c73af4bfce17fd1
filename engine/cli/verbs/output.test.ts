import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import type { OutputRequest } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import { done, fleet, instance, join, pending, running, task, THREAD } from '../testing/documents.ts';
import { FakeHost } from '../testing/fake-host.ts';
import { main } from '../program.ts';

const named = (child: ChildDocument, name: string): ChildDocument => ({ ...child, name });
const TEXTS: Readonly<Record<string, string>> = {
  '0/1': 'ok\n',
  '1/1': 'a\nb',
  '2/1': 'c\n',
  '1/2': 'mended\n',
};

/** Returns a host whose newest run has these subtasks. */
function hostOf(
  children: readonly ChildDocument[],
  runs: readonly object[] = [{ task: 'check-2' }],
): FakeHost {
  const status = (): JoinStatus => join(children, { alias: 'check-2' });
  const host = new FakeHost({
    answers: {
      runs: { runs },
      task: task({ alias: 'check-2', dir: '/srv' }),
      fleet: fleet({ instances: [instance({ role: 'worker', slots: 2 })] }),
      join: status,
      children: () => ({ ...status(), total: children.length }),
      speedup: new FleetError('CONFLICT', 'none'),
    },
  });
  host.engine.output = ({ subtask, attempt = 1 }: OutputRequest) => {
    const text = TEXTS[`${subtask}/${attempt}`];
    if (text === undefined) return Promise.reject(new FleetError('NOT_FOUND', `no output of ${subtask}`));
    const info = { task: 'check-2', subtask: Number(subtask), attempt, worker: 'worker-a', running: false };
    return Promise.resolve({ info, chunks: chunksOf(text) });
  };
  return host;
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}

async function typed(words: readonly string[], host: FakeHost) {
  const code = await main(words, host);
  return { code, out: host.out.text, err: host.err.text };
}

const lostAttempt: ChildDocument['earlier_attempts'][number] = {
  attempt: 1,
  worker: 'worker-b',
  verdict: 'failed',
  reason: 'worker lost: its process has ended',
  cost_usd: 0,
  lost: true,
  tokens: 0,
  wall_time_secs: 0,
  started_unix: null,
  ended_unix: null,
  work: null,
};

const FAILED = [
  named(done(0), 'lint'),
  named(done(1, 'failed'), 'test'),
  named({ ...done(2, 'cancelled'), attempt: 0 }, 'docs'),
];

describe('spl output', () => {
  it('prints what did not pass in the newest run, byte for byte if it is one', async () => {
    const host = hostOf(FAILED);
    assert.deepEqual(await typed(['output'], host), { code: 0, out: 'a\nb', err: '' });
    assert.deepEqual(host.engine.asked[0], { name: 'runs', input: { limit: 1, folder: '/srv' } });
  });

  it('names the subtask before each line of several', async () => {
    const children = [
      ...FAILED.slice(0, 2),
      named(done(2, 'timeout'), 'docs'),
      named(done(3, 'failed'), 'lost'),
    ];
    const { out } = await typed(['output', 'check#2'], hostOf(children));
    assert.equal(out, 'test │ a\ntest │ b\ndocs │ c\n');
  });

  it('prints all if all passed', async () => {
    const { out } = await typed(['output'], hostOf([named(done(0), 'lint'), named(done(2), 'docs')]));
    assert.equal(out, 'lint │ ok\ndocs │ c\n');
  });

  it('prints one subtask of a run', async () => {
    const host = hostOf(FAILED);
    assert.equal((await typed(['output', 'check', '0'], host)).out, 'ok\n');
    assert.deepEqual(host.engine.asked, [{ name: 'task', input: { task: 'check' } }]);
  });

  it('says that a worker was lost with an earlier attempt', async () => {
    const again = (index: number, name: string): ChildDocument => ({
      ...named(done(index, 'failed'), name),
      attempt: 2,
      earlier_attempts: [lostAttempt],
    });
    const one = await typed(['output'], hostOf([again(1, 'test')]));
    assert.deepEqual(
      [one.out, one.err],
      ['mended\n', '· attempt 1 was lost with its worker worker-b; this is attempt 2\n'],
    );
    const two = await typed(['output'], hostOf([named(done(0, 'failed'), 'lint'), again(1, 'test')]));
    assert.equal(
      two.out,
      'lint │ ok\ntest │ · attempt 1 was lost with its worker worker-b; this is attempt 2\ntest │ mended\n',
    );
  });

  it('says why a subtask failed without an attempt', async () => {
    const reason = "the result 'pages' of 'list' is no list of values";
    const pages = named({ ...done(1, 'failed'), attempt: 0, reason }, 'pages');
    const { code, out, err } = await typed(['output'], hostOf([named(done(0), 'list'), pages]));
    assert.deepEqual([code, out, err], [0, '', `· pages was not run: ${reason}\n`]);
  });

  it('of a named run is of this folder, else says of which', async () => {
    const elsewhere = task({ alias: 'check-3', dir: '/home/ada/b', run: { name: 'check', number: 3 } });
    for (const [word, runs, meant, err] of [
      ['check', [{ task: 'check-2' }], 'check-2', ''],
      ['check', [], 'check', '· check #3 is a run of ~/b\n'],
      ['check#3', [{ task: 'check-2' }], 'check#3', '· check #3 is a run of ~/b\n'],
      ['check-3', [{ task: 'check-2' }], 'check-3', ''],
    ] as const) {
      const host = hostOf(FAILED, runs);
      host.engine.change({ task: elsewhere });
      const meantTasks: unknown[] = [];
      host.engine.output = ({ task: named }: OutputRequest) => {
        meantTasks.push(named);
        return Promise.reject(new FleetError('NOT_FOUND', 'none'));
      };
      const printed = await typed(['output', word, '0'], host);
      assert.deepEqual([meantTasks, printed.err], [[meant], `${err}error: none\n`], word);
    }
  });

  it('prints one document with --json', async () => {
    const { out } = await typed(['output', '--json'], hostOf(FAILED));
    const info = { task: 'check-2', subtask: 1, attempt: 1, worker: 'worker-a', running: false };
    assert.deepEqual(JSON.parse(out), {
      task: 'check-2',
      outputs: [{ ...info, name: 'test', output: 'a\nb' }],
    });
  });

  it('says that nothing has run', async () => {
    const none = await typed(['output'], hostOf([], []));
    assert.deepEqual([none.code, none.out], [3, '']);
    assert.match(none.err, /^error: nothing has been run in this folder yet\n {2}→ spl 'npm test'/);
    const waits = await typed(['output'], hostOf([pending(0)]));
    assert.deepEqual([waits.code, waits.err], [0, '· nothing of check-2 has run yet\n']);
  });
});

describe('spl task output', () => {
  it('takes the subtask as a word or as an option', async () => {
    for (const words of [['0'], ['--subtask', '0']])
      assert.equal((await typed(['task', 'output', 'check', ...words], hostOf(FAILED))).out, 'ok\n');
    const twice = await typed(['task', 'output', 'check', '0', '--subtask', '1'], hostOf(FAILED));
    assert.equal(twice.code, 2);
    assert.match(twice.err, /given twice/);
  });
});

describe('spl retry', () => {
  const retried = [FAILED[0]!, named({ ...running(1), attempt: 2 }, 'test'), FAILED[2]!];
  const ended = [FAILED[0]!, named({ ...done(1), attempt: 2 }, 'test')];

  it('runs again what failed in the newest run, and prints only that', async () => {
    const host = hostOf(ended);
    host.engine.change({ 'task.retry': join(retried, { alias: 'check-2' }) });
    const { code, out } = await typed(['retry'], host);
    assert.equal(code, 0);
    assert.match(out, /^test │ mended\n✓ lint passed .*\n✓ test passed .*, attempt 2\n2 of 2 passed/);
    const asked = host.engine.asked.find(({ name }) => name === 'task.retry');
    assert.deepEqual(asked?.input, { task: 'check-2', failed: true, hint: null });
  });

  it('can leave it running', async () => {
    const host = hostOf(ended);
    host.engine.change({ 'task.retry': join(retried, { alias: 'check-2', thread: THREAD }) });
    const { code, out } = await typed(['retry', 'check#2', '--detach'], host);
    assert.equal(code, 0);
    assert.match(out, /^check-2 runs\. To follow it: spl task join-status check-2 --watch\n/);
  });
});
