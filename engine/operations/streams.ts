import { flag, position, text, type Operation } from './operation.ts';

/** The routes that are neither commands nor reports: streams, and the OpenAPI document. */

export const events = {
  name: 'events',
  about: 'stream events (server-sent events); `thread`, `kinds`, `after`, `Last-Event-ID`',
  method: 'GET',
  path: '/v1/events/stream',
  query: { thread: text('thread'), kinds: text('kinds'), after: position('after') },
  scope: 'read',
} as const satisfies Operation;

export const output = {
  name: 'output',
  about: 'read the output of a subtask; `attempt`, `follow`',
  method: 'GET',
  path: '/v1/tasks/:task/subtasks/:subtask/output',
  query: { attempt: { name: 'attempt', kind: 'number', min: 1, max: 1_000_000 }, follow: flag('follow') },
  scope: 'read',
} as const satisfies Operation;

export const openapi = {
  name: 'openapi',
  about: 'get all of this as an OpenAPI 3.1 document',
  method: 'GET',
  path: '/v1/openapi.json',
  scope: 'read',
} as const satisfies Operation;

export const STREAMS = [events, output, openapi] as const;
