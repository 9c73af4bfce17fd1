import { auditSchema, type AuditDocument } from '../../contract/documents.ts';
import type { Position } from '../../log/log.ts';
import type { ReportContext } from '../context.ts';
import { limit, position, report, text } from '../operation.ts';
import { recordDocument } from '../record-document.ts';

export const audit = report({
  name: 'audit',
  about: 'list records with their times and signatures',
  method: 'GET',
  path: '/v1/audit',
  query: {
    thread: text('thread'),
    actor: text('actor'),
    /** Seconds since 1970: only records written at this time or later. */
    since: position('since'),
    limit,
    after: position('after'),
  },
  scope: 'read',
  output: auditSchema,
  costly: true,
  confine: async (input, inside, call) => {
    const page = await call(input);
    return { entries: await inside.only(page.entries, ({ record }) => record), next: page.next };
  },
  answer: async ({ since, ...asked }, context) => {
    const first = since === undefined ? 0 : await firstSince(context.log, since * 1000);
    const after = Math.max(first - 1, asked.after ?? -1);
    const positions = await context.records.positions({ ...asked, ...(after < 0 ? {} : { after }) });
    const entries = await Promise.all(positions.map(at => auditEntry(context, at)));
    return { entries, next: positions.length < asked.limit ? null : positions.at(-1)! };
  },
});

/** Returns the position of the first record written at `at` or later. Write times never decrease along the log. */
async function firstSince(log: ReportContext['log'], at: number): Promise<Position> {
  let [low, high] = [0, log.end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await log.get(middle)).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function auditEntry(
  { log, coordinator: { state } }: ReportContext,
  at: Position,
): Promise<AuditDocument['entries'][number]> {
  const [stored, signature] = await Promise.all([log.get(at), log.signatureAt(at)]);
  return {
    position: at,
    at_unix: stored.at / 1000,
    record: recordDocument(stored.record),
    signature:
      signature === undefined
        ? null
        : {
            by: signature.by,
            sig: signature.sig,
            ids: [...signature.ids],
            public_key: state.instances.get(signature.by)?.publicKey ?? null,
          },
  };
}
