import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import fc from 'fast-check';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import type { OutputRequest, OutputStream } from '../contract/engine.ts';
import type { CommandName, Commands, ReportName, Reports } from '../operations/index.ts';
import type { CallContext, EngineEvent } from '../contract/engine.ts';
import { SCOPES, type Scope, type TokenCreate, type TokenCreated } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { openCoordinator, type RunningCoordinator } from '../open.ts';
import type { Did } from '../record/ids.ts';
import { decodeRecord } from '../record/record.ts';
import { Tokens } from '../runtime/coordinator/tokens.ts';
import { connect, type EngineClient } from '../client/client.ts';
import { loadOperations, type RouteName } from '../operations/index.ts';
import { FakeEngine } from './testing/fake-engine.ts';
import { Served, TOKEN } from './testing/served.ts';

const ROOT = 'did:sync:user:root' as Did;

/** A task in each namespace. */
const NAMESPACES = ['default', 'acme', 'acme/web', 'acme/web/x', 'acmeology', 'beta'] as const;
const taskIn = (namespace: string): string => `T-${NAMESPACES.indexOf(namespace as never)}`;
const threadOf = (alias: string): string => `th_of_${alias}`;

/** The fake engine with those tasks. */
class FleetOfNamespaces extends FakeEngine {
  override submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']> {
    return super.submit(name, byAlias(input), context);
  }

  override async report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
  ): Promise<Reports[N]['output']> {
    const answer = await super.report(name, byAlias(input), signal);
    if (name !== 'task') return answer;
    const alias = (byAlias(input) as { task: string }).task;
    const namespace = NAMESPACES[Number(/^T-(\d)$/.exec(alias)?.[1])];
    if (namespace === undefined) throw new FleetError('NOT_FOUND', `no task '${alias}'`);
    return { ...answer, alias, thread: threadOf(alias), namespace };
  }

  override output(request: OutputRequest): Promise<OutputStream> {
    return super.output(byAlias(request));
  }
}

/** Turns threads into aliases, because the fake knows tasks only by alias. */
function byAlias<I extends object>(input: I): I {
  if (!('task' in input) || typeof input.task !== 'string') return input;
  return { ...input, task: input.task.replace(/^th_of_/, '') };
}

/**
 * The permissions, written independently of the code: the scope, and the effect of a token's namespace on requests
 * elsewhere. `all`: allowed, limited to what the token may see; `none`: refused; `hidden`: 404 elsewhere; `told`: 403
 * elsewhere; `below`: 403 elsewhere and for the token's own namespace.
 */
const REFERENCE: Readonly<
  Record<RouteName, readonly [Scope | 'open', 'all' | 'none' | 'hidden' | 'told' | 'below']>
> = {
  health: ['open', 'all'],
  fleet: ['read', 'none'],
  live: ['read', 'none'],
  instance: ['read', 'none'],
  ping: ['read', 'none'],
  worktrees: ['read', 'none'],
  threads: ['read', 'none'],
  query: ['read', 'none'],
  tasks: ['read', 'all'],
  runs: ['read', 'all'],
  namespaces: ['read', 'all'],
  records: ['read', 'all'],
  audit: ['read', 'all'],
  events: ['read', 'all'],
  openapi: ['read', 'all'],
  task: ['read', 'hidden'],
  join: ['read', 'hidden'],
  children: ['read', 'hidden'],
  speedup: ['read', 'hidden'],
  record: ['read', 'hidden'],
  'thread.records': ['read', 'hidden'],
  'thread.state': ['read', 'hidden'],
  replay: ['read', 'hidden'],
  output: ['read', 'hidden'],
  namespace: ['read', 'told'],
  'namespace.effective': ['read', 'told'],
  'records.append': ['write', 'told'],
  'task.add': ['write', 'told'],
  'fan-out.open': ['write', 'told'],
  'task.fan-out': ['write', 'hidden'],
  'task.retry': ['write', 'hidden'],
  'task.rerun': ['write', 'hidden'],
  archive: ['write', 'told'],
  'task.cancel': ['write', 'hidden'],
  'task.start': ['write', 'hidden'],
  'task.done': ['write', 'hidden'],
  'task.fail': ['write', 'hidden'],
  'task.approve': ['write', 'hidden'],
  'task.reject': ['write', 'hidden'],
  'task.block': ['write', 'hidden'],
  'task.defer': ['write', 'hidden'],
  'task.reopen': ['write', 'hidden'],
  'task.run-serial': ['write', 'hidden'],
  'records.restore': ['write', 'none'],
  'worktree.remove': ['write', 'none'],
  'rule.add': ['control', 'none'],
  'rule.remove': ['control', 'none'],
  rules: ['read', 'none'],
  'rule.test': ['read', 'none'],
  kill: ['control', 'told'],
  unkill: ['control', 'below'],
  'namespace.create': ['control', 'below'],
  'namespace.archive': ['control', 'below'],
  'namespace.delete': ['control', 'below'],
  'fleet.start': ['control', 'none'],
  'fleet.stop': ['control', 'none'],
  'fleet.restart': ['control', 'none'],
  tokens: ['control', 'none'],
  'token.create': ['control', 'none'],
  'token.revoke': ['control', 'none'],
};

const BODIES: Readonly<Record<string, (namespace: string) => object>> = {
  'task.add': namespace => ({ goal: 'g', namespace }),
  'fan-out.open': namespace => ({ goal: 'g', namespace, fan_out: { subtasks: [{ goal: 'g' }] } }),
  'task.fan-out': () => ({ subtasks: [{ goal: 'g' }] }),
  'task.retry': () => ({ subtask: 0 }),
  archive: namespace => ({ done: true, namespace }),
  'rule.add': () => ({ name: 'r', rule: 'true' }),
  'rule.test': () => ({ actor: 'did:sync:user:a', act: 'PUT' }),
  'records.restore': () => ({ records: [], signatures: [] }),
  'worktree.remove': () => ({ worktree: 'w' }),
  kill: namespace => ({ namespace }),
  unkill: namespace => ({ namespace }),
  'namespace.create': namespace => ({ id: namespace }),
  'fleet.restart': () => ({ instance: 'worker-a' }),
  query: () => ({ sql: 'SELECT 1' }),
};

interface Asked {
  readonly route: RouteName;
  /** The namespace of the requested object. */
  readonly at: string;
  readonly scopes: readonly Scope[];
  readonly namespace: string | null;
  readonly life: 'holds' | 'expired' | 'revoked';
}

/** Returns the status that the reference gives for a request. */
function expected({ route, at, scopes, namespace, life }: Asked): number {
  const [scope, kind] = REFERENCE[route];
  if (scope === 'open') return 200;
  if (life !== 'holds') return 401;
  if (scope !== 'read' && !scopes.includes(scope)) return 403;
  if (namespace === null || kind === 'all') return 200;
  if (kind === 'none') return 403;
  const inside = `${at}/`.startsWith(`${namespace}/`) || namespace === 'default';
  if (inside && (kind !== 'below' || at !== namespace)) return 200;
  return kind === 'hidden' ? 404 : 403;
}

const { all: operations } = await loadOperations();

describe('tokens', () => {
  let served: Served;
  let engine: FleetOfNamespaces;
  let tokens: Tokens;
  let folder: string;
  let now: number;

  beforeEach(async () => {
    now = Date.now();
    folder = await mkdtemp(join(tmpdir(), 'spl-granted-'));
    tokens = await Tokens.open({ file: join(folder, 'tokens.json'), now: () => now });
    engine = new FleetOfNamespaces();
    const limits = { openRequestsOfToken: 2, openStreamsOfToken: 2 };
    const tcp = { host: '127.0.0.1', port: 0, token: TOKEN, tokens } as const;
    served = await Served.start({ tcp, limits }, engine);
  });
  afterEach(async () => {
    tokens.close();
    await served.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const make = (asked: Partial<TokenCreate> = {}): Promise<TokenCreated> =>
    tokens.create({ scopes: ['read'], namespace: null, expires_secs: null, label: null, ...asked }, ROOT);
  const bearer = ({ token }: { token: string }) => ({ authorization: `Bearer ${token}` });

  /** Returns the status of an answer without waiting for its body. */
  async function statusOf(target: string, method: string, token: string, body?: string): Promise<number> {
    const headers = { ...bearer({ token }), 'content-length': Buffer.byteLength(body ?? '') };
    const request = http.request({ port: served.server.port, path: target, method, headers, agent: false });
    request.end(body);
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    answer.destroy();
    return answer.statusCode ?? 0;
  }

  it('let through what an independent table says, and nothing else', async function () {
    this.timeout(120_000);
    const asked: fc.Arbitrary<Asked> = fc.record({
      route: fc.constantFrom(...operations.map(({ name }) => name)),
      at: fc.constantFrom(...NAMESPACES),
      scopes: fc.subarray([...SCOPES], { minLength: 1 }),
      namespace: fc.option(fc.constantFrom(...NAMESPACES), { nil: null }),
      life: fc.oneof(
        { weight: 4, arbitrary: fc.constant('holds' as const) },
        { weight: 1, arbitrary: fc.constantFrom('expired' as const, 'revoked' as const) },
      ),
    });
    const seen = new Set<number>();
    // Valid tokens are reused, because each new one is a write to the disk.
    const holding = new Map<string, Promise<TokenCreated>>();
    const tokenFor = ({ scopes, namespace, life }: Asked): Promise<TokenCreated> => {
      const wanted = { scopes: [...scopes], namespace };
      if (life !== 'holds') return make({ ...wanted, expires_secs: 60 });
      const key = JSON.stringify(wanted);
      const made = holding.get(key) ?? make(wanted);
      holding.set(key, made);
      return made;
    };
    await fc.assert(
      fc.asyncProperty(asked, async each => {
        const { route, at, life } = each;
        const made = await tokenFor(each);
        const record = { act: 'KNOW', actor: made.actor, thread: 'th_x', clock: 0, data_type: 'SCALAR' };
        const claiming = { ...record, body: { namespace: at } };
        const { record: stored } = decodeRecord(claiming);
        engine.records.splice(0, Infinity, stored);
        if (life === 'expired') now += 60_000;
        if (life === 'revoked') await tokens.revoke(made.id);
        const { method, path } = operations.find(({ name }) => name === route)!;
        const thread = route === 'thread.records' ? 'th_x' : threadOf(taskIn(at));
        const target = path
          .replace(':task', taskIn(at))
          .replace(':namespace', encodeURIComponent(at))
          .replace(':thread', thread)
          .replace(':subtask', '0')
          .replace(':instance', 'worker-a')
          .replace(':id', stored.id)
          .replace(':token', made.id);
        const body = route === 'records.append' ? claiming : (BODIES[route]?.(at) ?? {});
        const text = method === 'GET' ? undefined : JSON.stringify(body);
        const calls = engine.calls.length;
        const status = await statusOf(target, method, made.token, text);
        seen.add(status);
        assert.equal(status, expected(each));
        if (status === 401 || status === 403)
          assert.deepEqual(
            engine.calls.slice(calls).filter(({ name }) => name !== 'task'),
            [],
            'the engine was asked',
          );
      }),
      { numRuns: runs(200) },
    );
    assert.deepEqual([...seen].sort(), [200, 401, 403, 404]);
  });

  it('report the missing scope, and nothing about the token', async () => {
    const made = await make();
    const answer = await served.rawTcp('/v1/kill', { method: 'POST', headers: bearer(made) });
    assert.deepEqual([answer.status, answer.json['code']], [403, 'SCOPE_FORBIDDEN']);
    assert.equal(answer.json['message'], "the token has no scope 'control'");
    await tokens.revoke(made.id);
    const ended = await served.rawTcp('/v1/tasks', { headers: bearer(made) });
    assert.deepEqual([ended.status, ended.json['code']], [401, 'AUTH_REQUIRED']);
    for (const { text, headers } of [answer, ended])
      assert.equal((text + JSON.stringify(headers)).includes(made.token.slice(-43)), false);
    assert.deepEqual(served.logged, []);
  });

  it('end the streams that are open with them, and no others', async () => {
    const [revoked, expiring, other] = [await make(), await make({ expires_secs: 1 }), await make()];
    const open = async (token: TokenCreated): Promise<http.IncomingMessage> => {
      const request = http.get({
        port: served.server.port,
        path: '/v1/events/stream',
        headers: bearer(token),
        agent: false,
      });
      return ((await once(request, 'response')) as [http.IncomingMessage])[0];
    };
    const [expired, staying] = [await open(expiring), await open(other)];
    // The timer follows elapsed time, and then compares the clock.
    now += 1_000;
    assert.equal(await textOf(expired), 'retry: 1000\n\n');
    assert.equal(engine.watchers, 1);
    const ending = await open(revoked);
    await tokens.revoke(revoked.id);
    assert.equal(await textOf(ending), 'retry: 1000\n\n');
    assert.equal(engine.watchers, 1);
    staying.destroy();
  });

  it('have so many streams and requests open at a time, and leave room for others', async () => {
    const [made, other] = [await make(), await make()];
    const streams = await Promise.all(
      [0, 1].map(async () => {
        const request = http.get({
          port: served.server.port,
          path: '/v1/events/stream',
          headers: bearer(made),
          agent: false,
        });
        return ((await once(request, 'response')) as [http.IncomingMessage])[0];
      }),
    );
    const third = await served.rawTcp('/v1/events/stream', { headers: bearer(made) });
    assert.deepEqual([third.status, third.headers['retry-after']], [429, '1']);
    assert.equal(third.json['message'], '2 streams are already open with this token');
    let release = (): void => undefined;
    engine.delay = new Promise(resolve => (release = resolve));
    const ask = (token: TokenCreated) => served.rawTcp('/v1/fleet/status', { headers: bearer(token) });
    const two = [ask(made), ask(made)];
    while (engine.calls.length < 2) await new Promise(resolve => setImmediate(resolve));
    const more = await ask(made);
    assert.deepEqual([more.status, more.headers['retry-after']], [429, '1']);
    assert.equal(more.json['message'], '2 requests are already being answered with this token');
    const others = [ask(other), served.rawTcp('/v1/fleet/status')];
    while (engine.calls.length < 4) await new Promise(resolve => setImmediate(resolve));
    release();
    for (const { status } of await Promise.all([...two, ...others])) assert.equal(status, 200);
    for (const stream of streams) stream.destroy();
  });

  it('link no worker', async () => {
    const made = await make({ scopes: [...SCOPES] });
    const headers = { ...bearer(made), connection: 'Upgrade', upgrade: 'spl-link' };
    const request = http.request({ port: served.server.port, path: '/v1/link', headers });
    request.end();
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    assert.equal(answer.statusCode, 403);
    answer.resume();
  });

  it('write in their own name, whatever the request says', async () => {
    const made = await make({ scopes: ['write'] });
    const add = (actor?: string) =>
      served.rawTcp('/v1/tasks', {
        body: '{"goal":"g"}',
        headers: { ...bearer(made), ...(actor === undefined ? {} : { 'spl-actor': actor }) },
      });
    for (const actor of [undefined, made.actor]) {
      assert.equal((await add(actor)).status, 200);
      assert.equal(engine.calls.at(-1)?.context?.actor, made.actor);
    }
    const answer = await add('did:sync:user:ada');
    assert.deepEqual([answer.status, answer.json['code']], [403, 'SCOPE_FORBIDDEN']);
    const record = {
      act: 'KNOW',
      actor: 'did:sync:user:ada',
      thread: 'th_x',
      clock: 0,
      data_type: 'SCALAR',
      body: {},
    };
    const forged = await served.rawTcp('/v1/records', {
      body: JSON.stringify(record),
      headers: bearer(made),
    });
    assert.deepEqual([forged.status, forged.json['code']], [403, 'SCOPE_FORBIDDEN']);
    assert.deepEqual(engine.records, []);
  });

  it('grant no more than they have', async () => {
    const made = await make({ scopes: ['control'], expires_secs: 100 });
    const create = (body: object) =>
      served.rawTcp('/v1/tokens', { body: JSON.stringify(body), headers: bearer(made) });
    for (const body of [
      { scopes: ['write'], expires_secs: 1 },
      { scopes: ['read'] },
      { scopes: ['read'], expires_secs: 1_000 },
    ]) {
      const answer = await create(body);
      assert.deepEqual([answer.status, answer.json['code']], [403, 'SCOPE_FORBIDDEN'], JSON.stringify(body));
    }
    assert.equal((await create({ scopes: ['control'], expires_secs: 50 })).status, 200);
  });
});

describe('a token of a namespace, on a real fleet', () => {
  let root: string;
  let running: RunningCoordinator;
  let own: EngineClient;
  let confined: EngineClient;
  let actor: Did;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'spl-confined-'));
    running = await openCoordinator({
      home: join(root, 'h'),
      flags: { port: 0 },
      env: {},
      logger: { info: () => {}, error: () => {} },
      onStop: () => {},
    });
    own = connect({ socketPath: homePaths(join(root, 'h')).socket }, { actor: ROOT });
    for (const id of ['acme', 'acme/web', 'beta'])
      await own.submit('namespace.create', { id, description: null });
    const made = await own.submit('token.create', {
      scopes: ['write', 'control'],
      namespace: 'acme',
      expires_secs: null,
      label: null,
    });
    actor = made.actor as Did;
    const { endpoint } = await own.report('health', {});
    confined = connect({ url: endpoint!, token: made.token }, { actor });
    for (const [alias, namespace] of [
      ['IN', 'acme'],
      ['OUT', 'beta'],
      ['TOP', null],
    ] as const)
      await own.submit('task.add', { ...TASK, alias, namespace });
    await own.submit('task.add', { ...TASK, alias: 'WEB', namespace: 'acme/web', depends_on: ['OUT', 'IN'] });
  });
  after(async () => {
    await confined.close();
    await own.close();
    await running.close();
    await rm(root, { recursive: true, force: true });
  });

  const TASK = {
    ...{ goal: 'g', alias: null, priority: 'medium' as const, labels: [], domain: null },
    ...{ hypothesis: null, criteria: [], namespace: null, dir: null },
  };
  const refusedAs = (code: string) => (thrown: unknown) => FleetError.is(thrown) && thrown.code === code;

  it('sees the tasks in it, and only those of their dependencies that are in it', async () => {
    const { tasks } = await confined.report('tasks', { all: true });
    assert.deepEqual(
      tasks.map(({ alias, depends_on: on }) => [alias, on.map(each => each.alias)]),
      [
        ['IN', []],
        ['WEB', ['IN']],
      ],
    );
    assert.deepEqual(
      (await confined.report('task', { task: 'IN' })).dependants.map(({ alias }) => alias),
      ['WEB'],
    );
    const { namespaces, explicit } = await confined.report('namespaces', {});
    assert.deepEqual([namespaces.map(({ id }) => id), explicit], [['acme', 'acme/web'], 2]);
  });

  it('learns nothing from the names of others', async () => {
    const tell = (task: string) =>
      confined.report('task', { task }).then(
        () => assert.fail(task),
        (thrown: FleetError) => [thrown.code, thrown.message.replace(task, '…'), Object.keys(thrown.details)],
      );
    const absent = await tell('NOWHERE');
    for (const name of ['OUT', 'TOP', 'O', 'T', 'th_']) assert.deepEqual(await tell(name), absent, name);
  });

  it('sees the records in it, and gets their events', async () => {
    const stop = new AbortController();
    const heard: string[] = [];
    const done = (async () => {
      for await (const event of confined.watch({
        after: 0,
        kinds: ['record', 'task'],
        signal: stop.signal,
      })) {
        if (event.kind !== 'record') continue;
        heard.push(event.record.id);
        if (event.record.body['text'] === 'the last') return;
      }
    })();
    const write = (client: EngineClient, by: Did, clock: number, body: object) =>
      client.submit('records.append', {
        records: [{ act: 'KNOW', actor: by, thread: 'th_x', clock, data_type: 'SCALAR', body }],
      });
    await write(own, ROOT, 0, { text: 'elsewhere' });
    await write(own, ROOT, 1, { text: 'below', namespace: 'acme/web' });
    await write(confined, actor, 0, { text: 'the last', namespace: 'acme' });
    await done;
    stop.abort();
    const { records } = await confined.report('records', { limit: 1_000 });
    const { entries } = await confined.report('audit', { limit: 1_000 });
    const all = (await own.report('records', { limit: 1_000 })).records;
    const threads = new Set(
      (await confined.report('tasks', { all: true })).tasks.map(({ thread }) => thread),
    );
    const wanted = all
      .filter(
        ({ thread, body }) => threads.has(thread) || /^acme(\/|$)/.test((body['namespace'] ?? '') as string),
      )
      .map(({ id }) => id);
    assert.ok(wanted.length > 3 && wanted.length < all.length);
    assert.deepEqual(
      [records, entries.map(({ record }) => record)].map(each => each.map(({ id }) => id)),
      [wanted, wanted],
    );
    assert.deepEqual(heard, wanted.slice(wanted.indexOf(heard[0]!)));
    assert.deepEqual(
      (await confined.report('thread.records', { thread: 'th_x' })).records.map(({ body }) => body['text']),
      ['below', 'the last'],
    );
    const foreign = all.find(({ body }) => body['text'] === 'elsewhere')!;
    await assert.rejects(confined.report('record', { id: foreign.id }), refusedAs('NOT_FOUND'));
  });

  it('lists namespaces right below its own, and gets their events and those of namespaces above', async () => {
    const stop = new AbortController();
    const iterator = confined.watch({ kinds: ['namespace'], signal: stop.signal })[Symbol.asyncIterator]();
    const next = async (): Promise<string | undefined> => {
      const { value } = (await iterator.next()) as { value: EngineEvent };
      return value.kind === 'namespace' ? value.id : value.kind;
    };
    assert.equal(await next(), 'gap');
    const stopAll = { namespace: null, emergency: true };
    await own.submit('namespace.create', { id: 'beta/x', description: null });
    await own.submit('kill', { ...stopAll, level: null, grace_secs: null, reason: null });
    await own.submit('unkill', stopAll);
    await own.submit('namespace.create', { id: 'acme/x', description: null });
    const heard: (string | undefined)[] = [];
    while (heard.at(-1) !== 'acme/x') heard.push(await next());
    assert.deepEqual(heard, ['default', 'default', 'acme/x']);
    stop.abort();
    const { namespaces } = await confined.report('namespaces', { parent: 'acme' });
    assert.deepEqual(
      namespaces.map(({ id }) => id),
      ['acme/web', 'acme/x'],
    );
    await own.submit('namespace.delete', { namespace: 'acme/x' });
    for (const parent of ['beta', 'default'])
      await assert.rejects(confined.report('namespaces', { parent }), refusedAs('SCOPE_FORBIDDEN'), parent);
  });

  it('writes nothing elsewhere, by whatever way', async () => {
    const before = (await own.report('health', {})).records;
    const out = (await own.report('task', { task: 'OUT' })).thread;
    const record = { act: 'KNOW', actor, thread: 'th_y', clock: 0, data_type: 'SCALAR' };
    const attempts: (() => Promise<unknown>)[] = [
      () => confined.submit('records.append', { records: [{ ...record, body: {} }] }),
      () => confined.submit('records.append', { records: [{ ...record, body: { namespace: 'beta' } }] }),
      () =>
        confined.submit('records.append', {
          records: [{ ...record, thread: out, body: { namespace: 'acme' } }],
        }),
      () => confined.submit('task.add', { ...TASK, namespace: 'beta' }),
      () => confined.submit('task.add', { ...TASK, namespace: 'default' }),
      () => confined.submit('task.add', { ...TASK, depends_on: ['OUT'] }),
      () => confined.submit('task.start', { task: out, reason: null }),
      () => confined.submit('task.block', { task: 'IN', on: 'OUT', reason: null }),
      () =>
        confined.submit('kill', {
          namespace: 'beta',
          emergency: false,
          level: null,
          grace_secs: null,
          reason: null,
        }),
      () =>
        confined.submit('kill', {
          namespace: null,
          emergency: true,
          level: null,
          grace_secs: null,
          reason: null,
        }),
      () => confined.submit('namespace.create', { id: 'acme', description: 'mine', policy: {} }),
      () => confined.submit('namespace.archive', { namespace: 'beta' }),
      () => confined.submit('fleet.stop', { scope: 'all', instance: null, grace_secs: 0 }),
    ];
    for (const [i, attempt] of attempts.entries())
      await assert.rejects(
        attempt(),
        (thrown: unknown) => FleetError.is(thrown, 'SCOPE_FORBIDDEN') || FleetError.is(thrown, 'NOT_FOUND'),
        `attempt ${i}`,
      );
    assert.equal((await own.report('health', {})).records, before);
  });

  it('adds a task to its own namespace by default, as its own actor', async () => {
    const { thread } = await confined.submit('task.add', TASK);
    const { namespace, actor: by } = await own.report('task', { task: thread });
    assert.deepEqual([namespace, by], ['acme', actor]);
  });

  it('is created for an existing namespace, and ends when it is revoked', async () => {
    const asked = { scopes: ['read' as const], namespace: 'nowhere', expires_secs: null, label: null };
    await assert.rejects(own.submit('token.create', asked), refusedAs('NAMESPACE_REJECTED'));
    const { tokens } = await own.report('tokens', {});
    await own.submit('token.revoke', { token: tokens[0]!.id });
    await assert.rejects(confined.report('tasks', { all: true }), refusedAs('AUTH_REQUIRED'));
  });
});
