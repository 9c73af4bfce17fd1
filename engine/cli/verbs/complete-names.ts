import type { TaskDocument } from '../../contract/documents.ts';
import { printLines } from '../context.ts';
import { namesOfFolder } from '../run/folder-names.ts';
import { planFilesIn } from '../run/folder-work.ts';
import { defineVerb, word, type Context } from '../verb.ts';

/** Prints names for the completion scripts, one per line. Prints nothing if the fleet cannot be asked. */
export const completeNames = defineVerb({
  path: 'complete-names',
  summary: 'List names for the completion scripts',
  examples: [['spl complete-names tasks', 'list the aliases of all tasks']],
  positionals: { kind: word('kind', 'work, tasks, runs, instances or namespaces') },
  flags: {},
  hidden: true,
  async run(context, { kind }) {
    try {
      printLines(context.out, await namesOf(context, kind));
    } catch {
      // A shell that completes cannot show an error.
    }
  },
});

/** The number of runs whose names are listed. */
const MAX_RUNS = 20;
/** Matches a name that needs no quotes. */
const BARE = /^[\w./:@+-]+$/;

async function namesOf(context: Context, kind: string): Promise<readonly string[]> {
  switch (kind) {
    case 'work': {
      const { scripts, subtasks } = await namesOfFolder(context);
      return [
        ...new Set([
          ...scripts,
          ...subtasks.filter(name => BARE.test(name)),
          ...(await planFilesIn(context.cwd)),
        ]),
      ];
    }
    case 'tasks':
      return (await context.report('tasks', { all: true })).tasks.map(({ alias }) => alias);
    case 'runs': {
      const { runs } = await context.report('runs', { limit: MAX_RUNS });
      const names = runs.flatMap(({ plan, run }) => (BARE.test(plan) ? [plan, `${plan}#${run}`] : []));
      const { tasks } = await context.report('tasks', { all: true });
      return [...new Set([...names, ...tasks.filter(isOwnAlias).map(({ alias }) => alias)])];
    }
    case 'instances':
      return (await context.report('fleet', {})).instances.map(({ alias }) => alias);
    case 'namespaces':
      return (await context.report('namespaces', {})).namespaces.map(({ id }) => id);
    default:
      return [];
  }
}

/** Returns false for an alias that was made of the name and number of a run, which is listed itself. */
const isOwnAlias = ({ alias, run }: TaskDocument): boolean =>
  run == null || !BARE.test(run.name) || !alias.endsWith(`-${run.number}`);
