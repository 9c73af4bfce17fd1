import { planRunName } from '../../contract/run-name.ts';
import { runsLines } from '../render/runs.ts';
import { defineVerb, maybeWord, number } from '../verb.ts';

const DEFAULT_LIMIT = 20;

export const runs = defineVerb({
  path: 'runs',
  summary: 'List the runs of a plan, or of all plans',
  description:
    'The newest run is first. FAILED names the subtasks that failed, were rejected or timed out. Archived runs are ' +
    'left out.',
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
    context.print(document, () => runsLines(document, name, context.out.colours));
  },
});
