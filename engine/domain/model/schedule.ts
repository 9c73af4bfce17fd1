import { IndexQueue } from './index-queue.ts';

/** A piece of work to schedule on slots. */
export interface Job {
  readonly wallMs: number;
  readonly dependsOn: readonly number[];
}

/**
 * Returns the time in ms from the first start to the last end when the jobs run on this number of slots. A free slot
 * takes the job that became ready first; ties go to the lowest index. This is list scheduling (Graham 1966), so the
 * result is never below the sum of the walls ÷ slots, nor below the critical path; with a slot for each job it is the
 * critical path.
 *
 * @param jobs without a cycle
 * @param slots at least 1
 */
export function makespan(jobs: readonly Job[], slots: number): number {
  const unmet = jobs.map(({ dependsOn }) => dependsOn.length);
  const dependants = dependantsOf(jobs);
  const ready = new IndexQueue();
  unmet.forEach((count, index) => count === 0 && ready.push(index));
  const running: { readonly index: number; readonly endsAt: number }[] = [];
  let now = 0;
  for (;;) {
    while (running.length < slots && ready.size > 0) {
      const index = ready.shift()!;
      running.push({ index, endsAt: now + jobs[index]!.wallMs });
    }
    if (running.length === 0) return now;
    const { index, endsAt } = takeNext(running);
    now = endsAt;
    for (const next of dependants[index]!) if ((unmet[next]! -= 1) === 0) ready.push(next);
  }
}

function dependantsOf(jobs: readonly Job[]): readonly (readonly number[])[] {
  const dependants: number[][] = jobs.map(() => []);
  jobs.forEach(({ dependsOn }, index) => dependsOn.forEach(on => dependants[on]!.push(index)));
  return dependants;
}

/** Removes the job that ends first. There are at most as many as slots, which are few. */
function takeNext<T extends { readonly endsAt: number }>(running: T[]): T {
  let first = 0;
  for (let i = 1; i < running.length; i++) if (running[i]!.endsAt < running[first]!.endsAt) first = i;
  const [next] = running.splice(first, 1);
  return next!;
}
