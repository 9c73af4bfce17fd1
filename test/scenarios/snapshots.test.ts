import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { ReplayDocument, RestoredDocument } from '../../engine/contract/documents.ts';
import { VERSION } from '../../engine/contract/engine.ts';
import { openHome } from '../../engine/home/home.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { echoes, scenario, type Ran, type Refused, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/** Snapshots of threads, restored in another home, and whole homes copied while in use. */

const onFleet = sharedFleet({ echoMs: 0 });

/** Runs until the file `go` exists, so that its fan-out stays open. */
const LASTS = { goal: 'last', run: 'while [ ! -e go ]; do sleep 0.1; done' };

interface Line {
  readonly line: string;
  readonly record?: { readonly id: string; readonly body: Record<string, unknown> };
}

/** Returns the lines between the header, which has the time, and the end, which has the digest. */
const linesWithin = (text: string): readonly string[] => text.trimEnd().split('\n').slice(1, -1);

/** Another home with its own coordinator, driven like the first one. */
class OtherHome {
  readonly home: string;
  readonly #fleet: Scenario;

  constructor(fleet: Scenario, name = 'other') {
    this.#fleet = fleet;
    this.home = fleet.at(name);
  }

  async start(): Promise<void> {
    const { paths } = await openHome(this.home, { create: true, version: VERSION });
    await writeFile(paths.configToml, '[server]\nport = 0\n');
    const { code, err } = await this.spl('fleet', 'start', '--workers', '0');
    assert.equal(code, 0, err);
  }

  spl(...words: readonly string[]): Promise<Ran> {
    return this.#fleet.splWith({ SYNCROPEL_HOME: this.home }, ...words);
  }

  async json<T>(...words: readonly string[]): Promise<T> {
    const { code, out, err } = await this.spl(...words, '--json');
    assert.equal(code, 0, err);
    return JSON.parse(out) as T;
  }

  async refused(...words: readonly string[]): Promise<Refused> {
    const { code, err } = await this.spl(...words, '--json');
    assert.equal(code, 4, err);
    return (JSON.parse(err) as { error: Refused }).error;
  }

  /** Returns the number of records in the log. */
  async records(): Promise<number> {
    const { rows } = await this.json<{ rows: [number][] }>('query', 'SELECT count(*) FROM records');
    return rows[0]![0];
  }

  async stop(): Promise<void> {
    assert.equal((await this.spl('fleet', 'stop', '--all', '--grace', '0')).code, 0);
  }
}

/** Returns a snapshot's text with one changed line, and with a matching end. */
function forged(text: string, change: (line: Line) => Line): string {
  const lines = text.trimEnd().split('\n').slice(0, -1);
  const changed = lines.map(line => JSON.stringify(change(JSON.parse(line) as Line)));
  const body = changed.map(line => `${line}\n`).join('');
  const records = changed.filter(line => line.startsWith('{"line":"record"')).length;
  const sha256 = createHash('sha256').update(body).digest('hex');
  return `${body}${JSON.stringify({ line: 'end', records, sha256 })}\n`;
}

const lieAbout = (line: Line): Line =>
  line.record?.body['topic'] === 'fanout_child_done'
    ? { ...line, record: { ...line.record, body: { ...line.record.body, cost_usd: 7 } } }
    : line;
const withoutIds = (line: Line): Line => {
  if (line.record === undefined) return line;
  const { id: _, ...rest } = line.record;
  return { ...line, record: rest as unknown as Line['record'] & object };
};

describe('a snapshot of threads', function () {
  this.timeout(120_000);

  it(
    'that is made during a fan-out is the same history in another home, where nothing of it runs',
    scenario({ echoMs: 30 }, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('RUNS', [LASTS, ...echoes(60)]);
      await fleet.countsWhen('RUNS', 'half of it', ({ counts }) => counts.accepted > 20);
      const under = await fleet.json<{ records: number }>(
        'thread',
        'snapshot',
        'RUNS',
        '--out',
        'half.jsonl',
      );
      assert.ok(under.records > 20);
      await fleet.write('go', '');
      await fleet.joined('RUNS');
      await fleet.json('thread', 'snapshot', '--all', '--out', 'all.jsonl');
      const other = new OtherHome(fleet);
      await other.start();
      // First the records from the middle of the run, then the rest.
      const half = await other.json<RestoredDocument>('thread', 'restore', '--in', 'half.jsonl');
      assert.deepEqual([half.written, half.existing, half.left_out], [under.records, 0, []]);
      const dry = await other.json<RestoredDocument>('thread', 'restore', '--in', 'all.jsonl', '--dry-run');
      const all = await other.json<RestoredDocument>('thread', 'restore', '--in', 'all.jsonl');
      assert.deepEqual([dry.written, dry.existing], [all.written, all.existing]);
      assert.ok(all.written > 0);
      assert.equal(all.existing, under.records);
      const { thread } = await fleet.client.report('task', { task: 'RUNS' });
      const replayed = async (run: Promise<unknown>): Promise<unknown> => {
        const { steps, final_status, count } = (await run) as ReplayDocument;
        return { final_status, count, steps: steps.map(({ at_unix: _, ...step }) => step) };
      };
      assert.deepEqual(
        await replayed(other.json('debug', 'replay', thread)),
        await replayed(fleet.json('debug', 'replay', thread)),
      );
      // It is history: it adds no task and no open fan-out, and gives no worker anything to do.
      assert.deepEqual((await other.json<{ tasks: unknown[] }>('task', 'list', '--all')).tasks, []);
      const records = await other.records();
      const again = await other.json<RestoredDocument>('thread', 'restore', '--in', 'all.jsonl');
      assert.deepEqual([again.written, again.existing], [0, all.written + all.existing]);
      assert.equal(await other.records(), records);
      // The next coordinator replays the log, and also finds no task.
      await other.stop();
      await rm(homePaths(other.home).indexDir, { recursive: true });
      assert.equal((await other.spl('fleet', 'start', '--workers', '0')).code, 0);
      assert.deepEqual((await other.json<{ tasks: unknown[] }>('task', 'list', '--all')).tasks, []);
      await other.stop();
    }),
  );

  it(
    'that was cut, changed or forged restores nothing',
    onFleet(async fleet => {
      await fleet.fanOut('WHOLE', echoes(2));
      await fleet.joined('WHOLE');
      const { code, out: text } = await fleet.spl('thread', 'snapshot', 'WHOLE');
      assert.equal(code, 0);
      for (const name of ['-', '/dev/stdout']) {
        const named = await fleet.spl('thread', 'snapshot', 'WHOLE', '--out', name);
        assert.deepEqual(linesWithin(named.out), linesWithin(text), `--out ${name}`);
      }
      const other = new OtherHome(fleet);
      await other.start();
      const before = await other.records();
      const lines = text.trimEnd().split('\n');
      const signed = lines.find(line => line.startsWith('{"line":"signature"'))!;
      const sig = (JSON.parse(signed) as { sig: string }).sig;
      const otherSig = `${sig[0] === 'A' ? 'B' : 'A'}${sig.slice(1)}`;
      const cases: Record<string, readonly [text: string, message: RegExp]> = {
        'a byte is flipped': [text.replace('"goal":"part 0"', '"goal":"part 1"'), /digest/],
        'its end is cut off': [`${lines.slice(0, -1).join('\n')}\n`, /cut off/],
        'a line is cut': [text.slice(0, -20), /not JSON/],
        'a line is missing': [[...lines.slice(0, 2), ...lines.slice(3), ''].join('\n'), /records/],
        'an id is forged': [forged(text, lieAbout), /not the hash/],
        'a record is changed, and has no id': [
          forged(text, line => withoutIds(lieAbout(line))),
          /its signature does not cover/,
        ],
        'a signature is forged': [
          forged(text, line => (line.line === 'signature' ? { ...line, sig: otherSig } : line)),
          /was not made by that instance/,
        ],
        'there is no header': [forged(lines.slice(1).join('\n'), line => line), /header/],
        'it is something else': ['{"hello":1}\n', /line 1/],
      };
      for (const [what, [content, message]] of Object.entries(cases)) {
        await fleet.write('bad.jsonl', content);
        const refused = await other.refused('thread', 'restore', '--in', 'bad.jsonl');
        assert.match(refused.message, message, what);
        assert.equal(await other.records(), before, what);
      }
      await other.stop();
    }),
  );

  it(
    'skips existing records, and on request conflicting ones',
    onFleet(async fleet => {
      const on = ['--thread', 'th_left-alone'];
      await fleet.json('know', 'one', ...on);
      await fleet.json('know', 'two', ...on, '--body', '{"n":2}');
      await fleet.json('thread', 'snapshot', 'th_left-alone', '--out', 'notes.jsonl');
      const other = new OtherHome(fleet);
      await other.start();
      await other.json('know', 'another one', ...on);
      const restore = ['thread', 'restore', '--in', 'notes.jsonl'];
      assert.equal((await other.refused(...restore)).code, 'CONFLICT');
      const texts = async (): Promise<unknown[]> => {
        const { records } = await other.json<{ records: { body: { text: string } }[] }>(
          'thread',
          'records',
          'th_left-alone',
        );
        return records.map(({ body }) => body.text);
      };
      assert.deepEqual(await texts(), ['another one']);
      const skipped = await other.json<RestoredDocument>(...restore, '--on-conflict', 'skip');
      assert.deepEqual([skipped.written, skipped.existing, skipped.left_out.length], [1, 0, 1]);
      const accepted = await other.json<RestoredDocument>(...restore, '--on-conflict', 'accept-existing');
      assert.deepEqual([accepted.written, accepted.existing, accepted.left_out], [0, 2, []]);
      assert.deepEqual(await texts(), ['another one', 'two']);
      // New records continue the restored thread like records of this home.
      await other.json('know', 'three', ...on);
      assert.deepEqual(await texts(), ['another one', 'two', 'three']);
      await other.stop();
    }),
  );

  it(
    'brings nothing into a namespace that is not there, and nothing in the name of this very instance',
    onFleet(async fleet => {
      await fleet.json('namespace', 'create', 'restored');
      await fleet.json('know', 'of restored', '--thread', 'th_restored', '--namespace', 'restored');
      await fleet.fanOut('MINE', echoes(1));
      await fleet.joined('MINE');
      await fleet.json('thread', 'snapshot', 'th_restored', '--out', 'restored.jsonl');
      const other = new OtherHome(fleet);
      await other.start();
      assert.equal(
        (await other.refused('thread', 'restore', '--in', 'restored.jsonl')).code,
        'NAMESPACE_REJECTED',
      );
      await other.json('namespace', 'create', 'restored');
      assert.equal(
        (await other.json<RestoredDocument>('thread', 'restore', '--in', 'restored.jsonl')).written,
        1,
      );
      const { out } = await fleet.spl('thread', 'snapshot', 'MINE');
      await fleet.write(
        'mine.jsonl',
        forged(out, line => withoutIds(line.line === 'record' ? sayingMore(line) : line)),
      );
      const refused = await fleet.refused(4, 'thread', 'restore', '--in', 'mine.jsonl');
      assert.match(refused.message, /another record with clock|this instance is said/);
      assert.equal(
        (await fleet.refused(4, 'thread', 'snapshot', 'th_fleet_control')).code,
        'SCOPE_FORBIDDEN',
      );
      await other.stop();
    }),
  );
});

const sayingMore = (line: Line): Line => ({
  ...line,
  record: { ...line.record!, body: { ...line.record!.body, more: true } },
  ...{ signed: false },
});

describe('a home that is copied while it is at work', function () {
  this.timeout(120_000);

  it(
    'opens elsewhere, with everything that was acknowledged before',
    scenario({ echoMs: 20 }, async fleet => {
      await fleet.startFleet(2);
      await fleet.json('know', 'before the copy', '--thread', 'th_before');
      await fleet.fanOut('BUSY', [LASTS, ...echoes(60)]);
      await fleet.countsWhen('BUSY', 'some of it', ({ counts }) => counts.accepted > 20);
      const copy = new OtherHome(fleet, 'copy');
      const { runDir, indexDir } = homePaths(fleet.home);
      await cp(fleet.home, copy.home, {
        recursive: true,
        filter: path => path !== runDir && path !== indexDir,
      });
      const { code, err } = await copy.spl('fleet', 'start', '--workers', '0');
      assert.equal(code, 0, err);
      const { count } = await copy.json<ReplayDocument>('debug', 'replay', 'BUSY');
      assert.ok(count > 20);
      const { records } = await copy.json<{ records: unknown[] }>('thread', 'records', 'th_before');
      assert.equal(records.length, 1);
      // The copy is another fleet: its own workers finish the open work, and the workers of the first home never
      // notice.
      await copy.json('fleet', 'start', '--workers', '1');
      await fleet.write('go', '');
      assert.equal((await copy.spl('task', 'join-status', 'BUSY', '--watch')).code, 0);
      await copy.stop();
      const { counts } = await fleet.joined('BUSY');
      assert.deepEqual([counts.accepted, counts.failed], [61, 0]);
    }),
  );
});
