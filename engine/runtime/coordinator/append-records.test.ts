import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError, type ErrorCode } from '../../errors.ts';
import { admitRecord } from '../../domain/policy/admission.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { TOPIC } from '../../domain/model/record-bodies.ts';
import { emptyState } from '../../domain/model/state.ts';
import { openMemoryLog, type MemoryLog } from '../../log/memory/memory-log.ts';
import { RESERVED } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';
import { appendRecords, decodeRecords } from './append-records.ts';

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
  const state = emptyState();
  state.namespaces.set('acme', { status: 'active', description: null, policy: null });

  const append = async (...values: unknown[]): Promise<ReturnType<typeof appendRecords>> =>
    appendRecords(await decodeRecords(values), {
      log,
      admit: record => admitRecord(state, record, celCompiler, 0),
      write: sealed => written.push(sealed),
    });
  const refused = async (code: ErrorCode, message: RegExp, ...values: unknown[]): Promise<void> => {
    await assert.rejects(
      append(...values),
      (error: unknown) => FleetError.is(error, code) && message.test(error.message),
    );
    assert.deepEqual(written, [], 'something was written beside the refusal');
  };

  beforeEach(() => {
    log = openMemoryLog({ reader: { restore: () => true, visit: () => undefined }, now: () => 0 });
    written = [];
  });
  afterEach(() => log.close());

  it('are written once, however often they are sent', async () => {
    const { stored } = await append(note(0), note(0), note(1));
    assert.deepEqual(
      stored.map(({ existed }) => existed),
      [false, true, false],
    );
    assert.equal(written.length, 2);
    await log.append({ records: written });
    written = [];
    assert.deepEqual((await append(note(1))).stored, [{ ...stored[2]!, existed: true }]);
    assert.deepEqual(written, []);
  });

  it('must not have a topic of the fleet’s own (I37)', async () => {
    const topics = [...Object.values(TOPIC), 'freeze', 'unfreeze', 'emergency_stop', 'emergency_clear'];
    for (const topic of topics)
      await refused('SCOPE_FORBIDDEN', /is reserved for the fleet/, note(0, { body: { topic } }));
    assert.equal((await append(note(0, { body: { topic: 'release' } }))).stored.length, 1);
  });

  it('must not be on a thread of the fleet’s own, nor by an instance (I37)', async () => {
    for (const thread of Object.values(RESERVED))
      await refused('SCOPE_FORBIDDEN', /is reserved for the fleet/, note(0, { thread }));
    await refused('SCOPE_FORBIDDEN', /only the instance itself/, note(0, { actor: INSTANCE }));
  });

  it('may claim only a namespace whose whole chain is registered', async () => {
    for (const namespace of ['default', 'acme'])
      assert.equal((await append(note(0, { body: { namespace } }))).stored.length, 1);
    written = [];
    await refused(
      'NAMESPACE_REJECTED',
      /'acme\/web\/x'.*'acme\/web'/,
      note(1, { body: { namespace: 'acme/web/x' } }),
    );
    await refused('INVALID_RECORD', /namespace/, note(1, { body: { namespace: 7 } }));
  });

  it('use a clock once, in one request as in two', async () => {
    const other = note(0, { body: { text: 'another' } });
    await refused('CONFLICT', /record 1: .* clock 0/, note(0), other);
    await append(note(0));
    await log.append({ records: written });
    written = [];
    await refused('CONFLICT', /clock 0/, other);
  });

  it('are all accepted or none, and the invalid one is named by its place', async () => {
    await refused('INVALID_RECORD', /^record 2: /, note(0), note(1), note(2, { act: 'SAY' }));
  });

  it('yield to other work while a long list is decoded', async () => {
    const values = Array.from({ length: 20_000 }, (_, i) => note(i));
    let turns = 0;
    const watch = setInterval(() => turns++, 1);
    const decoded = await decodeRecords(values);
    clearInterval(watch);
    assert.equal(decoded.length, values.length);
    assert.ok(turns > 2, `${turns} turns`);
  });
});
