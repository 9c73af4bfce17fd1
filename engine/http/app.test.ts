import * as fc from 'fast-check';
import { after, afterEach, before, describe, it } from 'mocha';
import assert from 'node:assert/strict';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { seal, type RecordContent } from '../record/record.ts';
import type { Did, ThreadId } from '../record/ids.ts';
import { loadOperations } from '../operations/index.ts';
import { Served, type RawAnswer } from './testing/served.ts';

const content = (clock: number): RecordContent => ({
  act: 'DO',
  actor: 'did:sync:user:ada' as Did,
  body: { text: 'naïve ☃' },
  clock,
  data_type: 'SCALAR',
  parents: [],
  thread: 'th_test' as ThreadId,
});

describe('the routes of the API', () => {
  let served: Served;
  before(async () => {
    served = await Served.start({ limits: { bodyBytes: 4096, bulkBodyBytes: 65_536 } });
  });
  afterEach(() => {
    served.engine.calls.length = 0;
    served.engine.records.length = 0;
    served.logged.length = 0;
  });
  after(() => served.stop());

  const post = (target: string, body: unknown, headers: Record<string, string> = {}): Promise<RawAnswer> =>
    served.raw(target, { body: typeof body === 'string' ? body : JSON.stringify(body), headers });
  const lastCall = (): unknown => served.engine.calls.at(-1)?.input;

  describe('records', () => {
    it('stores one, and gives the same answer when it is written twice', async () => {
      const { record } = seal(content(1));
      const first = await post('/v1/records', content(1));
      assert.deepEqual(
        [first.status, first.json],
        [200, { object: 'record', id: record.id, existed: false }],
      );
      const second = await post('/v1/records', content(1));
      assert.deepEqual(second.json, { object: 'record', id: record.id, existed: true });
    });

    it('stores one per line of NDJSON, and answers with a list', async () => {
      const body = `${JSON.stringify(content(1))}\r\n\n${JSON.stringify(content(2))}`;
      const answer = await post('/v1/records', body, {
        'content-type': 'application/x-ndjson; charset=utf-8',
      });
      assert.equal(answer.json['object'], 'list');
      assert.equal((answer.json['data'] as unknown[]).length, 2);
      assert.equal(served.engine.records.length, 2);
    });

    it('returns a record, and pages of records', async () => {
      const { id } = (await post('/v1/records', content(1))).json;
      await post('/v1/records', content(2));
      const one = await served.raw(`/v1/records/${String(id)}`);
      assert.deepEqual(one.json['body'], { text: 'naïve ☃' });
      const page = await served.raw('/v1/records?thread=th_test&actor=&act=DO&limit=1&after=1');
      assert.equal((page.json['records'] as unknown[]).length, 1);
      assert.deepEqual(lastCall(), { thread: 'th_test', act: 'DO', limit: 1, after: 1 });
    });

    it('refuses a forged id, a malformed record, and one with an unknown field', async () => {
      const forged = await post('/v1/records', { ...content(1), id: 'c'.repeat(64) });
      assert.equal(forged.status, 400);
      assert.match(String(forged.json['message']), /id 'c{64}' is not the hash of its content/);
      const malformed = await post('/v1/records', { ...content(1), clock: -1 });
      assert.match(String(malformed.json['message']), /clock is negative/);
      const extra = await post(
        '/v1/records',
        `{"__proto__":{"admin":true},${JSON.stringify(content(1)).slice(1)}`,
      );
      assert.match(String(extra.json['message']), /unknown field '__proto__'/);
      assert.equal(served.engine.records.length, 0);
    });

    it('names the line of NDJSON that is not JSON', async () => {
      const body = `${JSON.stringify(content(1))}\n\n{"act":`;
      const answer = await post('/v1/records', body, { 'content-type': 'application/x-ndjson' });
      assert.deepEqual([answer.status, answer.json['code']], [400, 'INVALID_RECORD']);
      assert.equal(answer.json['message'], 'line 3 of the body is not JSON, at position 7');
      assert.deepEqual(answer.json['details'], { line: 3, position: 7 });
    });

    it('names the line of NDJSON and the repeated key in it', async () => {
      const body = `${JSON.stringify(content(1))}\n{"act":"DO","body":{"n":1,"n":2}}`;
      const answer = await post('/v1/records', body, { 'content-type': 'application/x-ndjson' });
      assert.deepEqual([answer.status, answer.json['code']], [400, 'INVALID_RECORD']);
      assert.equal(answer.json['message'], "line 2 of the body has the key 'n' twice, at position 26");
      assert.deepEqual(answer.json['details'], { line: 2, key: 'n', position: 26 });
    });
  });

  describe('commands', () => {
    const cases: readonly (readonly [string, unknown, unknown])[] = [
      [
        '/v1/tasks/FIRST-001/fan-out',
        { subtasks: [{ goal: 'a' }, 1], join: 'any' },
        { task: 'FIRST-001', join: 'any' },
      ],
      [
        '/v1/tasks/FIRST-001/retry',
        { subtask: 1, hint: 'again' },
        { task: 'FIRST-001', subtask: 1, hint: 'again' },
      ],
      ['/v1/tasks/FIRST-001/cancel', {}, { task: 'FIRST-001', subtask: null, reason: null }],
      ['/v1/tasks/FIRST-001/run-serial', {}, { task: 'FIRST-001', worker: null }],
      ['/v1/tasks', { goal: 'g', alias: 'A-1' }, { goal: 'g', alias: 'A-1', priority: 'medium' }],
      ['/v1/fleet/start', { workers: 3 }, { workers: 3, executor: null }],
      ['/v1/fleet/stop', { scope: 'all' }, { scope: 'all', instance: null, grace_secs: 10 }],
      ['/v1/fleet/restart', { instance: 'worker-a' }, { instance: 'worker-a' }],
    ];
    for (const [target, body, expected] of cases) {
      it(`submits POST ${target} with its defaults`, async () => {
        const answer = await post(target, body);
        assert.equal(answer.status, 200, answer.text);
        const { context, input } = served.engine.calls.at(-1)!;
        for (const [member, value] of Object.entries(expected as object)) {
          assert.deepEqual((input as Record<string, unknown>)[member], value, member);
        }
        assert.deepEqual(context, { actor: 'did:sync:user:local' });
      });
    }

    it('reads a missing body as an empty object', async () => {
      assert.equal((await served.raw('/v1/fleet/start', { method: 'POST' })).status, 200);
      assert.deepEqual(lastCall(), { workers: 2, executor: null });
    });

    it('passes on the actor and the idempotency key', async () => {
      const headers = { 'spl-actor': 'did:sync:agent:ada.1', 'idempotency-key': 'k'.repeat(255) };
      await post('/v1/tasks', { goal: 'g' }, headers);
      assert.deepEqual(served.engine.calls.at(-1)?.context, {
        actor: 'did:sync:agent:ada.1',
        idempotencyKey: 'k'.repeat(255),
      });
    });

    it('keeps an alias with every character that a path can carry', async () => {
      await served.raw(`/v1/tasks/${encodeURIComponent('A b/ü?#%')}/cancel`, { method: 'POST' });
      assert.equal((lastCall() as { task: string }).task, 'A b/ü?#%');
    });
  });

  describe('reports', () => {
    const cases: readonly (readonly [string, unknown])[] = [
      ['/health', {}],
      ['/v1/fleet/status', {}],
      ['/v1/fleet/instances/worker-a', { instance: 'worker-a' }],
      [
        '/v1/fleet/instances/did:sync:instance:00112233aabbccdd',
        { instance: 'did:sync:instance:00112233aabbccdd' },
      ],
      ['/v1/tasks', { all: false, archived: false }],
      ['/v1/tasks?all=1', { all: true, archived: false }],
      ['/v1/tasks/FIRST-001', { task: 'FIRST-001' }],
      ['/v1/tasks/FIRST-001/join?summary=true', { task: 'FIRST-001', summary: true }],
      ['/v1/tasks/FIRST-001/subtasks', { task: 'FIRST-001', offset: 0, limit: 100 }],
      ['/v1/tasks/FIRST-001/subtasks?offset=200&limit=500', { task: 'FIRST-001', offset: 200, limit: 500 }],
      [
        '/v1/tasks/FIRST-001/subtasks?index=7,0,7',
        { task: 'FIRST-001', offset: 0, limit: 100, indices: [7, 0, 7] },
      ],
      ['/v1/tasks/FIRST-001/subtasks?index=', { task: 'FIRST-001', offset: 0, limit: 100, indices: [] }],
      ['/v1/tasks/FIRST-001/speedup', { task: 'FIRST-001', vsSerial: null }],
      ['/v1/tasks/FIRST-001/speedup?vs_serial=th_x', { task: 'FIRST-001', vsSerial: 'th_x' }],
      ['/v1/records', { limit: 100 }],
      ['/v1/threads?limit=5', { limit: 5 }],
      ['/v1/threads/th_x/records', { thread: 'th_x' }],
      ['/v1/threads/th_x/state', { thread: 'th_x' }],
      ['/v1/threads/th_x/replay', { thread: 'th_x' }],
    ];
    for (const [target, input] of cases) {
      it(`answers GET ${target}`, async () => {
        const answer = await served.raw(target);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
        assert.deepEqual(lastCall(), input);
      });
    }

    it('answers reports by POST', async () => {
      const ping = await served.raw('/v1/fleet/instances/worker-a/ping', { method: 'POST' });
      assert.deepEqual([ping.json['reachable'], lastCall()], [true, { instance: 'worker-a' }]);
      const query = await post('/v1/query', { sql: 'SELECT 1' });
      assert.deepEqual(
        [query.json['rows'], lastCall()],
        [[['SELECT 1', 1]], { sql: 'SELECT 1', limit: 1000 }],
      );
    });

    it('answers HEAD as GET without the body', async () => {
      const answer = await served.raw('/v1/fleet/status', { method: 'HEAD' });
      assert.deepEqual([answer.status, answer.text], [200, '']);
    });
  });

  describe('refusals', () => {
    const cases: readonly {
      readonly what: string;
      readonly target: string;
      readonly body?: string;
      readonly method?: string;
      readonly headers?: Record<string, string>;
      readonly status: number;
      readonly code: string;
      readonly message: string | RegExp;
    }[] = [
      {
        what: 'an unknown path',
        target: '/v1/nothing',
        status: 404,
        code: 'NOT_FOUND',
        message: 'there is nothing at /v1/nothing',
      },
      {
        what: 'a wrong method',
        target: '/v1/tasks',
        method: 'DELETE',
        status: 405,
        code: 'USAGE',
        message: 'DELETE is not supported at /v1/tasks',
      },
      {
        what: 'a GET of a command',
        target: '/v1/fleet/start',
        status: 405,
        code: 'USAGE',
        message: 'GET is not supported at /v1/fleet/start',
      },
      {
        what: 'a body that is not JSON',
        target: '/v1/tasks',
        body: '{"goal": "a",}',
        status: 400,
        code: 'INVALID_RECORD',
        message: 'the body is not JSON, at position 13',
      },
      {
        what: 'a body with a key that is given twice',
        target: '/v1/tasks',
        body: '{"goal": "a", "labels": [], "goal": "b"}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "the body has the key 'goal' twice, at position 28",
      },
      {
        what: 'a body that ends early',
        target: '/v1/tasks',
        body: '{"goal": ',
        status: 400,
        code: 'INVALID_RECORD',
        message: 'the body is not JSON, at position 9',
      },
      {
        what: 'an empty record',
        target: '/v1/records',
        body: '',
        status: 400,
        code: 'INVALID_RECORD',
        message: 'the body is not JSON, at position 0',
      },
      {
        what: 'a body that is a list',
        target: '/v1/fleet/start',
        body: '[]',
        status: 400,
        code: 'INVALID_RECORD',
        message: 'the body must be a JSON object',
      },
      {
        what: 'a body that is a number',
        target: '/v1/fleet/start',
        body: '7',
        status: 400,
        code: 'INVALID_RECORD',
        message: 'the body must be a JSON object',
      },
      {
        what: 'an unknown key',
        target: '/v1/tasks',
        body: '{"goal":"g","gaol":1}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "unknown key 'gaol' (did you mean 'goal'?)",
      },
      {
        what: 'a key of every object',
        target: '/v1/tasks',
        body: '{"goal":"g","__proto__":{}}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "unknown key '__proto__'",
      },
      {
        what: 'a missing key',
        target: '/v1/tasks',
        body: '{}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "'goal' is missing",
      },
      {
        what: 'a wrong type',
        target: '/v1/tasks',
        body: '{"goal":7}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "'goal' must be text",
      },
      {
        what: 'a wrong type within',
        target: '/v1/tasks',
        body: '{"goal":"g","labels":["a",7]}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "'labels.1' must be text",
      },
      {
        what: 'a number out of range',
        target: '/v1/fleet/start',
        body: '{"workers":65}',
        status: 400,
        code: 'INVALID_RECORD',
        message: "'workers' must be at most 64",
      },
      {
        what: 'a fan-out of nothing',
        target: '/v1/tasks/A/fan-out',
        body: '{"subtasks":[]}',
        status: 400,
        code: 'INVALID_RECORD',
        message: /'subtasks' must not be empty/,
      },
      {
        what: 'too many indices',
        target: `/v1/tasks/A/subtasks?index=${Array(501).fill(0).join(',')}`,
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'index' has 501 numbers; the maximum is 500",
      },
      {
        what: 'too long a page',
        target: '/v1/tasks/A/subtasks?limit=501',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'limit' must be a whole number from 1 to 500, not '501'",
      },
      {
        what: 'a task that does not exist',
        target: '/v1/tasks/nope',
        status: 404,
        code: 'NOT_FOUND',
        message: "no task 'nope'",
      },
      {
        what: 'a limit that is no number',
        target: '/v1/records?limit=ten',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'limit' must be a whole number from 1 to 10000, not 'ten'",
      },
      {
        what: 'a flag that is none',
        target: '/v1/tasks?all=maybe',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'all' must be 1 or 0",
      },
      {
        what: 'an unknown query parameter',
        target: '/v1/records?colour=red',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'colour' is unknown",
      },
      {
        what: 'a query where there is none',
        target: '/v1/fleet/start?workers=3',
        body: '{}',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'workers' is unknown",
      },
      {
        what: 'a repeated query parameter',
        target: '/v1/tasks?all=1&all=0',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'all' is given more than once",
      },
      {
        what: 'a kind of event that is none',
        target: '/v1/events/stream?kinds=record,gossip',
        status: 400,
        code: 'USAGE',
        message: "the query parameter 'kinds' contains 'gossip', which is not a kind of event",
      },
      {
        what: 'a resumption from nowhere',
        target: '/v1/events/stream',
        headers: { 'last-event-id': 'x' },
        status: 400,
        code: 'USAGE',
        message: "the header Last-Event-ID: 'x' is not a position",
      },
      {
        what: 'an actor that is no DID',
        target: '/v1/tasks',
        body: '{"goal":"g"}',
        headers: { 'spl-actor': 'ada' },
        status: 400,
        code: 'USAGE',
        message: "the header Spl-Actor: 'ada' is not a DID",
      },
      {
        what: "an instance's DID",
        target: '/v1/tasks',
        body: '{"goal":"g"}',
        headers: { 'spl-actor': 'did:sync:instance:00112233aabbccdd' },
        status: 403,
        code: 'SCOPE_FORBIDDEN',
        message: /is an instance/,
      },
      {
        what: 'a key that is too long',
        target: '/v1/tasks',
        body: '{"goal":"g"}',
        headers: { 'idempotency-key': 'k'.repeat(256) },
        status: 400,
        code: 'USAGE',
        message: /1 to 255 characters/,
      },
      {
        what: 'a link without an upgrade',
        target: '/v1/link',
        status: 400,
        code: 'USAGE',
        message: "/v1/link needs the header 'Upgrade: spl-link'",
      },
      {
        what: 'a path with a backslash',
        target: '/v1\\tasks',
        status: 400,
        code: 'USAGE',
        message: 'the path of the request is not readable',
      },
    ];
    for (const { what, target, status, code, message, ...request } of cases) {
      it(`refuses ${what}`, async () => {
        const answer = await served.raw(target, request);
        assert.deepEqual([answer.status, answer.json['code']], [status, code], answer.text);
        assert.equal(answer.json['object'], 'error');
        assert.equal(answer.headers['spl-protocol'], '1');
        if (typeof message === 'string') assert.equal(answer.json['message'], message);
        else assert.match(String(answer.json['message']), message);
      });
    }

    it('opens no stream for a HEAD', async () => {
      assert.equal((await served.raw('/v1/events/stream', { method: 'HEAD' })).status, 400);
      assert.equal(served.engine.watchers, 0);
    });

    it('names the allowed methods', async () => {
      const answer = await served.raw('/v1/tasks', { method: 'DELETE' });
      assert.equal(answer.headers.allow, 'POST, GET');
    });

    it('refuses a body that is not UTF-8', async () => {
      const answer = await served.raw('/v1/tasks', { body: Buffer.from([0x7b, 0xff, 0x7d]) });
      assert.deepEqual([answer.status, answer.json['message']], [400, 'the body is not UTF-8']);
    });

    it('refuses too deep nesting', async () => {
      const deep = '['.repeat(20_000) + ']'.repeat(20_000);
      const answer = await post('/v1/records', `{"body":${deep}}`);
      assert.deepEqual([answer.status, answer.json['message']], [400, 'the body is nested deeper than 128']);
    });

    it('refuses a body with a too large declared length, before it arrives', async () => {
      const answer = await post('/v1/tasks', { goal: 'x'.repeat(5000) });
      assert.deepEqual([answer.status, answer.json['code']], [413, 'TOO_LARGE']);
      assert.equal(answer.json['message'], 'the body has more than 4096 bytes');
    });

    it('refuses a body as soon as it is too large', async () => {
      const answer = await served.raw('/v1/records', { body: ' '.repeat(2_000_000), chunked: true });
      assert.deepEqual([answer.status, answer.json['code']], [413, 'TOO_LARGE']);
      assert.equal(answer.json['message'], 'the body has more than 65536 bytes');
    });

    it("answers with the engine's own error: code, details and hint", async () => {
      served.engine.failure = new FleetError('CONFLICT', 'taken', {
        details: { alias: 'A' },
        hint: 'choose another',
      });
      const answer = await post('/v1/tasks', { goal: 'g' });
      assert.equal(answer.status, 409);
      assert.deepEqual(answer.json, {
        object: 'error',
        type: 'conflict',
        code: 'CONFLICT',
        message: 'taken',
        details: { alias: 'A' },
        hint: 'choose another',
      });
      assert.deepEqual(served.logged, []);
    });

    it('writes internal errors only to the log', async () => {
      const fault = new TypeError("can't read 'secret' of undefined");
      served.engine.failure = fault;
      const answer = await served.raw('/v1/fleet/status');
      assert.deepEqual([answer.status, answer.json['code']], [500, 'INTERNAL']);
      assert.ok(!answer.text.includes('secret'));
      assert.deepEqual(served.logged, [fault]);
    });
  });

  it('never fails on a body, whatever it is (I38)', async () => {
    const routes = (await loadOperations()).all
      .filter(({ method }) => method === 'POST')
      .map(({ path }) => path.replace(/:\w+/g, 'worker-a'));
    const keys = fc.constantFrom(
      'goal',
      'subtasks',
      'alias',
      'workers',
      'subtask',
      'sql',
      'limit',
      '__proto__',
      'body',
    );
    const like = fc.dictionary(keys, fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...routes),
        fc.oneof(
          fc.json(),
          like.map(value => JSON.stringify(value)),
          fc.string(),
        ),
        fc.constantFrom('application/json', 'application/x-ndjson'),
        async (target, body, type) => {
          const answer = await post(target, body, { 'content-type': type });
          assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
        },
      ),
      { numRuns: runs(100) },
    );
  });
});
