import { printJson } from '../../context.ts';
import { pages } from '../../pages.ts';
import { since } from '../../until.ts';
import { defineVerb, text } from '../../verb.ts';

/** The number of records requested at once. */
const PAGE = 1_000;

export const auditExport = defineVerb({
  path: 'audit export',
  summary: 'Export every record with its time and signature',
  description:
    'Prints one JSON document per line: {position, at_unix, record, signature}. A record from another instance has the signature of its batch: Ed25519 over the ids of the batch. --actor selects the records of one actor.',
  examples: [
    ['spl audit export --since 24h > audit.jsonl', 'export the last day'],
    [
      'spl audit export --thread FIRST-001 --actor did:sync:user:ada',
      'export what one person wrote on one task',
    ],
  ],
  positionals: {},
  flags: {
    since: since('--since <when>', 'Only records since then: 24h, 7d, or a date'),
    thread: text('--thread <thread>', 'Only records of this thread or task', 'tasks'),
  },
  async run(context, { since, thread }) {
    const { actor } = context.settings;
    const filter = {
      limit: PAGE,
      ...(since === null ? {} : { since: Math.floor(since) }),
      ...(thread === null ? {} : { thread: (await context.report('thread.state', { thread })).thread }),
      ...(actor === null ? {} : { actor }),
    };
    for await (const { entries } of pages(place => context.report('audit', { ...filter, ...place }))) {
      for (const entry of entries) printJson(context.out, entry);
      await context.out.flush();
    }
  },
});
