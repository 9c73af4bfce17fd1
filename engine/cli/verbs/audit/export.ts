import { printJson } from '../../context.ts';
import { pages } from '../../pages.ts';
import { since } from '../../until.ts';
import { defineVerb, text } from '../../verb.ts';

/** The number of records requested at once. */
const PAGE = 1_000;

export const auditExport = defineVerb({
  path: 'audit export',
  summary: 'every record with its time and its signature, a line each',
  description:
    'Each line is a JSON document: {position, at_unix, record, signature}. The signature is that of the batch in which the record came from another instance: Ed25519 over the ids of the batch. With --actor, only what was written in that name.',
  examples: [
    ['spl audit export --since 24h > audit.jsonl', 'what was written since yesterday'],
    ['spl audit export --thread FIRST-001 --actor did:sync:user:ada', 'what one person wrote about one task'],
  ],
  positionals: {},
  flags: {
    since: since('--since <when>', 'only from then on: 24h, 7d, or a date'),
    thread: text('--thread <thread>', 'only of this thread, or this task', 'tasks'),
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
