import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as http from 'node:http';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { RecordsDocument, WorktreesDocument } from '../../engine/contract/documents.ts';
import type { TokenDocument } from '../../engine/contract/tokens.ts';
import type { RouteName } from '../../engine/operations/index.ts';
import {
  allowedRequest,
  answerOf,
  bodyOf,
  ERROR,
  faultOf,
  forbiddenRequest,
  OFFERED,
  type Asked,
  type Offered,
} from '../../engine/http/testing/documented.ts';
import { rawRequest, type RawAnswer } from '../../engine/http/testing/served.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { runs } from '../runs.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';

/** A fleet follows its OpenAPI document: every route gets allowed and forbidden requests. */

/** The number of random requests of each kind. */
const RUNS = runs(200);

interface Example {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly actor?: string;
  readonly body?: unknown;
}
type Given = Example | ((answers: Answers) => Example);
type Answers = ReadonlyMap<RouteName, Readonly<Record<string, unknown>>>;

const task = (name: string): Example => ({ path: { task: name } });
const record = { act: 'KNOW', actor: 'did:sync:user:ada', thread: 'th_notes', data_type: 'SCALAR', body: {} };
const tokenOf = (answers: Answers): string => (answers.get('token.create') as unknown as TokenDocument).id;

/** A request for each route with status 200, in an order in which all succeed. */
const EXAMPLES: Readonly<Record<RouteName, Given>> = {
  health: {},
  openapi: {},
  'fleet.start': { body: { workers: 1, executor: 'echo' } },
  fleet: {},
  live: {},
  instance: { path: { instance: 'worker-a' } },
  ping: { path: { instance: 'worker-a' } },
  'namespace.create': { body: { id: 'acme', policy: { limits: { max_children: 9 } } } },
  'task.add': { body: { goal: 'g', alias: 'A-5', labels: ['l'], namespace: 'acme', dir: '/tmp' } },
  'fan-out.open': {
    body: { goal: 'g', alias: 'A-6', fan_out: { subtasks: [{ goal: 'g', executor: 'echo' }] } },
  },
  'task.fan-out': { ...task('A-5'), body: { subtasks: [{ goal: 'g' }, { goal: 'h', depends_on: [0] }] } },
  tasks: { query: 'all=1&limit=9' },
  task: task('A-1'),
  join: { ...task('A-1'), query: 'summary=1' },
  children: { ...task('A-1'), query: 'index=0' },
  speedup: task('A-1'),
  output: { path: { task: 'A-1', subtask: '0' } },
  'task.retry': { ...task('A-1'), body: { subtask: 0, hint: 'again' } },
  'task.rerun': task('A-1'),
  runs: { query: 'limit=3' },
  'task.run-serial': { ...task('A-1'), body: { worker: 'worker-a' } },
  'task.cancel': { ...task('A-1'), body: { reason: 'enough' } },
  'task.start': task('A-2'),
  'task.block': { ...task('A-2'), body: { on: 'A-3' } },
  'task.defer': { ...task('A-2'), body: { until_unix: 4_000_000_000 } },
  'task.done': { ...task('A-3'), body: { summary: 'it is' } },
  'task.approve': { ...task('A-3'), actor: 'did:sync:user:judge' },
  archive: { body: { tasks: ['A-3'] } },
  'task.reject': { ...task('A-4'), actor: 'did:sync:user:judge', body: { reason: 'no' } },
  'task.reopen': task('A-4'),
  'task.fail': task('A-4'),
  'records.append': { body: { ...record, clock: 0 } },
  'records.restore': {
    body: { records: [{ record: { ...record, clock: 1 }, signature: null }], signatures: [] },
  },
  records: { query: 'thread=th_notes&limit=1' },
  record: answers => ({
    path: { id: (answers.get('records') as unknown as RecordsDocument).records[0]!.id },
  }),
  audit: { query: 'actor=did:sync:user:ada' },
  threads: { query: 'limit=1&after=0' },
  'thread.records': { path: { thread: 'th_notes' } },
  'thread.state': { path: { thread: 'A-1' } },
  replay: { path: { thread: 'A-1' } },
  events: { query: 'after=0&kinds=record' },
  query: { body: { sql: 'SELECT count(*) FROM records' } },
  worktrees: {},
  'worktree.remove': answers => ({
    body: {
      worktree: (answers.get('worktrees') as unknown as WorktreesDocument).worktrees[0]!.name,
      force: true,
    },
  }),
  namespaces: { query: 'all=1' },
  namespace: { path: { namespace: 'acme' } },
  'namespace.effective': { path: { namespace: 'acme' } },
  kill: { body: { namespace: 'acme', level: 'hard', grace_secs: 0 } },
  unkill: { body: { namespace: 'acme' } },
  'namespace.archive': { path: { namespace: 'acme' } },
  'namespace.delete': { path: { namespace: 'acme' } },
  'rule.add': { body: { name: 'no-writing', rule: "record.thread == 'th_shut'" } },
  rules: {},
  'rule.test': { body: { actor: 'did:sync:user:ada', act: 'KNOW', thread: 'th_shut' } },
  'rule.remove': { path: { rule: 'no-writing' } },
  'token.create': { body: { scopes: ['read'], expires_secs: 60 } },
  tokens: {},
  'token.revoke': answers => ({ path: { token: tokenOf(answers) } }),
  'fleet.restart': { body: { instance: 'worker-a' } },
  'fleet.stop': { body: { scope: 'workers', grace_secs: 1 } },
};

describe('the served API', function () {
  this.timeout(120_000);

  it(
    'answers as the document says on every route, without internal errors for allowed and forbidden requests',
    scenario({ heartbeatSecs: 5 }, async fleet => {
      const door = new Door(fleet);
      await fleet.startFleet(0);
      await everyRoute(door);
      await atRandom(door);
      await forbidden(door);
    }),
  );
});

/** Sends requests to the fleet's socket, and checks each answer against the document. */
class Door {
  readonly fleet: Scenario;
  readonly #socketPath: string;

  constructor(fleet: Scenario) {
    this.fleet = fleet;
    this.#socketPath = homePaths(fleet.home).socket;
  }

  /** Sends a request, and refuses an answer that the document does not describe. */
  async ask(offered: Offered, asked: Asked): Promise<RawAnswer> {
    const { method } = offered;
    const { target: path, headers, body } = asked;
    const sent = method === 'GET' ? {} : { body: JSON.stringify(body === undefined ? {} : body) };
    const answer = await rawRequest({ socketPath: this.#socketPath, path }, { method, headers, ...sent });
    const schema = answer.status === 200 ? answerOf(offered) : ERROR;
    const fault = schema === undefined ? '' : faultOf(schema, answer.json);
    assert.equal(fault, '', said(offered, asked, answer));
    // A request for something that is not offered, such as a stream's HEAD, may be refused.
    assert.ok(answer.status < 500 || answer.status === 501, said(offered, asked, answer));
    return answer;
  }

  /** Waits for the first data of an endless answer. @returns the status */
  async begin({ target: path }: Asked): Promise<number> {
    const request = http.get({ socketPath: this.#socketPath, path, agent: false });
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(answer, 'data');
    answer.destroy();
    return answer.statusCode ?? 0;
  }
}

const said = ({ method }: Offered, asked: Asked, { status, text }: RawAnswer): string =>
  `${method} ${JSON.stringify(asked)}: ${status} ${text.slice(0, 500)}`;

/** The preparations of the examples. */
const PREPARED: Partial<Record<RouteName, (fleet: Scenario) => Promise<unknown>>> = {
  'task.add': async fleet => {
    const git = (...words: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], {
        cwd: fleet.cwd,
      });
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '-m', 'begin');
    for (const alias of ['A-2', 'A-3', 'A-4']) await fleet.json('task', 'add', 'a goal', '--alias', alias);
    const run = 'echo said; echo work > file; exit 1';
    await fleet.fanOut('A-1', [{ goal: 'g', run, isolation: 'worktree' }]);
    await fleet.joined('A-1');
  },
  'task.reject': fleet => fleet.json('task', 'done', 'A-4'),
};

async function everyRoute(door: Door): Promise<void> {
  const answers = new Map<RouteName, Readonly<Record<string, unknown>>>();
  for (const [name, given] of Object.entries(EXAMPLES) as [RouteName, Given][]) {
    await PREPARED[name]?.(door.fleet);
    const offered = OFFERED.find(({ operationId }) => operationId === name)!;
    const asked = askedBy(offered, typeof given === 'function' ? given(answers) : given);
    const schema = bodyOf(offered);
    if (schema !== undefined) assert.equal(faultOf(schema, asked.body ?? {}), '', `the example of ${name}`);
    if (name === 'events') {
      assert.equal(await door.begin(asked), 200);
      continue;
    }
    const answer = await door.ask(offered, asked);
    assert.equal(answer.status, 200, said(offered, asked, answer));
    answers.set(name, answer.json);
  }
}

function askedBy(offered: Offered, { path = {}, query, actor, body }: Example): Asked {
  const filled = offered.path.replace(/\{(\w+)\}/g, (_, member: string) => encodeURIComponent(path[member]!));
  return {
    target: query === undefined ? filled : `${filled}?${query}`,
    headers: actor === undefined ? {} : { 'spl-actor': actor },
    body,
  };
}

/** The routes that start or end processes, or never end. They only get the examples. */
const NOT_AT_RANDOM: ReadonlySet<RouteName> = new Set([
  'fleet.start',
  'fleet.stop',
  'fleet.restart',
  'events',
]);

async function atRandom(door: Door): Promise<void> {
  const statuses = new Map<number, number>();
  const routes = OFFERED.filter(({ operationId }) => !NOT_AT_RANDOM.has(operationId));
  const requests = routes.map(offered => allowedRequest(offered).map(asked => ({ offered, asked })));
  await fc.assert(
    fc.asyncProperty(fc.oneof(...requests), async ({ offered, asked }) => {
      const { status } = await door.ask(offered, asked);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }),
    { numRuns: RUNS },
  );
  assert.ok((statuses.get(200) ?? 0) > RUNS / 5, JSON.stringify([...statuses]));
}

async function forbidden(door: Door): Promise<void> {
  const written = async (): Promise<number> => (await door.fleet.client.report('health', {})).records;
  const before = await written();
  const requests = OFFERED.map(offered => forbiddenRequest(offered).map(asked => ({ offered, asked })));
  await fc.assert(
    fc.asyncProperty(fc.oneof(...requests), async ({ offered, asked }) => {
      const answer = await door.ask(offered, asked);
      assert.ok(answer.status >= 400 && answer.status < 500, said(offered, asked, answer));
    }),
    { numRuns: RUNS },
  );
  assert.equal(await written(), before);
}
