import { once } from 'node:events';
import { join } from 'node:path';
import { FlowProducer, Worker } from 'bullmq';
import { answerFanOuts, dir, isWorker, ready } from './peer.mjs';

/** BullMQ: a flow whose parent waits for its children. Redis syncs each write before it answers. */
const socket = join(dir, 'redis.sock');
const connection = { path: socket, maxRetriesPerRequest: null };
const gone = { removeOnComplete: { count: 0 } };
const CONCURRENCY = 50;

const server = ['redis-server', '--port', '0', '--unixsocket', socket, '--dir', dir, '--save', ''].concat([
  '--appendonly',
  'yes',
  '--appendfsync',
  'always',
]);

async function open() {
  const flows = new FlowProducer({ connection });
  const parents = new Worker('parents', async () => {}, { connection, ...gone });
  await parents.waitUntilReady();
  return async count => {
    const children = Array.from({ length: count }, (_, i) => ({
      name: 'child',
      queueName: 'children',
      data: { goal: `subtask ${i}` },
    }));
    const joined = once(parents, 'completed');
    await flows.add({ name: 'parent', queueName: 'parents', children });
    await joined;
  };
}

if (isWorker) {
  const worker = new Worker('children', async () => {}, { connection, concurrency: CONCURRENCY, ...gone });
  await worker.waitUntilReady();
  ready();
} else {
  await answerFanOuts(server, open);
}
