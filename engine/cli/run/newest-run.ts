import { FleetError } from '../../errors.ts';
import { maybeWord, type Context } from '../verb.ts';

/** The argument that names a run; the newest one without it. */
export const RUN = maybeWord(
  'run',
  'Run or task: release, release#4 or an alias (default: the newest run)',
  'runs',
);

/** Returns the name of a run, or of the newest run. @throws NOT_FOUND if nothing has been run */
export async function runOrNewest(context: Context, run: string | undefined): Promise<string> {
  if (run !== undefined) return run;
  const { runs } = await context.report('runs', { limit: 1 });
  if (runs[0] !== undefined) return runs[0].task;
  throw new FleetError('NOT_FOUND', 'nothing has been run yet', { hint: "spl 'npm test' 'npm run lint'" });
}
