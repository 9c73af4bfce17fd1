import { FleetError } from '../../errors.ts';
import { printable } from '../../contract/format.ts';
import { runText } from '../../contract/run-name.ts';
import { printLines } from '../context.ts';
import { pathOf, tildePath } from '../settings.ts';
import { maybeWord, type Context } from '../verb.ts';

/** The argument that names a run; the newest one without it. */
export const RUN = maybeWord(
  'run',
  'Run or task: release, release#4 or an alias (default: the newest run of this folder)',
  'runs',
);

/**
 * Returns the name of a run, or of the newest run in this folder or in one above it.
 * @throws NOT_FOUND if nothing has been run there
 */
export async function runOrNewest(context: Context, run: string | undefined): Promise<string> {
  if (run !== undefined) return runNamed(context, run);
  const here = await context.report('runs', { limit: 1, folder: pathOf('.', context) });
  if (here.runs[0] !== undefined) return here.runs[0].task;
  const [elsewhere] = (await context.report('runs', { limit: 1 })).runs;
  throw new FleetError('NOT_FOUND', 'nothing has been run in this folder yet', {
    hint:
      elsewhere === undefined
        ? "spl 'npm test' 'npm run lint'"
        : `The newest run is ${elsewhere.task}, in ${elsewhere.dir ?? 'no folder'}. Name it to mean it.`,
  });
}

/**
 * Returns what names this run. Runs are numbered by their name alone: a name means the newest run of this folder, and
 * one of another folder only if there is none. Then prints that folder.
 */
async function runNamed(context: Context, name: string): Promise<string> {
  const { run, alias, dir } = await context.report('task', { task: name });
  const folder = pathOf('.', context);
  if (run == null || alias === name || dir === null || isWithin(folder, dir)) return name;
  if (run.name === name) {
    const here = await context.report('runs', { limit: 1, name, folder });
    if (here.runs[0] !== undefined) return here.runs[0].task;
  }
  if (!context.settings.json)
    printLines(context.err, [`· ${printable(runText(run))} is a run of ${tildePath(dir, context.env)}`]);
  return name;
}

const isWithin = (folder: string, dir: string): boolean =>
  `${folder}/`.startsWith(dir.endsWith('/') ? dir : `${dir}/`);
