import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { SqlJsStatic } from 'sql.js';
import * as v from 'valibot';
import { FleetError } from '../../errors.ts';
import { Projection } from './projection.ts';
import {
  numberedSchema,
  packError,
  requestSchema,
  workerDataSchema,
  type Answers,
  type Reply,
  type RequestKind,
} from './protocol.ts';

/** Runs the index in a thread of its own: the tables are in memory, and SQLite blocks its caller. */
function main(port: MessagePort): void {
  const options = v.parse(workerDataSchema, workerData);
  let projection: Promise<Projection> | undefined;
  const open = async (): Promise<Projection> => new Projection(await loadSql(), options);
  const post = (reply: Reply): void => port.postMessage(reply);

  async function answer(message: unknown): Promise<Answers[RequestKind]> {
    const result = v.safeParse(requestSchema, message);
    if (!result.success) throw new FleetError('INTERNAL', `invalid request: ${result.issues[0].message}`);
    const request = result.output;
    projection ??= open();
    const opened = await projection;
    if (request.kind === 'close') {
      await opened.save();
      opened.close();
      return null;
    }
    const database = await opened.upTo(request.end);
    switch (request.kind) {
      case 'catch-up':
        return null;
      case 'positions':
        return database.positions(request.filter);
      case 'threads':
        return database.threads(request.filter);
      case 'query':
        post({ kind: 'running', id: request.id });
        return database.query(request.sql, request.limit);
    }
  }

  port.on('message', (message: unknown) => {
    const { id } = v.parse(numberedSchema, message);
    answer(message).then(
      answer => post({ kind: 'answer', id, answer }),
      (error: unknown) => post({ kind: 'error', id, error: packError(error) }),
    );
  });
}

/** Loads SQLite from beside this file when it is a bundle, else from its package. */
async function loadSql(): Promise<SqlJsStatic> {
  const { default: initSqlJs } = await import('sql.js');
  const beside = path.join(path.dirname(fileURLToPath(import.meta.url)), 'sql-wasm.wasm');
  const file = existsSync(beside)
    ? beside
    : createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');
  const bytes = await readFile(file);
  return initSqlJs({ wasmBinary: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
}

if (parentPort !== null) main(parentPort);
