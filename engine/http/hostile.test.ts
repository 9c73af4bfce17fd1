import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import type { RecordDocument, RecordsDocument } from '../contract/documents.ts';
import { isReservedTopic } from '../domain/model/record-bodies.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { openCoordinator, type RunningCoordinator } from '../open.ts';
import { isReservedThread, type Did } from '../record/ids.ts';
import { loadOperations } from '../operations/index.ts';
import type { Operation } from '../operations/operation.ts';

/**
 * Hostile requests to every route: nearly valid bodies and queries, and garbage. `SPL_SEED` starts at the seed of a
 * failed run.
 */
const REQUESTS = runs(1_000);
const RECORDS = runs(9_000);
const RECORDS_AT_ONCE = 512;
const SEED = Number(process.env['SPL_SEED'] ?? randomInt(2 ** 31));
const AT_ONCE = 16;
const WRITER = 'did:sync:user:hostile' as Did;

/**
 * The commands that would start or end processes, or the engine itself. They are sent only with a body that is refused.
 */
const ONLY_WRONG: ReadonlySet<string> = new Set(['fleet.start', 'fleet.stop', 'fleet.restart']);

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const oddText = fc.oneof(
  fc.constantFrom('A-1', 'A-2', 'A-3', 'acme', 'acme/web', 'default', 'worker-a', 'coordinator'),
  fc.constantFrom(
    '',
    ' ',
    '..',
    '.',
    '/',
    '%00',
    '%',
    '__proto__',
    'constructor',
    'toString',
    '\0',
    '\u202e',
  ),
  fc.constantFrom('th_fleet_control', 'th_', 'th_x', 'null', '-1', '1e9', 'k_of_n:99999999999999999999'),
  fc.constantFrom('[[[[', 'children.all(c, c.all(d, true))', "' OR 1=1 --", 'x'.repeat(5_000)),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
);

const oddValue = fc.oneof(
  oddText,
  fc.constantFrom<unknown>(null, true, 0, -1, 0.5, 1e308, -0, 2 ** 53, 1e-320, [], {}, [null], [[]]),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Valid bodies to start from. */
const RIGHT: Readonly<Record<string, object>> = {
  'task.add': { goal: 'a goal' },
  'fan-out.open': { goal: 'a goal', fan_out: { subtasks: [{ goal: 'a' }], join: 'all' } },
  'task.fan-out': { subtasks: [{ goal: 'a' }, { goal: 'b', depends_on: [0] }], join: 'all' },
  'task.retry': { subtask: 0 },
  'task.cancel': { subtask: 0 },
  archive: { tasks: ['A-1'] },
  'task.defer': { until_unix: 2_000_000_000 },
  'task.block': { on: 'A-1' },
  'namespace.create': { id: 'acme' },
  'worktree.remove': { worktree: 'nothing' },
  kill: { namespace: 'acme' },
  unkill: { namespace: 'acme' },
  query: { sql: 'SELECT 1' },
  'fleet.restart': { instance: 'nobody' },
};

/** A valid record with up to two members made invalid. */
const record = fc
  .record({
    act: fc.constantFrom('KNOW', 'DO', 'INTEND', 'LEARN'),
    thread: fc.constantFrom('th_a', 'th_b', 'th_c'),
    clock: fc.nat({ max: 100_000 }),
    body: fc.dictionary(
      fc.constantFrom('text', '__proto__', 'namespace'),
      fc.oneof(fc.constantFrom('acme', 'a'), oddValue),
      { maxKeys: 2 },
    ),
    wrong: fc.dictionary(
      fc.constantFrom(
        'act',
        'actor',
        'thread',
        'clock',
        'data_type',
        'body',
        'id',
        'parents',
        'judged_by',
        'more',
      ),
      fc.oneof(
        oddValue,
        fc.constantFrom('did:sync:instance:00112233aabbccdd', 'th_fleet_control', 'th_namespace_registry'),
        fc.constantFrom({ topic: 'freeze' }, { topic: 'fanout_join_complete' }, { namespace: 'nowhere' }),
      ),
      { maxKeys: 2 },
    ),
  })
  .map(({ wrong, ...right }) => ({ actor: WRITER, data_type: 'SCALAR', ...right, ...wrong }));

/** Returns bodies of a route: a valid one with some members made invalid, or garbage. */
function bodyOf({ name, body }: Operation): fc.Arbitrary<string | undefined> {
  if (name === 'records.append')
    return fc.oneof(
      record.map(each => JSON.stringify(each)),
      fc.array(record, { maxLength: 5 }).map(all => all.map(each => JSON.stringify(each)).join('\n')),
      oddValue.map(value => JSON.stringify(value)),
    );
  const schema = body as { entries?: object } | undefined;
  const members = [...Object.keys(schema?.entries ?? {}), 'unknown'];
  const wrong = fc.dictionary(fc.constantFrom(...members), oddValue, { maxKeys: 3 });
  const nearly = wrong.map(change =>
    JSON.stringify({ ...RIGHT[name], ...change, ...(ONLY_WRONG.has(name) ? { unknown: 1 } : {}) }),
  );
  return fc.oneof(
    { weight: 6, arbitrary: nearly },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }).filter(text => text.trim() !== '') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '{',
        '[]',
        '"',
        'null',
        '{"goal":"\ud800"}',
        '{"a":1,"a":2}',
        '['.repeat(9_000),
      ),
    },
  );
}

function requestTo(route: Operation): fc.Arbitrary<Sent> {
  const members = [...route.path.matchAll(/:(\w+)/g)].map(([, member]) => member!);
  const parameters = [...Object.values(route.query ?? {}).map(parameter => parameter.name), 'unknown'];
  return fc
    .record({
      path: fc.array(oddText, { minLength: members.length, maxLength: members.length }),
      query: fc.dictionary(fc.constantFrom(...parameters), oddText, { maxKeys: 3 }),
      body: route.method === 'GET' ? fc.constant(undefined) : bodyOf(route),
      type: fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain', ''),
      key: fc.option(fc.constantFrom('k1', 'k2', 'k'.repeat(300)), { nil: undefined }),
    })
    .map(({ path, query, body, type, key }) => {
      let next = 0;
      const filled = route.path.replaceAll(/:\w+/g, () => encodeURIComponent(path[next++]!));
      const search = new URLSearchParams(query).toString();
      return {
        method: route.method,
        path: search === '' ? filled : `${filled}?${search}`,
        body,
        headers: {
          ...(type === '' ? {} : { 'content-type': type }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
      };
    });
}

const { commands, reports } = await loadOperations();
const anyRequest = fc.oneof(...[...commands, ...reports].map(requestTo));

describe('hostile requests', function () {
  this.timeout(600_000);
  let root: string;
  let running: RunningCoordinator;
  const faults: string[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

  before(async () => {
    process.stdout.write(`    ${REQUESTS} hostile requests; the seed is ${SEED}\n`);
    root = await mkdtemp(join(tmpdir(), 'spl-hostile-'));
    running = await open();
    for (const alias of ['A-1', 'A-2', 'A-3'])
      await send({
        method: 'POST',
        path: '/v1/tasks',
        headers: {},
        body: JSON.stringify({ goal: 'g', alias }),
      });
  });
  after(async () => {
    agent.destroy();
    await running.close();
    await rm(root, { recursive: true, force: true });
  });

  function open(): Promise<RunningCoordinator> {
    return openCoordinator({
      home: join(root, 'h'),
      flags: {},
      env: {},
      logger: { info: () => {}, error: message => faults.push(message) },
      onStop: error => faults.push(`it stops: ${String(error)}`),
      listen: false,
    });
  }

  function send({ method, path, body, headers }: Sent): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const options = {
        agent,
        socketPath: homePaths(join(root, 'h')).socket,
        method,
        path,
        // Set explicitly, because a DELETE would omit the length and still send its body.
        headers: { host: 'localhost', 'content-length': Buffer.byteLength(body ?? ''), ...headers },
      };
      const request = http.request(options, response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  it('are answered, each with a document, and none with a fault of ours', async () => {
    const requests = fc.sample(anyRequest, { numRuns: REQUESTS, seed: SEED });
    const seen = new Map<number, number>();
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let at = next++; at < requests.length; at = next++) {
        const request = requests[at]!;
        const { status, text } = await send(request).catch((error: unknown) => {
          throw new Error(`no answer to ${JSON.stringify(request)}`, { cause: error });
        });
        seen.set(status, (seen.get(status) ?? 0) + 1);
        const what = (): string =>
          `${status} ${text.slice(0, 500)} to ${JSON.stringify(request).slice(0, 2_000)}`;
        assert.ok(status === 200 || (status >= 400 && status < 500) || status === 501, what());
        const document = JSON.parse(text) as { object?: string; code?: string };
        if (status !== 200) assert.ok(document.object === 'error' && document.code !== 'INTERNAL', what());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    assert.deepEqual(faults, []);
    // Enough requests must be accepted: a test in which the gate refuses all of them proves nothing.
    assert.ok((seen.get(200) ?? 0) > REQUESTS / 20, JSON.stringify([...seen]));
    assert.ok((seen.get(400) ?? 0) > REQUESTS / 20, JSON.stringify([...seen]));
  });

  it('with only records are accepted or refused, in their thousands', async () => {
    const { engine } = running;
    const refusals = new Map<string, number>();
    const append = async (value: unknown): Promise<void> => {
      try {
        await engine.submit('records.append', { records: [value] }, { actor: WRITER });
      } catch (thrown) {
        const isRefusal = FleetError.is(thrown) && thrown.code !== 'INTERNAL';
        assert.ok(isRefusal, `${String(thrown)}: ${JSON.stringify(value)}`);
        refusals.set(thrown.code, (refusals.get(thrown.code) ?? 0) + 1);
      }
    };
    const values = fc.sample(record, { numRuns: RECORDS, seed: SEED });
    for (let from = 0; from < RECORDS; from += RECORDS_AT_ONCE)
      await Promise.all(values.slice(from, from + RECORDS_AT_ONCE).map(append));
    for (const code of ['INVALID_RECORD', 'SCOPE_FORBIDDEN', 'NAMESPACE_REJECTED', 'CONFLICT'])
      assert.ok(refusals.has(code), `none was refused as ${code}`);
    assert.deepEqual(faults, []);
  });

  it('have written nothing that only the fleet writes, or where nobody may', async () => {
    const { engine } = running;
    const { namespaces } = await engine.report('namespaces', {});
    const registered = new Set(namespaces.map(({ id }) => id));
    const written: RecordDocument[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: RecordsDocument = await engine.report('records', { actor: WRITER, limit: 1_000, after });
      written.push(...page.records);
      after = page.next;
    }
    assert.ok(written.length > 0);
    for (const { thread, body } of written) {
      assert.ok(!isReservedThread(thread) && !isReservedTopic(body['topic']), JSON.stringify(body));
      assert.ok(
        registered.has((body['namespace'] ?? 'default') as string),
        JSON.stringify([body, [...registered]]),
      );
    }
    const slots = written.map(({ thread, clock }) => `${thread} ${clock}`);
    assert.equal(new Set(slots).size, slots.length);
  });

  it('leave a log that replays to the same state', async () => {
    const stateOf = async (): Promise<unknown[]> => [
      (await running.engine.report('tasks', { all: true })).tasks,
      await running.engine.report('namespaces', {}),
      (await running.engine.report('fleet', {})).freezes,
    ];
    const before = await stateOf();
    await running.close();
    running = await open();
    assert.deepEqual(await stateOf(), before);
    assert.deepEqual(faults, []);
  });
});
