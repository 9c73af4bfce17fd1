import type { EngineEvent, OutputRequest, OutputStream, WatchOptions } from '../../contract/engine.ts';
import { linkedController } from '../../contract/linked-controller.ts';
import { FleetError } from '../../errors.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { labelOf, threadOf, type Child, type Task } from '../../domain/model/state.ts';
import { resolveSubtask } from '../../domain/commands/subtask-refs.ts';
import { resolveTask } from '../../domain/model/tasks.ts';
import { homePaths } from '../../home/paths.ts';
import type { Did } from '../../record/ids.ts';
import { openOutputStore } from './store.ts';

/** Readers store nothing; the cap only matters to writers. */
const READING = { capBytes: 4 };

/** Opens the output of a subtask in the home of its worker. @throws NOT_FOUND */
export function openOutput(
  coordinator: Coordinator,
  request: OutputRequest,
  watch: (options: WatchOptions) => AsyncIterable<EngineEvent>,
): Promise<OutputStream> {
  const task = resolveTask(coordinator.state, request.task);
  const child = resolveSubtask(task, request.subtask);
  const fanOut = task.fanOut!;
  const attempt = request.attempt ?? child.attempt;
  const worker = workerOf(child, attempt);
  const home = worker === null ? undefined : coordinator.state.instances.get(worker)?.home;
  if (home === undefined) throw notRun(task, child, attempt);
  const running = child.state === 'assigned' && attempt === child.attempt;
  const alias = coordinator.state.instances.get(worker!)!.alias;
  const info = { task: task.alias, subtask: child.index, attempt, worker: alias, running };
  const store = openOutputStore(homePaths(home).outputDir, READING);
  const thread = threadOf(fanOut, child.index);
  if (!request.follow || !running) return Promise.resolve({ info, chunks: store.read(thread, attempt) });
  const done = ended(
    child,
    attempt,
    signal => watch({ thread: task.thread, kinds: ['task'], signal }),
    request.signal,
  );
  return Promise.resolve({
    info,
    chunks: store.follow(thread, attempt, { signal: request.signal, done }),
  });
}

function workerOf(child: Child, attempt: number): Did | null {
  if (attempt === child.attempt) return child.worker;
  return child.earlier?.find(earlier => earlier.attempt === attempt)?.worker ?? null;
}

function notRun(task: Task, child: Child, attempt: number): FleetError {
  const isOver = child.state === 'done';
  const why = isOver && child.reason !== null ? `: ${child.reason}` : '';
  const unrun = isOver ? `was not run${why}` : 'has not run yet';
  const what = attempt === 0 ? unrun : `has no attempt ${attempt}`;
  return new FleetError('NOT_FOUND', `${labelOf(task.fanOut!, child.index)} of '${task.alias}' ${what}`, {
    details: { task: task.alias, subtask: child.index, attempt },
  });
}

/** Resolves when this attempt of the child has ended. */
async function ended(
  child: Child,
  attempt: number,
  watch: (signal: AbortSignal) => AsyncIterable<EngineEvent>,
  signal: AbortSignal,
): Promise<void> {
  const isOver = (): boolean => child.state !== 'assigned' || child.attempt !== attempt;
  const { controller: enough, release } = linkedController([signal]);
  const events = watch(enough.signal);
  try {
    if (isOver()) return;
    for await (const _ of events) if (isOver()) return;
  } finally {
    enough.abort();
    release();
  }
}
