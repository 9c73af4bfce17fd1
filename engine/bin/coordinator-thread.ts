import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import * as v from 'valibot';
import { closeSchema, threadDataSchema, type ThreadMessage } from '../client/thread-protocol.ts';
import type { ErrorDocument } from '../contract/documents.ts';
import { FleetError, messageOf } from '../errors.ts';
import { useCodeCache } from './code-cache.ts';

/** Runs a coordinator in a thread of its own, so that its work does not block the process around it. */
async function main(port: MessagePort): Promise<void> {
  const { home, workerPriority } = v.parse(threadDataSchema, workerData);
  const post = (message: ThreadMessage): void => port.postMessage(message);
  const logger = {
    info: (message: string) => post({ kind: 'log', level: 'info', message }),
    error: (message: string) => post({ kind: 'log', level: 'error', message }),
  };
  const asked = closeAsked(port);
  useCodeCache(dirname(fileURLToPath(import.meta.url)));
  const { openCoordinator } = await import('../open.ts');
  const running = await openCoordinator({
    home,
    flags: {},
    env: process.env,
    logger,
    onStop: error => post({ kind: 'stopped', error: error === undefined ? null : documentOf(error) }),
    workerPriority,
  }).catch((thrown: unknown) => post({ kind: 'refused', error: documentOf(thrown) }));
  if (running === undefined) return;
  post({ kind: 'open', notes: [...running.notes] });
  await asked;
  await running.close().catch((thrown: unknown) => logger.error(`while letting go: ${messageOf(thrown)}`));
}

function closeAsked(port: MessagePort): Promise<void> {
  return new Promise(resolve => {
    port.on('message', (message: unknown) => {
      if (v.is(closeSchema, message)) resolve();
    });
  });
}

function documentOf(thrown: unknown): ErrorDocument {
  const error = FleetError.is(thrown)
    ? thrown
    : new FleetError('INTERNAL', messageOf(thrown), { cause: thrown });
  const { code, message, details, hint } = error;
  return { object: 'error', type: 'internal', code, message, details: { ...details }, hint: hint ?? null };
}

if (parentPort === null) throw new Error('this is the thread of a coordinator; a host starts it');
void main(parentPort).finally(() => process.exit());
