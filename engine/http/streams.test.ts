import { afterEach, describe, it } from 'mocha';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import { FleetError } from '../errors.ts';
import type { Did, ThreadId } from '../record/ids.ts';
import { seal } from '../record/record.ts';
import { readSse, type SseMessage } from '../client/sse.ts';
import { Served } from './testing/served.ts';

describe('the streams of the API', () => {
  let served: Served;
  afterEach(() => served.stop());

  async function open(target: string, headers: http.OutgoingHttpHeaders = {}): Promise<http.IncomingMessage> {
    const request = http.get({ socketPath: served.socketPath, path: target, headers, agent: false });
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    return answer;
  }
  async function append(clock: number, thread = 'th_a'): Promise<string> {
    const { record } = seal({
      act: 'DO',
      actor: 'did:sync:user:ada' as Did,
      body: { text: 'line\nbreak ☃' },
      clock,
      data_type: 'SCALAR',
      parents: [],
      thread: thread as ThreadId,
    });
    await served.engine.submit('records.append', { records: [record] }, { actor: record.actor });
    return record.id;
  }

  it('sends records as they are written, with their position as the id', async () => {
    served = await Served.start();
    const answer = await open('/v1/events/stream');
    assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
    const id = await append(1);
    served.engine.publish({ kind: 'task', thread: 'th_a', children: [0], complete: true });
    const text = await textUpTo(answer, '"complete":true}\n\n');
    const [preamble, record, task] = text.split('\n\n');
    assert.equal(preamble, 'retry: 1000');
    assert.match(record ?? '', /^id: 1\nevent: record\ndata: \{"kind":"record","position":1,/);
    assert.ok(record?.includes(id));
    assert.match(task ?? '', /^event: task\ndata: \{"kind":"task"/);
  });

  it('resumes after the last event seen, in preference to the query', async () => {
    served = await Served.start();
    for (const clock of [1, 2, 3]) await append(clock);
    const resumed = await open('/v1/events/stream?after=0', { 'last-event-id': '2' });
    const [event] = await messages(resumed, 1);
    assert.match(event?.data ?? '', /"position":3/);
    const begun = await messages(await open('/v1/events/stream?after=1'), 2);
    assert.deepEqual(
      begun.map(({ data }) => (JSON.parse(data) as { position: number }).position),
      [2, 3],
    );
  });

  it('sends only the requested thread and kinds', async () => {
    served = await Served.start();
    const answer = await open('/v1/events/stream?thread=th_b&kinds=record,gap');
    await append(1, 'th_a');
    served.engine.publish({ kind: 'instance', did: 'did:sync:instance:00112233aabbccdd' });
    await append(1, 'th_b');
    const [event] = await messages(answer, 1);
    assert.match(event?.data ?? '', /"thread":"th_b"/);
  });

  it('keeps a quiet stream alive with comments', async () => {
    served = await Served.start({ limits: { heartbeatMs: 5 } });
    const answer = await open('/v1/events/stream');
    assert.equal(await textUpTo(answer, ':\n\n:\n\n'), 'retry: 1000\n\n:\n\n:\n\n');
  });

  it('ends when the engine does, and sends an error as an event', async () => {
    served = await Served.start();
    const ended = await open('/v1/events/stream');
    served.engine.endWatches();
    assert.deepEqual(await messages(ended, Infinity), []);
    const failed = await open('/v1/events/stream?thread=th_x');
    served.engine.endWatches(new FleetError('NOT_FOUND', "no thread 'th_x'"));
    const [event] = await messages(failed, Infinity);
    assert.equal(event?.event, 'error');
    assert.match(event?.data ?? '', /"code":"NOT_FOUND","message":"no thread 'th_x'"/);
  });

  it('stops watching when the client goes', async () => {
    served = await Served.start();
    const answer = await open('/v1/events/stream');
    assert.equal(served.engine.watchers, 1);
    answer.destroy();
    while (served.engine.watchers > 0) await new Promise(resolve => setImmediate(resolve));
  });

  it('limits the open streams, and admits another when one ends', async () => {
    served = await Served.start({ limits: { openStreams: 2 } });
    const first = await open('/v1/events/stream');
    await open('/v1/events/stream');
    const refused = await served.raw('/v1/events/stream');
    assert.deepEqual([refused.status, refused.json['code']], [429, 'OVERLOADED']);
    assert.equal(refused.json['message'], '2 streams are already open');
    first.destroy();
    while (served.engine.watchers > 1) await new Promise(resolve => setImmediate(resolve));
    assert.equal((await open('/v1/events/stream')).statusCode, 200);
  });

  it('makes a slow reader meet a gap, not the server grow (I42)', async () => {
    served = await Served.start();
    served.engine.queueEvents = 10;
    const answer = await open('/v1/events/stream');
    const children = Array.from({ length: 20_000 }, (_, i) => i);
    const heapBefore = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    // About 100 kB per event and 200 MB in total: far more than sockets and queues together may hold.
    for (let i = 0; i < 2000; i++) {
      served.engine.publish({ kind: 'task', thread: `th_${i}`, children, complete: false });
      await new Promise(resolve => setImmediate(resolve));
    }
    const grownBytes = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - heapBefore;
    assert.ok(grownBytes < 64 * 1024 * 1024, `grew by ${grownBytes} bytes`);
    served.engine.endWatches();
    const seen = await messages(answer, Infinity);
    assert.ok(seen.length < 100, `${seen.length} events came through`);
    assert.ok(seen.some(({ event }) => event === 'gap'));
  });

  describe('of output', () => {
    it('sends the metadata before the bytes', async () => {
      served = await Served.start();
      const answer = await open('/v1/tasks/F%C3%BC%E2%98%83/subtasks/3/output?attempt=2&follow=1');
      assert.deepEqual(JSON.parse(String(answer.headers['spl-output'])), {
        task: 'Fü☃',
        subtask: 3,
        attempt: 2,
        worker: 'worker-a',
        running: true,
      });
      assert.equal(answer.headers['content-type'], 'application/octet-stream');
      assert.equal(await textUpTo(answer, '\n'), 'hello\n');
      assert.deepEqual(served.engine.calls.at(-1)?.input, {
        task: 'Fü☃',
        subtask: '3',
        attempt: 2,
        follow: true,
      });
    });

    it('sends any number of bytes unchanged', async () => {
      served = await Served.start();
      served.engine.chunks = async function* () {
        for (let i = 0; i < 100; i++) yield Buffer.alloc(100_000, i);
      };
      const answer = await open('/v1/tasks/A/subtasks/0/output');
      let bytes = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) bytes += chunk.length;
      assert.equal(bytes, 10_000_000);
      assert.ok(answer.complete);
    });

    it('breaks off when its source does, so that a part is not mistaken for the whole', async () => {
      served = await Served.start();
      served.engine.chunks = async function* () {
        yield Buffer.from('part');
        throw new Error('the disk went away');
      };
      const answer = await open('/v1/tasks/A/subtasks/0/output');
      await assert.rejects(textUpTo(answer, 'never'), { code: 'ECONNRESET' });
      assert.match(String(served.logged[0]), /the disk went away/);
    });

    it('answers an error as any other route does', async () => {
      served = await Served.start();
      const answer = await served.raw('/v1/tasks/nope/subtasks/0/output');
      assert.deepEqual([answer.status, answer.json['code']], [404, 'NOT_FOUND']);
    });
  });
});

/** Reads until the text ends with `end`. Fails if the stream ends first. */
async function textUpTo(answer: http.IncomingMessage, end: string): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.endsWith(end)) return text;
  }
  return assert.fail(`ended with ${JSON.stringify(text)}`);
}

async function messages(answer: http.IncomingMessage, count: number): Promise<SseMessage[]> {
  const found: SseMessage[] = [];
  for await (const message of readSse(answer as AsyncIterable<Uint8Array>)) {
    found.push(message);
    if (found.length >= count) break;
  }
  return found;
}
