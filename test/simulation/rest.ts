import { isLinked } from '../../engine/domain/coordinator/worker-state.ts';
import type { FanOut } from '../../engine/domain/model/state.ts';
import type { ThreadId } from '../../engine/record/ids.ts';
import { must, type InvariantId } from './invariants.ts';
import type { World } from './world.ts';

/**
 * Describes what has not ended in a fleet; undefined for a fleet at rest, in which everything that can end has ended.
 */
export function whyNotAtRest(world: World): string | undefined {
  return unendedWork(world)?.why ?? strayWork(world);
}

/** @throws Violation unless the fleet is at rest */
export function requireRest(world: World): void {
  const unended = unendedWork(world);
  must(unended === undefined, idOf(world, unended?.thread), () => unended!.why);
  const stray = strayWork(world);
  must(stray === undefined, 'I17', () => stray!);
}

/** Returns the invariant that is violated if this fan-out does not end. */
function idOf({ watcher }: World, thread: ThreadId | undefined): InvariantId {
  if (thread === undefined) return 'I16';
  if (watcher.wasHeld(thread)) return 'I29';
  return watcher.wasClosed(thread) ? 'I47' : 'I16';
}

function unendedWork({
  coordinator,
}: World): { readonly thread?: ThreadId; readonly why: string } | undefined {
  const { core, process } = coordinator;
  if (!process.up || core === undefined) return { why: 'the coordinator is down' };
  for (const thread of core.state.open) {
    const { fanOut } = core.state.tasks.get(thread)!;
    const why = whyUnended(core.state.instances, fanOut!);
    if (why !== undefined) return { thread, why: `${fanOut!.task.alias}: ${why}` };
  }
  return undefined;
}

/** Returns the number of children without an end. */
export function unendedCount({ coordinator: { core } }: World): number {
  let count = 0;
  for (const thread of core?.state.open ?? [])
    for (const { state } of core!.state.tasks.get(thread)!.fanOut!.children) if (state !== 'done') count++;
  return count;
}

type Instances = NonNullable<World['coordinator']['core']>['state']['instances'];

function whyUnended(instances: Instances, fanOut: FanOut): string | undefined {
  const waiting = new Set<number>();
  const live = [...instances.values()].filter(({ role, status }) => role === 'worker' && status === 'live');
  for (const child of fanOut.children) {
    if (child.state === 'assigned') return `subtask ${child.index} runs at ${child.worker}`;
    if (child.state === 'done') continue;
    waiting.add(child.index);
    if (child.unmet > 0) continue;
    const { target } = fanOut.subtasks[child.index]!;
    const fits = live.filter(({ did, alias }) =>
      target.kind === 'specific'
        ? did === target.did
        : target.kind === 'alias'
          ? alias === target.alias
          : true,
    );
    if (fits.length > 0) return `subtask ${child.index} is pending, and ${fits[0]!.alias} is live`;
  }
  if (waiting.size === 0)
    return fanOut.joined === null ? 'every child is final, and it has not joined' : 'it is over';
  for (const index of waiting) {
    const dependencies = fanOut.subtasks[index]!.depends_on;
    if (fanOut.children[index]!.unmet > 0 && !dependencies.some(each => waiting.has(each)))
      return `subtask ${index} waits for nothing that is there`;
  }
  return undefined;
}

/** Describes work that a worker runs, holds or keeps and that counts nowhere; undefined if there is none. */
function strayWork({ workers, coordinator }: World): string | undefined {
  for (const worker of workers.values()) {
    const link = coordinator.core!.links.get(worker.did);
    if (!worker.process.up || link === undefined || worker.core === undefined) continue;
    // A worker that has hung since it was launched by hand holds nothing, and the launch reported that.
    if (link.connection === 'away' && link.assigned.size === 0) continue;
    if (!isLinked(link)) return `${worker.alias} is not linked`;
    if (worker.running.size > 0) return `${worker.alias} runs ${[...worker.running.keys()].join(', ')}`;
    if (worker.core.unacknowledged > 0) return `${worker.alias} keeps ${worker.core.unacknowledged} reports`;
    if (worker.core.running > 0) return `${worker.alias} counts ${worker.core.running} as running`;
  }
  return undefined;
}
