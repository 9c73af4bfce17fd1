import type { ArchivedDocument, RunsDocument } from '../../contract/documents.ts';
import { duration, moment, plural, table } from '../../contract/format.ts';
import { runText } from '../../contract/run-name.ts';
import type { Colours } from './colours.ts';
import type { ShowPath } from './fleet.ts';

type Run = RunsDocument['runs'][number];

const OUTCOME_WORDS = {
  satisfied: 'passed',
  unsatisfiable: 'failed',
  timed_out: 'timed out',
  cancelled: 'cancelled',
} as const;

/** Returns the state of a run in the words of people. */
export function runState({ outcome, under_way: isUnderWay, counts, needs_you: asking }: Run): string {
  if (outcome !== null && !isUnderWay) return OUTCOME_WORDS[outcome];
  if (asking > 0) return 'needs you';
  return counts.running > 0 ? 'running' : 'waiting';
}

/** The maximum number of failed subtasks in a line. */
const MAX_FAILED = 5;

/** @param folder the folder of the command: where a run is of another one, the folders are shown */
export function runsLines(
  { runs }: RunsDocument,
  folder: string,
  showPath: ShowPath,
  colours: Colours,
): readonly string[] {
  if (runs.length === 0)
    return [
      'nothing has been run yet',
      '  → to run a plan: spl run release.fanout.yaml; to list commands and tasks: spl task list',
    ];
  const isElsewhere = runs.some(({ dir }) => dir != null && dir !== folder);
  const rows = runs.map(run => [
    runText({ name: run.plan, number: run.run }),
    moment(run.started_unix),
    `${runState(run)}${run.round > 1 ? `, retry ${run.round - 1}` : ''}`,
    duration(run.wall_secs),
    run.task,
    ...(isElsewhere ? [run.dir == null ? '–' : showPath(run.dir)] : []),
    failedText(run.failed),
  ]);
  const columns = ['RUN', 'STARTED', 'RESULT', 'TIME', 'TASK', ...(isElsewhere ? ['FOLDER'] : []), 'FAILED'];
  const [header, ...lines] = table(columns, rows);
  return [header!, ...lines.map((line, i) => (hasFailed(runs[i]!) ? colours.red(line) : line))];
}

const hasFailed = ({ outcome }: Run): boolean => outcome === 'unsatisfiable' || outcome === 'timed_out';

function failedText(failed: readonly string[]): string {
  const more = failed.length - MAX_FAILED;
  return `${failed.slice(0, MAX_FAILED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function archivedLines({ archived, tasks }: ArchivedDocument, colours: Colours): readonly string[] {
  if (tasks.length === 0) return ['no finished tasks to archive'];
  const what = tasks.length > 10 ? plural(tasks.length, 'task') : tasks.map(({ alias }) => alias).join(', ');
  if (!archived) return [`${colours.green('✓')} ${what} in lists again`];
  return [`${colours.green('✓')} ${what} archived`, '  → to list archived tasks: spl task list --archived'];
}
