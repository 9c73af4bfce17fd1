import { FleetError } from '../../errors.ts';
import { didYouMean } from '../../plan/picked.ts';
import { planRunName } from '../../contract/run-name.ts';
import { runsLines } from '../render/runs.ts';
import { pathOf, tildePath } from '../settings.ts';
import { defineVerb, maybeWord, number, type Context } from '../verb.ts';

const DEFAULT_LIMIT = 20;

/** The most runs among which a similar name is looked for. */
const MAX_KNOWN = 1_000;

async function noRuns(context: Context, name: string): Promise<FleetError> {
  const known = (await context.report('runs', { limit: MAX_KNOWN })).runs.map(({ plan }) => plan);
  return new FleetError('NOT_FOUND', `no run is named '${name}'${didYouMean(name, [...new Set(known)])}`, {
    details: { name },
    hint:
      known.length === 0
        ? 'Nothing has been run yet.'
        : 'To list all runs: spl runs. Archived runs are left out.',
  });
}

export const runs = defineVerb({
  path: 'runs',
  summary: 'List the runs of a plan, or of all plans',
  description:
    'The newest run is first. FAILED names the subtasks that failed, were rejected or timed out. Archived runs are ' +
    'left out. FOLDER is shown where a run is of another folder: runs are numbered by their name alone.',
  examples: [
    ['spl runs', 'list the newest runs of all plans'],
    ['spl runs release --limit 5', 'list the newest runs of one plan'],
    ['spl runs release.fanout.yaml', 'name the plan by its file'],
  ],
  positionals: { plan: maybeWord('plan', 'Name of the runs, or a plan file', 'runs') },
  flags: {
    limit: number('--limit <n>', `Number of runs (default: ${DEFAULT_LIMIT})`, {
      min: 1,
      max: 1_000,
      whole: true,
    }),
  },
  async run(context, { plan, limit }) {
    const name = plan === undefined || !/\.ya?ml$/i.test(plan) ? plan : planRunName(plan);
    const document = await context.report('runs', {
      limit: limit ?? DEFAULT_LIMIT,
      ...(name !== undefined && { name }),
    });
    if (name !== undefined && document.runs.length === 0) throw await noRuns(context, name);
    const showPath = (path: string): string => tildePath(path, context.env);
    context.print(document, () => runsLines(document, pathOf('.', context), showPath, context.out.colours));
  },
});
