import type { Context } from '../../verb.ts';
import { EXIT } from '../../exit-codes.ts';
import { diagnosticDocument, diagnosticLine, NO_FLEET, readPlanFile, type PlanFile } from '../../plans.ts';
import { plural, printable } from '../../../contract/format.ts';
import { defineVerb, words } from '../../verb.ts';
import { FleetError } from '../../../errors.ts';

export const planCheck = defineVerb({
  path: 'plan check',
  summary: 'Check plan files, without a fleet',
  description: [
    'Prints every fault of each file with its line and column. Does not check what only a fleet knows: workers, agents',
    'and the policies of namespaces.',
  ].join('\n'),
  examples: [['spl plan check release.fanout.yaml', 'exit with 0 if there is no error']],
  positionals: { files: words('file', 'Plan files', 'files') },
  flags: {},
  async run(context, { files }) {
    if (files.length === 0) throw noFiles();
    const plans: PlanFile[] = [];
    for (const file of files) plans.push(await readPlanFile(context, file, NO_FLEET));
    context.print({ plans: plans.map(documentOf) }, () => plans.flatMap(plan => linesOf(plan, context)));
    return plans.every(({ request }) => request !== null) ? EXIT.done : EXIT.refused;
  },
});

function documentOf({ file, text, diagnostics, request }: PlanFile): object {
  return {
    file,
    valid: request !== null,
    subtasks: request?.subtasks.length ?? null,
    diagnostics: diagnostics.map(each => diagnosticDocument(text, each)),
  };
}

function linesOf(plan: PlanFile, { out: { colours } }: Context): readonly string[] {
  const lines = plan.diagnostics.map(each => printable(diagnosticLine(plan, each)));
  const { request } = plan;
  if (request === null) return lines;
  return [
    ...lines,
    `${colours.green('✓')} ${printable(plan.file)}: ${plural(request.subtasks.length, 'subtask')}`,
  ];
}

function noFiles(): FleetError {
  return new FleetError('USAGE', 'no plan file is named', {
    hint: 'spl plan check release.fanout.yaml',
  });
}
