import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { AckPolicy, connect, RetentionPolicy, StorageType } from 'nats';
import { answerFanOuts, dir, isWorker, ready } from './peer.mjs';

/** NATS JetStream: a work queue of children, and a stream of their results, both in files that are not synced. */
const port = Number(process.env.PEER_PORT ?? (await freePort()));
process.env.PEER_PORT = String(port);
const server = [
  'nats-server',
  '-a',
  '127.0.0.1',
  '-p',
  String(port),
  '-js',
  '-sd',
  dir,
  '-l',
  join(dir, 'nats.log'),
];

const connected = () =>
  connect({ port, waitOnFirstConnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 50 });

async function open() {
  const nats = await connected();
  const manager = await nats.jetstreamManager();
  const storage = StorageType.File;
  await manager.streams.add({
    name: 'WORK',
    subjects: ['work.*'],
    retention: RetentionPolicy.Workqueue,
    storage,
  });
  await manager.streams.add({ name: 'DONE', subjects: ['done.*', 'joined.*'], storage });
  await manager.consumers.add('WORK', { durable_name: 'workers', ack_policy: AckPolicy.Explicit });
  await manager.consumers.add('DONE', {
    durable_name: 'join',
    ack_policy: AckPolicy.None,
    filter_subject: 'done.*',
  });
  const stream = nats.jetstream();
  let left = 0;
  let onJoin = () => {};
  const onResult = () => {
    if (--left === 0) onJoin();
  };
  await (await stream.consumers.get('DONE', 'join')).consume({ max_messages: 1000, callback: onResult });
  let fanOuts = 0;
  return async count => {
    const id = ++fanOuts;
    left = count;
    const joined = new Promise(resolve => (onJoin = resolve));
    await Promise.all(Array.from({ length: count }, (_, i) => stream.publish(`work.${id}`, `subtask ${i}`)));
    await joined;
    await stream.publish(`joined.${id}`);
  };
}

async function work() {
  const stream = (await connected()).jetstream();
  const subtasks = await (await stream.consumers.get('WORK', 'workers')).consume({ max_messages: 500 });
  ready();
  for await (const subtask of subtasks)
    void stream.publish(subtask.subject.replace('work', 'done'), 'accept').then(() => subtask.ack());
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

await (isWorker ? work() : answerFanOuts(server, open));
