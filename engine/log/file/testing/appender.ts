import type { Did, ThreadId } from '../../../record/ids.ts';
import { seal, type SealedRecord } from '../../../record/record.ts';
import { openFileLog } from '../file-log.ts';

/**
 * Appends records whose clocks are their positions to the log in the given folders, and prints the durable end of the
 * log after each append, until it is killed.
 */
const [dir, checkpointDir] = process.argv.slice(2) as [string, string];
const log = await openFileLog({
  dir,
  checkpointDir,
  reader: { restore: () => false, visit: () => undefined },
  now: Date.now,
  segmentBytes: 20_000,
});
let clock = log.end;
const next = (): SealedRecord =>
  seal({
    act: 'KNOW',
    actor: 'did:sync:user:alice' as Did,
    body: { text: 'x'.repeat(clock % 300) },
    clock: clock++,
    data_type: 'SCALAR',
    parents: [],
    thread: 'th_killed' as ThreadId,
  });
const append = async (): Promise<void> => {
  for (;;) {
    const records = Array.from({ length: 1 + (clock % 7) }, next);
    const { first } = await log.append({ records });
    process.stdout.write(`${first + records.length}\n`);
  }
};
await Promise.all([append(), append(), append()]);
