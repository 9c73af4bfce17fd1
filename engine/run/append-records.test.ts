import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError, type ErrorCode } from '../errors.ts';
import { TOPIC } from '../fleet/bodies.ts';
import { openMemoryLog, type MemoryLog } from '../log/memory/memory-log.ts';
import { RESERVED } from '../record/ids.ts';
import type { SealedRecord } from '../record/record.ts';
import { appendRecords } from './append-records.ts';

const ALICE = 'did:sync:user:alice';
const INSTANCE = `did:sync:instance:${'0'.repeat(16)}`;

const note = (clock: number, content: object = {}): object => ({
  act: 'KNOW',
  actor: ALICE,
  body: { text: `note ${clock}` },
  clock,
  data_type: 'SCALAR',
  thread: 'th_notes',
  ...content,
});

describe('records that clients write', () => {
  let log: MemoryLog;
  let written: SealedRecord[];

  const append = (...values: unknown[]): ReturnType<typeof appendRecords> =>
    appendRecords(values, { log, write: sealed => written.push(sealed) });
  const refused = (code: ErrorCode, message: RegExp, ...values: unknown[]): void => {
    assert.throws(
      () => append(...values),
      (error: unknown) => FleetError.is(error, code) && message.test(error.message),
    );
    assert.deepEqual(written, [], 'something was written beside the refusal');
  };

  beforeEach(() => {
    log = openMemoryLog({ reader: { restore: () => true, visit: () => undefined }, now: () => 0 });
    written = [];
  });
  afterEach(() => log.close());

  it('are written once, however often they come', async () => {
    const { stored } = append(note(0), note(0), note(1));
    assert.deepEqual(
      stored.map(({ existed }) => existed),
      [false, true, false],
    );
    assert.equal(written.length, 2);
    await log.append({ records: written });
    written = [];
    assert.deepEqual(append(note(1)).stored, [{ ...stored[2]!, existed: true }]);
    assert.deepEqual(written, []);
  });

  it('may not be of a topic of the fleet’s own (I37)', () => {
    const topics = [...Object.values(TOPIC), 'freeze', 'unfreeze', 'emergency_stop', 'emergency_clear'];
    for (const topic of topics)
      refused('SCOPE_FORBIDDEN', /is the fleet's own/, note(0, { body: { topic } }));
    assert.equal(append(note(0, { body: { topic: 'release' } })).stored.length, 1);
  });

  it('may not stand on a thread of the fleet’s own, nor in an instance’s name (I37)', () => {
    for (const thread of Object.values(RESERVED))
      refused('SCOPE_FORBIDDEN', /is the fleet's own/, note(0, { thread }));
    refused('SCOPE_FORBIDDEN', /only the instance itself/, note(0, { actor: INSTANCE }));
  });

  it('may claim the default namespace, and no other', () => {
    assert.equal(append(note(0, { body: { namespace: 'default' } })).stored.length, 1);
    written = [];
    refused('NAMESPACE_REJECTED', /'acme'/, note(1, { body: { namespace: 'acme' } }));
    refused('INVALID_RECORD', /namespace/, note(1, { body: { namespace: 7 } }));
  });

  it('take a clock once, in one request as in two', async () => {
    const other = note(0, { body: { text: 'another' } });
    refused('CONFLICT', /record 1: .* clock 0/, note(0), other);
    append(note(0));
    await log.append({ records: written });
    written = [];
    refused('CONFLICT', /clock 0/, other);
  });

  it('are all taken or none, and the one that is wrong is named by its place', () => {
    refused('INVALID_RECORD', /^record 2: /, note(0), note(1), note(2, { act: 'SAY' }));
  });
});
