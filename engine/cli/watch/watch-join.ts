import type { JoinStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { printLines } from '../context.ts';
import type { Context } from '../verb.ts';
import { EXIT, exitCodeOfOutcome } from '../exit-codes.ts';
import { echoLines, joinStatusLines } from '../render/join.ts';
import { summaryLines } from '../run/summary.ts';
import { followJoin } from './follow-join.ts';
import { DocumentPerChange, LinePerChange, OneDocument, Redrawn, type EndLines, type View } from './views.ts';

/**
 * Runs `--wait`: shows the progress until the join, then prints its results. With `--json`, prints one document, that of
 * the command with the join status in it.
 * @param endLines default: those of `spl run`
 * @returns the exit code of the outcome; 130 if the user leaves while the run goes on
 */
export function waitForJoin(
  context: Context,
  task: string,
  { document = {}, endLines = results }: { readonly document?: object; readonly endLines?: EndLines },
): Promise<number> {
  const view = context.settings.json ? new OneDocument(context, document) : viewOf(context, endLines);
  return follow(context, task, view);
}

/** Returns the lines at the end of a run, as `spl run` prints them. */
const results: EndLines = (join, colours) => summaryLines(join, null, colours);

/** Runs `--watch`, which is like `--wait`. With `--json`, it prints one document per line, at each change. */
export function watchJoin(context: Context, task: string): Promise<number> {
  return follow(
    context,
    task,
    context.settings.json ? new DocumentPerChange(context) : viewOf(context, joinStatusLines),
  );
}

/** Returns the view: a terminal is redrawn in place, other outputs get lines. */
const viewOf = (context: Context, endLines: EndLines): View =>
  context.out.isTTY && context.env['TERM'] !== 'dumb'
    ? new Redrawn(context, endLines)
    : new LinePerChange(context, endLines);

async function follow(context: Context, task: string, view: View): Promise<number> {
  let last: JoinStatus | undefined;
  try {
    const { engine } = await context.client();
    for await (const join of followJoin(engine, task, context.signal)) {
      if (join.predicate === null) throw nothingToWatch(task);
      last = join;
      view.update(join);
    }
  } catch (thrown) {
    if (!context.signal.aborted) {
      const lost = FleetError.is(thrown, 'UNREACHABLE') || FleetError.is(thrown, 'LINK_BROKEN');
      throw lost && last !== undefined ? connectionLost(last, thrown) : thrown;
    }
  } finally {
    view.leave?.();
  }
  if (last?.complete && !last.under_way) {
    view.finish(last);
    return exitCodeOfOutcome(last.outcome);
  }
  if (!context.signal.aborted) throw connectionLost(last);
  printLines(context.err, [
    ...(last?.echo == null ? [] : echoLines(last)),
    `· ${last?.alias ?? task} goes on; to come back: ${wayBack(last?.alias ?? task)}`,
  ]);
  return EXIT.interrupted;
}

const wayBack = (task: string): string => `spl task join-status ${task} --watch`;

function nothingToWatch(task: string): FleetError {
  return new FleetError('NOT_FOUND', `task '${task}' has no fan-out to watch`, {
    details: { task },
    hint: `spl task fan-out ${task} --subtask "goal=…"`,
  });
}

/**
 * Returns the error for an engine that went away during the watching. The run does not depend on this process, nor do
 * the workers.
 */
function connectionLost(last: JoinStatus | undefined, cause?: unknown): FleetError {
  return new FleetError('UNREACHABLE', 'the coordinator went away while we watched; workers go on', {
    hint: `spl fleet start takes it up again; then: ${wayBack(last?.alias ?? 'TASK')}`,
    cause,
  });
}
