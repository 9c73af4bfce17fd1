import { readFile } from 'node:fs/promises';
import type { Policy } from '../../../contract/policy.ts';
import { FleetError, messageOf, systemCodeOf } from '../../../errors.ts';
import { parsePolicy } from '../../../plan/policy-file.ts';
import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, text, word } from '../../verb.ts';
import type { Host } from '../../host.ts';
import { pathOf } from '../../settings.ts';

export const namespaceCreate = defineVerb({
  path: 'namespace create',
  summary: 'register a namespace, or make an archived one active again',
  description: [
    'Its parent must be there: acme, then acme/web, then acme/web/staging. Four levels at most, below default.',
    '',
    'A policy is a file in TOML, or in JSON where its name ends in .json, with tables allow and deny (acts,',
    'executors, targets) and limits (max_children, max_parallel, budget_usd, timeout_secs). It holds for all below',
    'as well, where it can only be narrowed. Given again, description and policy replace what was there; left out,',
    'they stay.',
  ].join('\n'),
  examples: [
    ['spl namespace create acme --description "Everything of Acme"', 'an organisation'],
    ['spl namespace create acme/web', 'a project in it'],
    ['spl namespace create acme/web --policy web.toml', 'with what bounds its work'],
  ],
  positionals: { id: word('id', 'segments with / between') },
  flags: {
    description: text('--description <text>', 'what it is for'),
    policy: text('--policy <file>', 'what bounds the work in it', 'files'),
  },
  async run(context, { id, description, policy: file }) {
    const policy = file === null ? {} : { policy: await readPolicy(file, context) };
    const created = await context.submit('namespace.create', { id, description, ...policy });
    context.print(created, () => [namespaceChangedLine(created, context.out.colours)]);
  },
});

async function readPolicy(file: string, host: Pick<Host, 'cwd' | 'env'>): Promise<Policy> {
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(pathOf(file, host)));
  } catch (cause) {
    const missing = systemCodeOf(cause) === 'ENOENT';
    const what = missing ? `no file '${file}'` : `file '${file}' can't be read: ${messageOf(cause)}`;
    throw new FleetError(missing ? 'NOT_FOUND' : 'INVALID_RECORD', what, { details: { file }, cause });
  }
  return parsePolicy(content, file);
}
