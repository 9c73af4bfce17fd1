import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { ACTOR, type Refused, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/** Refusals of bad input: the refused input, the error, and that nothing of it is ever written. */

const onFleet = sharedFleet({ echoMs: 0 });

describe('bad input', function () {
  this.timeout(180_000);

  it(
    'in a subtask or a join: refused before anything is written, naming the subtask, the key and the position',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'a goal', '--alias', 'OPEN');
      await writeFile(fleet.at('empty.ndjson'), '\n\n');
      await writeFile(fleet.at('third.ndjson'), '{"goal":"a"}\n{"goal":"b"}\n{"goal":"c","depend":0}\n');
      const before = await recordCount(fleet);
      await refuses(
        fleet,
        FAN_OUTS.map(([words, ...fragments]) => [
          ['task', 'fan-out', 'OPEN', ...words],
          4,
          'INVALID_RECORD',
          ...fragments,
        ]),
      );
      const { socket } = await doorsOf(fleet);
      const echoed = await send({
        ...socket,
        path: '/v1/tasks/OPEN/fan-out',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          subtasks: [{ goal: 'a' }, { goal: 'b', executor: 'echo', run: 'touch made' }],
        }),
      });
      const { details: about } = echoed.document as unknown as Refused;
      assert.deepEqual([echoed.status, echoed.document['code']], [400, 'INVALID_RECORD']);
      assert.deepEqual([about['subtask'], about['key'], about['position']], [1, 'executor', null]);
      const { details } = await fleet.refused(4, ...fanOut('goal=a', 'goal=b,depends=0+7'));
      assert.deepEqual([details['subtask'], details['key'], details['position']], [1, 'depends_on', 1]);
      assert.equal((await fleet.refused(3, ...fanOut(), '--subtasks', 'nowhere.ndjson')).code, 'NOT_FOUND');
      assert.equal(await recordCount(fleet), before);
      assert.equal((await fleet.join('OPEN')).subtasks, 0);
    }),
  );

  it(
    'about tasks, subtasks and instances that do not exist, are taken, or are in the wrong state',
    onFleet(async fleet => {
      await madeTasks(fleet);
      const before = await recordCount(fleet);
      await refuses(fleet, COMMANDS);
      const { details } = await fleet.refused(4, 'task', 'add', 'again', '--alias', 'TAKEN');
      assert.equal(details['thread'], (await fleet.join('TAKEN')).thread, 'the holder is named');
      assert.equal(await recordCount(fleet), before);
      await writeFile(fleet.at('go'), '');
      await fleet.joined('TAKEN');
    }),
  );

  it(
    'on the command line: unknown commands, flags and values end with 2',
    onFleet(async fleet => {
      const before = await recordCount(fleet);
      await refuses(
        fleet,
        USAGE.map(([words, ...fragments]) => [words, 2, 'USAGE', ...fragments]),
      );
      assert.equal(await recordCount(fleet), before);
    }),
  );

  it(
    'over HTTP: unauthorized, invalid and too large requests',
    onFleet(async fleet => {
      const before = await recordCount(fleet);
      const http = await doorsOf(fleet);
      for (const [what, call, status, code] of requestsTo(http)) {
        const answer = await send(call);
        assert.deepEqual([answer.status, answer.document['code']], [status, code], what);
        assert.equal(answer.document['object'], 'error', what);
        assert.equal(answer.headers['spl-protocol'], '1', `${what}: every answer carries the protocol`);
      }
      const health = await send({ ...http.port, headers: {}, path: '/health' });
      assert.equal(health.status, 200, 'health is open');
      const editor = { ...http.token, origin: 'vscode-webview://abc' };
      assert.equal((await send({ ...http.port, headers: editor, path: '/v1/tasks' })).status, 200);
      assert.equal(await recordCount(fleet), before);
    }),
  );

  it(
    'as records: malformed, forged, out of order, or in the name of the fleet; a list is accepted as a whole or refused',
    onFleet(async fleet => {
      const { socket } = await doorsOf(fleet);
      const { did } = (await fleet.state()).instances[1]!;
      const post = (body: string, type = 'application/json') =>
        send({ ...socket, path: '/v1/records', method: 'POST', body, headers: { 'content-type': type } });
      const before = await recordCount(fleet);
      for (const [what, body, status, code, ...fragments] of recordsOf(did)) {
        const answer = await post(typeof body === 'string' ? body : JSON.stringify(body));
        assert.deepEqual([answer.status, answer.document['code']], [status, code], what);
        for (const fragment of fragments)
          assert.ok(
            String(answer.document['message']).includes(fragment),
            `${what}: ${String(answer.document['message'])}`,
          );
      }
      const bad = [note(10), note(11), { ...note(12), clock: -1 }];
      const list = await post(bad.map(record => JSON.stringify(record)).join('\n'), 'application/x-ndjson');
      assert.equal(list.status, 400);
      assert.match(String(list.document['message']), /record 2/);
      assert.equal(await recordCount(fleet), before, 'nothing of a refused list is kept');

      const first = await post(JSON.stringify(note(5)));
      assert.deepEqual([first.status, first.document['existed']], [200, false]);
      const again = await post(JSON.stringify(note(5)));
      assert.deepEqual([again.document['id'], again.document['existed']], [first.document['id'], true]);
      const other = await post(JSON.stringify({ ...note(5), body: { text: 'another' } }));
      assert.deepEqual([other.status, other.document['code']], [409, 'CONFLICT']);
      const late = await post(JSON.stringify(note(3)));
      assert.equal(late.status, 200, 'a clock that comes late is accepted');
      assert.equal(await recordCount(fleet), before + 2, 'what was accepted, and nothing else');
    }),
  );
});

const fanOut = (...descriptors: readonly string[]): string[] => [
  ...['task', 'fan-out', 'OPEN'],
  ...subtasks(...descriptors),
];
const subtasks = (...descriptors: readonly string[]): string[] =>
  descriptors.flatMap(descriptor => ['--subtask', descriptor]);
const joining = (join: string): string[] => [...subtasks('goal=a', 'goal=b'), '--join', join];

/** Fan-outs of the task OPEN: the words after its name, and parts of the error. */
const FAN_OUTS: readonly (readonly [words: readonly string[], ...fragments: string[]])[] = [
  [subtasks('goal=x,colour=red'), 'subtask 0', "key 'colour'", 'position 8'],
  [subtasks('goal=a', 'goal=b', '{"goal":"c","depend":0}'), 'subtask 2', 'depend'],
  [['--subtasks', 'third.ndjson'], 'subtask 2', 'line 3', 'depend'],
  [subtasks('goal=a', 'name=b'), 'subtask 1', 'goal'],
  [
    subtasks('goal=a', 'goal=b,name=build,executor=echo,run="touch made"'),
    'subtask 1 (build)',
    'executor echo',
    'run',
  ],
  [subtasks('goal='), 'subtask 0', 'goal', 'empty'],
  [subtasks('goal="  "'), 'subtask 0', 'goal', 'empty'],
  [subtasks('{"goal":7}'), 'subtask 0', 'goal'],
  [subtasks('{"goal":"x"'), 'subtask 0'],
  [subtasks('[1]'), 'subtask 0'],
  [subtasks('goal="x'), 'subtask 0', "key 'goal'"],
  [subtasks('goal=x,goal=y'), 'subtask 0', 'goal'],
  [subtasks('goal=x,'), 'subtask 0'],
  [subtasks('goal=a,depends=1', 'goal=b,depends=0'), 'cycle', '0 → 1 → 0'],
  [subtasks('goal=a,depends=0'), 'subtask 0', 'itself'],
  [subtasks('goal=a', 'goal=b,depends=2'), 'subtask 1', 'depends_on[0] = 2', 'out of range (0 to 1)'],
  [subtasks('goal=a', 'goal=b,depends=0+0'), 'subtask 1', 'depends_on[1]', 'repeats'],
  [subtasks('goal=a,depends=x'), 'subtask 0', 'depends'],
  [subtasks('goal=a,timeout=soon'), 'subtask 0', 'timeout'],
  [subtasks('goal=a,timeout=-1'), 'subtask 0', 'timeout'],
  [subtasks('goal=a,timeout=0'), 'subtask 0', 'timeout'],
  [subtasks('goal=a,budget=-0.5'), 'subtask 0', 'budget'],
  [subtasks('goal=a,budget=NaN'), 'subtask 0', 'budget'],
  [subtasks('goal=a,attempts=0'), 'subtask 0', 'attempts'],
  [subtasks('goal=a,attempts=1.5'), 'subtask 0', 'attempts'],
  [subtasks('goal=a,target=worker-z'), 'subtask 0', "target 'worker-z' matches no worker"],
  [subtasks('goal=a,target=specific:did:sync:instance:0000000000000000'), 'subtask 0', 'matches no worker'],
  [subtasks('goal=a,target=coordinator'), 'subtask 0', 'runs no subtasks'],
  [subtasks('goal=a,executor=shell'), 'subtask 0', 'run is missing'],
  [subtasks('goal=a,run='), 'subtask 0', 'run'],
  [subtasks('goal=a,executor=robot'), 'subtask 0', "executor 'robot' is unknown"],
  [subtasks('goal=a,name=n', 'goal=b,name=n'), 'subtask 1', "name 'n'"],
  [['--join', 'all'], 'at least one subtask'],
  [['--subtasks', 'empty.ndjson'], 'at least one subtask'],
  [joining('k_of_n:0'), 'join: ', '1 to 2'],
  [joining('k_of_n:3'), 'join: ', '1 to 2'],
  [joining('k_of_n:x'), 'join: '],
  [joining('k_of_n'), 'join: '],
  [joining('1 + 1'), 'join: ', 'int'],
  [joining('"yes"'), 'join: ', 'string'],
  [joining('children.filter(c, c.verdict == "accept")'), 'join: ', 'list'],
  [joining('nobody > 1'), 'join: ', 'nobody', 'position 0'],
  [joining('accepted >'), 'join: ', 'position'],
  [joining('accepted == "1"'), 'join: ', 'position'],
];

/** Makes a task with a running, an accepted, a failed and a blocked subtask, and tasks with similar names. */
async function madeTasks(fleet: Scenario): Promise<void> {
  for (const alias of ['FREE', 'TWIN-1', 'TWIN-2', 'GONE'])
    await fleet.json('task', 'add', `the goal of ${alias}`, '--alias', alias);
  await fleet.json('task', 'cancel', 'GONE');
  await fleet.fanOut(
    'TAKEN',
    [
      { goal: 'runs', run: 'while [ ! -e go ]; do sleep 0.1; done' },
      { goal: 'accepts' },
      { goal: 'fails', run: 'exit 1' },
      { goal: 'never runs', depends_on: [2] },
    ],
    { join: 'accepted == 2' },
  );
  await fleet.joinWhen('TAKEN', 'one runs, three are done', ({ completed, counts }) => {
    return completed === 3 && counts.running === 1;
  });
}

/** A command, its exit code, its error's code, and parts of the message. */
type Refusal = readonly [words: readonly string[], exit: number, code: string, ...fragments: string[]];

const COMMANDS: readonly Refusal[] = [
  [['task', 'add', '  '], 4, 'INVALID_RECORD', 'goal'],
  [['task', 'add', 'x', '--alias', 'TAKEN'], 4, 'CONFLICT', "alias 'TAKEN'", 'the goal of TAKEN'],
  [['task', 'add', 'x', '--alias', 'th_x'], 4, 'INVALID_RECORD', 'alias'],
  [['task', 'add', 'x', '--alias', 'two words'], 4, 'INVALID_RECORD', 'alias'],
  [['task', 'add', 'x', '--namespace', 'acme'], 4, 'NAMESPACE_REJECTED', "'acme' is not registered"],
  [['namespace', 'create', 'acme/web'], 4, 'NAMESPACE_REJECTED', "parent namespace 'acme' does not exist"],
  [['namespace', 'create', 'Acme'], 4, 'INVALID_RECORD', "'Acme'"],
  [['kill', '--namespace', 'acme'], 3, 'NOT_FOUND', "'acme' is not registered"],
  [['kill'], 2, 'USAGE', 'either a namespace or the emergency'],
  [['unkill', '--namespace', 'acme'], 4, 'CONFLICT', "'acme' has no freeze"],
  [['namespace', 'show', 'acme'], 3, 'NOT_FOUND', "'acme'"],
  [['task', 'fan-out', 'TAKEN', ...subtasks('goal=x')], 4, 'CONFLICT', 'already has a fan-out'],
  [['task', 'fan-out', 'GONE', ...subtasks('goal=x')], 4, 'CONFLICT', "is cancelled and can't be fanned out"],
  [['task', 'fan-out', 'NOBODY', ...subtasks('goal=x')], 3, 'NOT_FOUND', "'NOBODY'"],
  [
    ['task', 'fan-out', 'FREE', '--namespace', 'acme', ...subtasks('goal=x')],
    4,
    'NAMESPACE_REJECTED',
    "'acme'",
  ],
  [['task', 'show', 'NOBODY'], 3, 'NOT_FOUND', "no task is named 'NOBODY'"],
  [['task', 'show', 'TWIN'], 4, 'CONFLICT', "'TWIN' may mean TWIN-1, TWIN-2"],
  [['task', 'show', 'th_'], 4, 'CONFLICT', 'may mean'],
  [['task', 'join-status', 'NOBODY'], 3, 'NOT_FOUND', "'NOBODY'"],
  [['task', 'join-status', 'FREE', '--watch'], 3, 'NOT_FOUND', 'no fan-out to watch'],
  [['task', 'retry', 'TAKEN', '--subtask', '0'], 4, 'CONFLICT', 'subtask 0', 'is running'],
  [['task', 'retry', 'TAKEN', '--subtask', '1'], 4, 'CONFLICT', 'subtask 1', 'has accepted'],
  [['task', 'retry', 'TAKEN', '--subtask', '3'], 4, 'CONFLICT', 'depends on subtask 2'],
  [['task', 'retry', 'TAKEN', '--subtask', '4'], 3, 'NOT_FOUND', 'no subtask 4'],
  [['task', 'retry', 'FREE', '--subtask', '0'], 3, 'NOT_FOUND', 'no subtask 0'],
  [['task', 'cancel', 'TAKEN', '--subtask', '2'], 4, 'CONFLICT', 'has already ended'],
  [['task', 'cancel', 'TAKEN', '--subtask', '9'], 3, 'NOT_FOUND', 'no subtask 9'],
  [['task', 'cancel', 'GONE'], 4, 'CONFLICT', 'has already ended'],
  [['task', 'run-serial', 'FREE'], 4, 'CONFLICT', 'no fan-out'],
  [['task', 'run-serial', 'TAKEN', '--worker', 'worker-z'], 3, 'NOT_FOUND', "'worker-z'"],
  [['task', 'speedup', 'FREE'], 4, 'CONFLICT', 'no fan-out'],
  [['task', 'speedup', 'TAKEN', '--vs-serial', 'NOBODY'], 3, 'NOT_FOUND', "'NOBODY'"],
  [['task', 'output', 'TAKEN', '--subtask', '9'], 3, 'NOT_FOUND', '9'],
  [['task', 'output', 'TAKEN', '--subtask', '2', '--attempt', '7'], 3, 'NOT_FOUND', '7'],
  [['thread', 'records', 'th_nobody'], 3, 'NOT_FOUND', 'th_nobody'],
  [['thread', 'show', 'NOBODY'], 3, 'NOT_FOUND', 'NOBODY'],
  [['debug', 'replay', 'NOBODY'], 3, 'NOT_FOUND', 'NOBODY'],
  [['fleet', 'show', 'worker-z'], 3, 'NOT_FOUND', "'worker-z'"],
  [['fleet', 'ping', 'worker-z'], 3, 'NOT_FOUND', "'worker-z'"],
  [['fleet', 'stop', '--instance', 'worker-z'], 3, 'NOT_FOUND', "'worker-z'"],
  [['fleet', 'restart', 'coordinator'], 4, 'CONFLICT', "can't restart itself"],
  [['fleet', 'start', '--executor', 'robot'], 4, 'INVALID_RECORD', 'robot'],
  [['query', 'DELETE FROM records'], 4, 'INVALID_RECORD'],
  [['query', 'SELECT'], 4, 'INVALID_RECORD'],
];

const USAGE: readonly (readonly [words: readonly string[], ...fragments: string[]])[] = [
  [['fleeet'], 'fleeet'],
  [['fleet', 'lst'], 'lst'],
  [['task', 'joinstatus', 'A'], 'joinstatus'],
  [['fleet', 'list', '--wide'], '--wide'],
  [['fleet', 'list', 'extra'], 'too many arguments'],
  [['task', 'show'], 'missing required argument'],
  [['fleet', 'start', '--workers', '65'], '0 to 64'],
  [['fleet', 'start', '--workers', '-1'], '0 to 64'],
  [['fleet', 'start', '--workers', 'two'], '0 to 64'],
  [['fleet', 'start', '--workers'], 'argument missing'],
  [['fleet', 'stop', '--all', '--workers'], 'can’t be combined'],
  [['fleet', 'stop', '--grace', '-1'], '0 to 86400'],
  [['task', 'add', 'x', '--priority', 'urgent'], 'critical, high, medium, low'],
  [['task', 'fan-out', 'A', '--losers', 'kill'], 'keep, drain, cancel'],
  [['task', 'fan-out', 'A', '--timeout', '0'], '--timeout'],
  [['task', 'fan-out', 'A', '--budget', '-1'], '--budget'],
  [['task', 'retry', 'A'], 'give either --subtask or --failed'],
  [['task', 'output', 'A'], 'the subtask is missing'],
  [['serve', '--stop', '--status'], 'can’t be combined'],
  [['completion', 'tcsh'], "'tcsh'"],
  [['task', 'add', 'x', '--actor', 'nobody'], '--actor must be a DID'],
];

interface Call {
  readonly socketPath?: string;
  readonly port?: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly document: Record<string, unknown>;
}

interface Doors {
  readonly socket: { readonly socketPath: string };
  readonly port: { readonly port: number };
  /** The header that authorizes at the port. */
  readonly token: { readonly authorization: string };
}

async function doorsOf(fleet: Scenario): Promise<Doors> {
  const { coordinator_url: url } = await fleet.state();
  const token = (await readFile(homePaths(fleet.home).token, 'utf8')).trim();
  return {
    socket: { socketPath: homePaths(fleet.home).socket },
    port: { port: Number(new URL(url).port) },
    token: { authorization: `Bearer ${token}` },
  };
}

function requestsTo({
  socket,
  port,
  token,
}: Doors): readonly (readonly [what: string, call: Call, status: number, code: string])[] {
  const get = (path: string, headers: Readonly<Record<string, string>> = token): Call => {
    return { ...port, path, headers };
  };
  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}): Call => {
    return { ...socket, path, body, method: 'POST', headers };
  };
  const tasks = '/v1/tasks';
  return [
    ['no token', get(tasks, {}), 401, 'AUTH_REQUIRED'],
    ['a wrong token', get(tasks, { authorization: `Bearer ${'x'.repeat(43)}` }), 401, 'AUTH_REQUIRED'],
    [
      'another scheme',
      get(tasks, { authorization: token.authorization.replace('Bearer', 'Basic') }),
      401,
      'AUTH_REQUIRED',
    ],
    ['a foreign Host', get(tasks, { ...token, host: 'evil.example' }), 403, 'SCOPE_FORBIDDEN'],
    [
      'a Host that begins as ours',
      get(tasks, { ...token, host: 'localhost.evil.example' }),
      403,
      'SCOPE_FORBIDDEN',
    ],
    ['a foreign Host at health', get('/health', { host: 'evil.example' }), 403, 'SCOPE_FORBIDDEN'],
    ["a web page's Origin", get(tasks, { ...token, origin: 'https://evil.example' }), 403, 'SCOPE_FORBIDDEN'],
    [
      'an Origin of this machine',
      get(tasks, { ...token, origin: 'http://localhost:3000' }),
      403,
      'SCOPE_FORBIDDEN',
    ],
    ['an Origin of nothing', get(tasks, { ...token, origin: 'null' }), 403, 'SCOPE_FORBIDDEN'],
    [
      'an Origin on the socket',
      { ...socket, path: tasks, headers: { origin: 'https://evil.example' } },
      403,
      'SCOPE_FORBIDDEN',
    ],
    ['another protocol', get(tasks, { ...token, 'spl-protocol': '2' }), 400, 'PROTOCOL_MISMATCH'],
    ['a path of nothing', get('/v1/nothing'), 404, 'NOT_FOUND'],
    ['a method that is not offered', { ...get(tasks), method: 'DELETE' }, 405, 'USAGE'],
    ['an unknown query', get(`${tasks}?some=1`), 400, 'USAGE'],
    ['a limit of none', get('/v1/records?limit=many'), 400, 'USAGE'],
    ['a record that is not there', get(`/v1/records/${'0'.repeat(64)}`), 404, 'NOT_FOUND'],
    ['a kill of nothing', post('/v1/kill', '{}'), 400, 'USAGE'],
    ['an unkill of nothing', post('/v1/unkill', '{"emergency":true}'), 409, 'CONFLICT'],
    ['no JSON', post(tasks, 'goal=x'), 400, 'INVALID_RECORD'],
    ['half of a JSON', post(tasks, '{"goal":'), 400, 'INVALID_RECORD'],
    ['a list', post(tasks, '[]'), 400, 'INVALID_RECORD'],
    ['a text', post(tasks, '"goal"'), 400, 'INVALID_RECORD'],
    ['no goal', post(tasks, '{}'), 400, 'INVALID_RECORD'],
    ['an unknown key', post(tasks, '{"goal":"x","colour":"red"}'), 400, 'INVALID_RECORD'],
    ['a relative folder', post(tasks, '{"goal":"x","dir":"here"}'), 400, 'INVALID_RECORD'],
    ['nested too deep', post(tasks, '['.repeat(5_000) + ']'.repeat(5_000)), 400, 'INVALID_RECORD'],
    ['a goal too long', post(tasks, JSON.stringify({ goal: 'x'.repeat(65_537) })), 400, 'INVALID_RECORD'],
    [
      'a body too large',
      post(tasks, JSON.stringify({ goal: 'x'.repeat(5 * 1024 * 1024) })),
      413,
      'TOO_LARGE',
    ],
    ['an actor that is no DID', post(tasks, '{"goal":"x"}', { 'spl-actor': 'me' }), 400, 'USAGE'],
    [
      'an actor that is an instance',
      post(tasks, '{"goal":"x"}', { 'spl-actor': 'did:sync:instance:0123456789abcdef' }),
      403,
      'SCOPE_FORBIDDEN',
    ],
    ['a task that is not there', post('/v1/tasks/NOBODY/cancel', '{}'), 404, 'NOT_FOUND'],
  ];
}

function send({ body, method = 'GET', ...rest }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', method, ...rest }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const document = JSON.parse(text) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, document });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** Returns a valid record. */
function note(clock: number) {
  return {
    thread: 'th_notes',
    actor: ACTOR,
    act: 'KNOW',
    body: { text: `note ${clock}` } as object,
    clock,
    data_type: 'SCALAR',
  };
}

function recordsOf(
  instance: string,
): readonly (readonly [
  what: string,
  body: object | string,
  status: number,
  code: string,
  ...fragments: string[],
])[] {
  const { thread: _, ...threadless } = note(0);
  const text = JSON.stringify(note(0));
  const withBody = (inner: string): string => text.replace('"note 0"', inner);
  const ids = [`${'b'.repeat(64)}`, `${'a'.repeat(64)}`];
  return [
    ['no record', '7', 400, 'INVALID_RECORD'],
    ['no thread', threadless, 400, 'INVALID_RECORD', "'thread' is missing"],
    ['a field too many', { ...note(0), at: 1 }, 400, 'INVALID_RECORD', "unknown field 'at'"],
    ['a thread without th_', { ...note(0), thread: 'notes' }, 400, 'INVALID_RECORD', 'thread'],
    ['an actor without DID', { ...note(0), actor: 'tester' }, 400, 'INVALID_RECORD', 'actor'],
    ['an unknown act', { ...note(0), act: 'WISH' }, 400, 'INVALID_RECORD', 'act'],
    ['an unknown data type', { ...note(0), data_type: 'TEXT' }, 400, 'INVALID_RECORD', 'data_type'],
    ['a body of text', { ...note(0), body: 'x' }, 400, 'INVALID_RECORD', 'body'],
    ['a negative clock', { ...note(0), clock: -1 }, 400, 'INVALID_RECORD', 'clock'],
    ['half a clock', { ...note(0), clock: 0.5 }, 400, 'INVALID_RECORD', 'clock'],
    ['a clock of 2^53', { ...note(0), clock: 2 ** 53 }, 400, 'INVALID_RECORD', 'clock'],
    ['parents out of order', { ...note(0), parents: ids }, 400, 'INVALID_RECORD', 'parents'],
    ['parents that are no ids', { ...note(0), parents: ['x'] }, 400, 'INVALID_RECORD', 'parents'],
    ['a judge that is no DID', { ...note(0), judged_by: 'me' }, 400, 'INVALID_RECORD', 'judged_by'],
    ['a forged id', { ...note(0), id: '0'.repeat(64) }, 400, 'INVALID_RECORD', 'not the hash'],
    ['a number of 2^53 + 1', withBody('9007199254740993'), 400, 'INVALID_RECORD'],
    ['a number of -2^53', withBody('-9007199254740992'), 400, 'INVALID_RECORD'],
    ['a number beyond all', withBody('1e400'), 400, 'INVALID_RECORD'],
    ['a lone surrogate', withBody(String.raw`"\ud800"`), 400, 'INVALID_RECORD', 'surrogate'],
    [
      'a lone surrogate as a name',
      text.replace('"text"', String.raw`"\udc00"`),
      400,
      'INVALID_RECORD',
      'surrogate',
    ],
    [
      'a namespace that is a number',
      { ...note(0), body: { namespace: 7 } },
      400,
      'INVALID_RECORD',
      'namespace',
    ],
    [
      'a namespace that is not there',
      { ...note(0), body: { namespace: 'acme' } },
      403,
      'NAMESPACE_REJECTED',
      "'acme'",
    ],
    ["an instance's name", { ...note(0), actor: instance }, 403, 'SCOPE_FORBIDDEN', instance],
    ...[
      'heartbeat',
      'task',
      'task_cancel',
      'task_approve',
      'task_archive',
      'fanout',
      'fanout_child_done',
      'fanout_join_complete',
      'fanout_retry_subtask',
      'freeze',
      'unfreeze',
      'emergency_stop',
      'emergency_clear',
      'instance_status',
    ].map(
      topic =>
        [
          `the topic ${topic}`,
          { ...note(0), body: { topic } },
          403,
          'SCOPE_FORBIDDEN',
          `'${topic}'`,
        ] as const,
    ),
    ...[
      'th_instance_registry',
      'th_fleet_control',
      'th_namespace_registry',
      'th_actor_registry',
      'th_engine_config',
      'th_consent',
    ].map(
      thread => [`the thread ${thread}`, { ...note(0), thread }, 403, 'SCOPE_FORBIDDEN', thread] as const,
    ),
  ];
}

async function recordCount(fleet: Scenario): Promise<number> {
  return (await fleet.client.report('health', {})).records;
}

/** Runs all commands, and names each that is not refused as expected. The first one runs in a real process as well. */
async function refuses(fleet: Scenario, refusals: readonly Refusal[]): Promise<void> {
  const faults: string[] = [];
  for (const [words, exit, code, ...fragments] of refusals) {
    const ran = await fleet.spl(...words, '--json');
    if (words === refusals[0]![0]) assert.deepEqual(await fleet.splProcess(...words, '--json'), ran);
    const isDocument = ran.err.startsWith('{');
    const { error } = (isDocument ? JSON.parse(ran.err) : { error: {} }) as { error: Partial<Refused> };
    const missing = fragments.filter(fragment => !error.message?.includes(fragment));
    if (ran.code !== exit || error.code !== code || missing.length > 0 || ran.out !== '')
      faults.push(`spl ${words.join(' ')}: ${ran.code} ${ran.out}${ran.err}, without ${missing.join(' · ')}`);
  }
  assert.equal(faults.join('\n'), '');
}
