import { FleetError } from '../../errors.ts';
import { pathOf } from '../settings.ts';
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
  if (run !== undefined) return run;
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
