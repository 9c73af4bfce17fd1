import { resolve } from 'node:path';
import { isInSnapshots } from '../../../contract/snapshot.ts';
import { FleetError } from '../../../errors.ts';
import { writeStreamAtomically } from '../../../home/files.ts';
import type { Context } from '../../context.ts';
import { pages } from '../../pages.ts';
import { SnapshotWriter } from '../../snapshot-file.ts';
import { defineVerb, text, toggle, words } from '../../verb.ts';

/** How many records are asked for at once: each tells its whole signature. */
const PAGE = 250;

export const threadSnapshot = defineVerb({
  path: 'thread snapshot',
  summary: 'write threads to a file, to be restored elsewhere',
  description: [
    'A line for each record, in the order of the log, with its position, its time, and the signature that it came',
    'with. The last line tells how many there are and their digest. The fleet may be at work meanwhile: what is',
    "written is what was there at the beginning. The fleet's own threads, with instances, freezes and namespaces,",
    'are left out; a whole home is kept by copying its folder.',
  ].join('\n'),
  examples: [
    ['spl thread snapshot FIRST-001 --out first.jsonl', 'one task'],
    ['spl thread snapshot --all > everything.jsonl', 'every thread'],
  ],
  positionals: { threads: words('thread', 'thread ids, aliases, or the beginning of either', 'tasks') },
  flags: {
    all: toggle('--all', 'every thread'),
    out: text('--out <file>', 'where to (default: standard output)', 'files'),
  },
  async run(context, { threads, all, out }) {
    if (all === threads.length > 0)
      throw new FleetError('USAGE', 'name either threads or --all', {
        hint: 'For example: spl thread snapshot FIRST-001 --out first.jsonl',
      });
    const wanted = all ? [undefined] : await resolveAll(context, threads);
    if (out === null) {
      await write(context, wanted, async line => {
        context.out.write(line);
        await context.out.flush();
      });
      return;
    }
    const file = resolve(context.cwd, out);
    const records = await writeStreamAtomically(file, 0o600, line => write(context, wanted, line));
    context.print({ file, records }, () => [
      `${context.out.colours.green('✓')} ${records} records written to ${file}`,
    ]);
  },
});

/** The ids of threads, each once. */
async function resolveAll(context: Context, names: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const name of names) {
    const { thread } = await context.report('thread.state', { thread: name });
    if (!isInSnapshots(thread))
      throw new FleetError(
        'SCOPE_FORBIDDEN',
        `'${thread}' is the fleet's own, and tells of this home alone`,
        {
          details: { thread },
          hint: `Read it with: spl audit export --thread ${thread}`,
        },
      );
    ids.add(thread);
  }
  return [...ids];
}

/** Writes what these threads have, or all where one is undefined. @returns how many records. */
async function write(
  context: Context,
  threads: readonly (string | undefined)[],
  line: (text: string) => Promise<void>,
): Promise<number> {
  const { did, records: end } = await context.report('health', {});
  const writer = new SnapshotWriter(line);
  await writer.header({ home: did, at_unix: Date.now() / 1000 });
  for (const thread of threads)
    for await (const { position, at_unix, record, signature } of entriesBefore(context, end, thread))
      if (isInSnapshots(record.thread)) await writer.record({ position, at_unix, record }, signature);
  await writer.end();
  return writer.records;
}

async function* entriesBefore(context: Context, end: number, thread: string | undefined) {
  const filter = { limit: PAGE, ...(thread === undefined ? {} : { thread }) };
  for await (const { entries } of pages(place => context.report('audit', { ...filter, ...place })))
    for (const entry of entries) {
      if (entry.position >= end) return;
      yield entry;
    }
}
