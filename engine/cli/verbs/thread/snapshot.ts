import { requireInSnapshots } from '../../../contract/snapshot.ts';
import { writeSnapshot } from '../../../contract/snapshot-writer.ts';
import { FleetError, messageOf } from '../../../errors.ts';
import { writeStreamTo } from '../../../home/files.ts';
import type { Context } from '../../verb.ts';
import { defineVerb, text, toggle, words } from '../../verb.ts';
import { pathOf } from '../../settings.ts';

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
    out: text('--out <file>', 'where to (default, and -: standard output)', 'files'),
  },
  async run(context, { threads, all, out }) {
    if (all === threads.length > 0)
      throw new FleetError('USAGE', 'name either threads or --all', {
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

/** The names of the standard output; opened as a file it would be written over what else is printed. */
const STANDARD_OUTPUT: ReadonlySet<string> = new Set(['-', '/dev/stdout', '/dev/fd/1']);

function unwritable(file: string, cause: unknown): FleetError {
  return new FleetError('INVALID_RECORD', `'${file}' can't be written: ${messageOf(cause)}`, {
    details: { file },
    cause,
  });
}

/** The ids of threads, each once. */
async function resolveAll(context: Context, names: readonly string[]): Promise<string[]> {
  const ids = new Set<string>();
  for (const name of names) {
    const { thread } = await context.report('thread.state', { thread: name });
    requireInSnapshots(thread);
    ids.add(thread);
  }
  return [...ids];
}
