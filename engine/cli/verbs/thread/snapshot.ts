import { requireInSnapshots } from '../../../contract/snapshot.ts';
import { writeSnapshot } from '../../../operations/snapshot-writer.ts';
import { FleetError, messageOf } from '../../../errors.ts';
import { writeStreamTo } from '../../../home/files.ts';
import type { Context } from '../../verb.ts';
import { defineVerb, text, toggle, words } from '../../verb.ts';
import { pathOf } from '../../settings.ts';

export const threadSnapshot = defineVerb({
  path: 'thread snapshot',
  summary: 'Write threads to a snapshot file',
  description: [
    'Writes one line per record, in log order, with its position, time and signature. The last line has the number of',
    'records and a digest. The fleet can keep working: the snapshot holds the records of the moment it starts. The',
    'threads of the fleet itself (instances, freezes, namespaces) are left out. To keep a whole home, copy its folder.',
  ].join('\n'),
  examples: [
    ['spl thread snapshot FIRST-001 --out first.jsonl', 'save one task'],
    ['spl thread snapshot --all > everything.jsonl', 'save every thread'],
  ],
  positionals: { threads: words('thread', 'Thread ids or aliases, or prefixes of either', 'tasks') },
  flags: {
    all: toggle('--all', 'Save every thread'),
    out: text('--out <file>', 'File to write (default, and -: standard output)', 'files'),
  },
  async run(context, { threads, all, out }) {
    if (all === threads.length > 0)
      throw new FleetError('USAGE', 'give either threads or --all', {
        hint: 'For example: spl thread snapshot FIRST-001 --out first.jsonl',
      });
    const wanted = all ? [undefined] : await resolveAll(context, threads);
    if (out === null || STANDARD_OUTPUT.has(out)) {
      await writeSnapshot(context, wanted, Date.now() / 1000, async line => {
        context.out.write(line);
        await context.out.flush();
      });
      return;
    }
    const file = pathOf(out, context);
    const { records } = await writeStreamTo(file, 0o600, line =>
      writeSnapshot(context, wanted, Date.now() / 1000, line),
    ).catch((thrown: unknown) => {
      throw FleetError.is(thrown) ? thrown : unwritable(out, thrown);
    });
    context.print({ file, records }, () => [
      `${context.out.colours.green('✓')} ${records} records written to ${file}`,
    ]);
  },
});

/** The names of standard output. Opening it as a file would overwrite other output. */
const STANDARD_OUTPUT: ReadonlySet<string> = new Set(['-', '/dev/stdout', '/dev/fd/1']);

function unwritable(file: string, cause: unknown): FleetError {
  return new FleetError('INVALID_RECORD', `'${file}' can't be written: ${messageOf(cause)}`, {
    details: { file },
    cause,
  });
}

/** Returns the ids of the named threads, each once. */
async function resolveAll(context: Context, names: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const name of names) {
    const { thread } = await context.report('thread.state', { thread: name });
    requireInSnapshots(thread);
    ids.add(thread);
  }
  return [...ids];
}
