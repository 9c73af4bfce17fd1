import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CONFLICT_CHOICES, type RecordsRestore } from '../../../contract/commands.ts';
import type { RestoredDocument } from '../../../contract/documents.ts';
import type { Context } from '../../verb.ts';
import type { Colours } from '../../render/colours.ts';
import { readSnapshot } from '../../snapshot-file.ts';
import { choice, defineVerb, text, toggle } from '../../verb.ts';

export const threadRestore = defineVerb({
  path: 'thread restore',
  summary: 'Restore threads from a snapshot file',
  description: [
    'Checks everything before it writes: the digest of the file, the id of each record, each signature, and the',
    'namespace of each record. Records that are already here stay, so a second restore changes nothing. The work of',
    'another fleet becomes history: you can read and replay it, but it does not run and its tasks are not listed.',
    '',
    'A record conflicts with a different one here that has the same actor, thread and clock. --on-conflict fail (the',
    'default) then writes nothing, skip skips the record and lists it, and accept-existing keeps the one here.',
  ].join('\n'),
  examples: [
    ['spl thread restore --in first.jsonl --dry-run', 'show what would be written'],
    ['spl thread restore --in first.jsonl', 'restore the threads'],
  ],
  positionals: {},
  flags: {
    in: text('--in <file>', 'Snapshot file (default: standard input)', 'files'),
    dryRun: toggle('--dry-run', 'Check everything, and write nothing'),
    onConflict: choice('--on-conflict <what>', 'What to do with records that conflict', CONFLICT_CHOICES),
  },
  async run(context, { in: file, dryRun, onConflict }) {
    const restored = await withFile(context, file, async path => {
      const how = { on_conflict: onConflict ?? 'fail' } as const;
      const checked = await restoreParts(context, path, { ...how, dry_run: true });
      return dryRun ? checked : restoreParts(context, path, { ...how, dry_run: false });
    });
    context.print({ ...restored, dry_run: dryRun }, () =>
      restoredLines(restored, dryRun, context.out.colours),
    );
  },
});

/** Copies standard input to a file, because a snapshot is read twice. */
async function withFile<T>(
  context: Context,
  file: string | null,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (file !== null && file !== '-') return use(file);
  const folder = await mkdtemp(join(tmpdir(), 'spl-restore-'));
  try {
    const path = join(folder, 'snapshot.jsonl');
    await pipeline(context.stdin, createWriteStream(path, { mode: 0o600 }));
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function restoreParts(
  context: Context,
  file: string,
  how: Pick<RecordsRestore, 'on_conflict' | 'dry_run'>,
): Promise<RestoredDocument> {
  const sum = { written: 0, existing: 0, left_out: [] as RestoredDocument['left_out'] };
  for await (const part of readSnapshot(file, context)) {
    const { written, existing, left_out } = await context.submit('records.restore', { ...part, ...how });
    sum.written += written;
    sum.existing += existing;
    sum.left_out.push(...left_out);
  }
  return sum;
}

function restoredLines(
  { written, existing, left_out: leftOut }: RestoredDocument,
  dryRun: boolean,
  colours: Colours,
): readonly string[] {
  const sign = leftOut.length === 0 ? colours.green('✓') : colours.yellow('⚠');
  const verb = dryRun ? 'would be restored' : 'restored';
  return [
    `${sign} ${written} records ${verb}, ${existing} were there already, ${leftOut.length} left out`,
    ...leftOut.map(({ id, reason }) => `  ${id}: ${reason}`),
  ];
}
