import type { RunsDocument } from '../../contract/documents.ts';
import { isWithin } from '../../contract/namespaces.ts';
import {
  isUnderWay,
  subtasksOf,
  wordOf,
  type FanOutHead,
  type FleetState,
  type Joined,
  type Run,
  type Task,
} from '../model/state.ts';

/** The runs that a history is about. */
interface AskedRuns {
  /** All runs if undefined. */
  readonly name?: string | undefined;
  readonly namespace: string;
  readonly limit: number;
  /** An absolute path: only runs in this folder, or in one above it. All runs if undefined. */
  readonly folder?: string | undefined;
}

/** Returns the newest runs of a name, or of all names, newest first and without archived ones. */
export function runsDocument(
  state: FleetState,
  { name, namespace, limit, folder }: AskedRuns,
  now: number,
): RunsDocument {
  const isShown = (run: Run): boolean => {
    const { archived, facts } = state.tasks.get(run.thread)!;
    return isWithin(run.namespace, namespace) && !archived && isAround(facts.dir, folder);
  };
  const lists = name === undefined ? [...state.runs.values()] : [state.runs.get(name) ?? []];
  const newest = lists.flatMap(runs => runs.filter(isShown).slice(-limit));
  newest.sort((a, b) => b.at - a.at || b.number - a.number);
  return { runs: newest.slice(0, limit).map(run => runRow(run, state.tasks.get(run.thread)!, now)) };
}

/** True for a folder that contains this one. */
const isAround = (dir: string | null, folder: string | undefined): boolean =>
  folder === undefined || (dir !== null && `${folder}/`.startsWith(dir === '/' ? dir : `${dir}/`));

function runRow(run: Run, task: Task, now: number): RunsDocument['runs'][number] {
  const head = task.fanOutHead!;
  const underWay = isUnderWay(head);
  return {
    run: run.number,
    task: task.alias,
    thread: task.thread,
    plan: run.name,
    namespace: run.namespace,
    goal: task.goal,
    dir: task.facts.dir,
    round: head.round,
    subtasks: subtasksOf(head),
    started_unix: run.at / 1000,
    wall_secs:
      Math.max(
        0,
        (underWay || head.joined === null ? now : lastEndOf(task, head.joined)) - head.roundStartedAt,
      ) / 1000,
    outcome: head.joined?.outcome ?? null,
    under_way: underWay,
    counts: { ...head.counts },
    needs_you: underWay ? task.fanOut!.asking.size : 0,
    failed: failedOf(task, head),
  };
}

/** Returns the time at which the last subtask ended. Loads only a fan-out of which something ended after the join. */
function lastEndOf(task: Task, { at, census }: Joined): number {
  const { followUps } = task.fanOutHead!;
  if (census.running + census.pending + followUps === 0) return at;
  return task.fanOut!.children.reduce((last, { endedAt }) => Math.max(last, endedAt ?? 0), at);
}

/** The maximum number of failed subtasks in a row. */
const MAX_FAILED = 100;

/** Returns the subtasks that did not pass by their own end. Loads only a fan-out that has some. */
function failedOf(task: Task, { counts, followUps }: FanOutHead): string[] {
  if (counts.failed + counts.rejected + counts.timed_out + followUps === 0) return [];
  const fanOut = task.fanOut!;
  const failed = fanOut.children.filter(
    ({ verdict }) => verdict === 'failed' || verdict === 'reject' || verdict === 'timeout',
  );
  return failed.slice(0, MAX_FAILED).map(({ index }) => wordOf(fanOut, index));
}
