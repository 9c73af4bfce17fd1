import { FleetError } from '../errors.ts';
import type { StoredRecord } from '../log/log.ts';
import { isReservedThread, isThreadId } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import type { ReportContext } from './context.ts';

/** The maximum number of records of one thread in an answer. A fan-out has a few records per child. */
const MAX_OF_THREAD = 200_000;

/** Returns all records of a thread. @throws TOO_LARGE */
export async function recordsOf(thread: string, { records, log }: ReportContext): Promise<StoredRecord[]> {
  const positions = await records.positions({ thread, limit: MAX_OF_THREAD + 1 });
  if (positions.length > MAX_OF_THREAD) {
    throw new FleetError('TOO_LARGE', `thread ${thread} has more than ${MAX_OF_THREAD} records`, {
      details: { thread, limit: MAX_OF_THREAD },
      hint: 'Read it page by page: GET /v1/records?thread=…&after=…',
    });
  }
  const found: StoredRecord[] = [];
  for (const position of positions) found.push(await log.get(position));
  return found;
}

/** Returns a thread by its id, a task's alias, or an unambiguous prefix of either. @throws NOT_FOUND, CONFLICT */
export async function resolveThread(name: string, context: ReportContext): Promise<string> {
  const { state } = context.coordinator;
  if (state.tasks.has(name as never) || state.aliases.has(name) || isReservedThread(name))
    return taskThread(name, context);
  if (isThreadId(name) && (await context.records.positions({ thread: name, limit: 1 })).length > 0)
    return name;
  const found = name.startsWith('th_')
    ? (await context.records.threads({ limit: 6, prefix: name })).threads
    : [];
  if (found.length === 1) return found[0]!.thread;
  if (found.length > 1) {
    throw new FleetError(
      'CONFLICT',
      `'${name}' may mean ${found.map(row => row.thread.slice(0, 20)).join(', ')}`,
      { details: { thread: name }, hint: 'Write more of it.' },
    );
  }
  return taskThread(name, context);
}

function taskThread(name: string, { domain, coordinator }: ReportContext): string {
  if (isReservedThread(name)) return name;
  try {
    return domain.resolveTask(coordinator.state, name).thread;
  } catch (error) {
    if (!FleetError.is(error, 'NOT_FOUND')) throw error;
    throw new FleetError('NOT_FOUND', `no thread is named '${name}'`, {
      details: { thread: name },
      hint: 'List them with: spl thread list',
      cause: error,
    });
  }
}

/** Returns the kind of a thread, and its label for people. */
export function describeThread(
  thread: string,
  first: FleetRecord,
  { domain, coordinator: { state } }: ReportContext,
): { kind: string; title: string | null } {
  if (isReservedThread(thread)) return { kind: 'reserved', title: null };
  const task = state.tasks.get(thread as never);
  if (task !== undefined) return { kind: 'task', title: `${task.alias}: ${task.goal}` };
  const goal = first.body['goal'] ?? first.body['text'];
  return {
    kind: domain.topicOf(first) === 'fanout_child' ? 'subtask' : 'thread',
    title: typeof goal === 'string' ? goal : null,
  };
}
