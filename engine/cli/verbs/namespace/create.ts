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
  summary: 'Register a namespace, or reactivate an archived one',
  description: [
    'Create parents first: acme, then acme/web, then acme/web/staging. There are at most four levels below default.',
    '',
    'A policy is a TOML file, or a JSON file if its name ends in .json. It has the tables allow and deny (acts,',
    'executors, targets) and limits (max_children, max_parallel, budget_usd, timeout_secs). It also holds for every',
    'namespace below, which can only narrow it. For an existing namespace, --description and --policy replace the',
    'current ones.',
  ].join('\n'),
  examples: [
    ['spl namespace create acme --description "Everything of Acme"', 'register an organisation'],
    ['spl namespace create acme/web', 'register a project in it'],
    ['spl namespace create acme/web --policy web.toml', 'set its policy'],
  ],
  positionals: { id: word('id', 'Segments separated by /') },
  flags: {
    description: text('--description <text>', 'Purpose of the namespace'),
    policy: text('--policy <file>', 'Policy file', 'files'),
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
