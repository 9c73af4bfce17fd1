import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import type { FleetState, Task } from '../../domain/model/state.ts';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { freshReports } from './fresh-reports.ts';

const worker = 'did:sync:instance:00000000000000aa' as Did;
const task = 'th_task' as ThreadId;
const other = 'th_other' as ThreadId;

function report(clock: number, text = '', thread = task): SealedRecord {
  return seal({ act: 'DO', actor: worker, body: { text }, clock, data_type: 'SCALAR', parents: [], thread });
}

/** A log with these records that counts its reads. */
function logOf(...held: SealedRecord[]) {
  let asked = 0;
  return {
    asked: () => asked,
    find: (id: RecordId) => {
      asked++;
      return held.some(({ record }) => record.id === id) ? 0 : undefined;
    },
    findByKey: (_actor: Did, thread: ThreadId, clock: number) => {
      asked++;
      return held.some(({ record }) => record.thread === thread && record.clock === clock) ? 0 : undefined;
    },
  };
}

/** A state in which the worker's next clock on the task's thread is this one. */
const stateWith = (next: number): Pick<FleetState, 'tasks'> => ({
  tasks: new Map([[task, { clocks: new Map([[worker, next]]) } as unknown as Task]]),
});

describe('freshReports', () => {
  const sort = (records: SealedRecord[], held: SealedRecord[], next: number): SealedRecord[] =>
    freshReports(records, worker, stateWith(next), logOf(...held));

  it('accepts new reports without reading the log, as long as clocks rise', () => {
    const log = logOf();
    const records = [report(4), report(5), report(9)];
    assert.deepEqual(freshReports(records, worker, stateWith(4), log), records);
    assert.equal(log.asked(), 0);
  });

  it('skips reports that are in the log, and those repeated in a message', () => {
    const held = [report(0), report(1)];
    assert.deepEqual(sort([...held, report(2), report(2), report(1)], held, 2), [report(2)]);
    assert.deepEqual(sort(held, held, 2), []);
  });

  it('accepts a late report that fills a gap', () => {
    assert.deepEqual(sort([report(7), report(3)], [report(4)], 5), [report(7), report(3)]);
  });

  it('refuses another record with a used clock: in the log, or in the same message', () => {
    for (const [records, held, next] of [
      [[report(1, 'else')], [report(1)], 2],
      [[report(5), report(5, 'else')], [], 5],
      [[report(5), report(3), report(3, 'else')], [], 5],
      [[report(0, 'else', other)], [report(0, '', other)], 0],
      [[report(0, '', other), report(0, 'else', other)], [], 0],
    ] as const)
      assert.throws(
        () => sort([...records], [...held], next),
        error => FleetError.is(error, 'CONFLICT'),
      );
  });

  it('reads the log for threads unknown to the state', () => {
    const held = [report(0, '', other)];
    assert.deepEqual(sort([report(0, '', other), report(1, '', other)], held, 0), [report(1, '', other)]);
  });

  it('scales linearly with records on an unknown thread', () => {
    const records = Array.from({ length: 50_000 }, (_, i) => report(i, '', other));
    const log = logOf();
    assert.equal(freshReports(records, worker, stateWith(0), log).length, records.length);
    assert.equal(log.asked(), 2 * records.length);
  });
});
