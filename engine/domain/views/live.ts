import type { LiveDocument } from '../../contract/documents.ts';
import { MAX_CHILDREN } from '../../contract/engine.ts';
import { sumUsd } from '../../contract/money.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { startedAtOf } from '../coordinator/worker-state.ts';
import { completedOf, subtasksOf, type Child, type FanOut } from '../model/state.ts';
import { echoOf, explainJoin, fleetDocument, isCostUnknown, type FleetFacts } from './views.ts';

/** The maximum number of fan-outs in a document. */
const MAX_FAN_OUTS = 100;

/** Returns the fleet, its running attempts, and its open fan-outs. */
export function liveDocument(coordinator: Coordinator, facts: FleetFacts, now: number): LiveDocument {
  const running = runningOn(coordinator, now);
  const open = [...coordinator.state.open].map(thread => coordinator.state.tasks.get(thread)!.fanOut!);
  return {
    ...fleetDocument(coordinator, facts, now),
    at_unix: now / 1000,
    running: running.slice(0, MAX_CHILDREN),
    running_total: running.length,
    fan_outs: open.slice(0, MAX_FAN_OUTS).map(fanOut => fanOutDocument(fanOut)),
    fan_outs_total: open.length,
  };
}

/** Returns the attempts that workers reported as started, longest running first. */
function runningOn({ links, state }: Coordinator, now: number): LiveDocument['running'] {
  const running: LiveDocument['running'] = [];
  for (const { did, assigned } of links.values()) {
    for (const [child, assignment] of assigned) {
      const { fanOut } = assignment;
      const startedAt = startedAtOf(assignment);
      if (startedAt === null) continue;
      const { name, goal } = fanOut.subtasks[child.index]!;
      running.push({
        thread: fanOut.task.thread,
        alias: fanOut.task.alias,
        index: child.index,
        name,
        goal,
        worker: state.instances.get(did)?.alias ?? did,
        worker_did: did,
        attempt: child.attempt,
        started_unix: startedAt / 1000,
        elapsed_secs: Math.max(0, now - startedAt) / 1000,
        cost_usd: costOf(child),
        unknown_costs: unknownCostsOf(fanOut, child),
      });
    }
  }
  return running.sort((a, b) => a.started_unix - b.started_unix);
}

function fanOutDocument(fanOut: FanOut): LiveDocument['fan_outs'][number] {
  const { task, counts, joined } = fanOut;
  return {
    thread: task.thread,
    alias: task.alias,
    namespace: fanOut.namespace,
    round: fanOut.round,
    subtasks: subtasksOf(fanOut),
    completed: completedOf(fanOut),
    counts: { ...counts },
    predicate: fanOut.join,
    progress: explainJoin(fanOut),
    complete: joined !== null,
    opened_unix: fanOut.roundStartedAt / 1000,
    cost_usd: sumUsd(fanOut.children.map(costOf)),
    unknown_costs: fanOut.children.reduce((sum, child) => sum + unknownCostsOf(fanOut, child), 0),
    echo: echoOf(fanOut),
  };
}

/** Returns the cost of all attempts of a child so far, as far as they reported it. */
function costOf({ costUsd, earlier }: Child): number {
  return sumUsd([costUsd, ...(earlier ?? []).map(attempt => attempt.costUsd)]);
}

/** Returns the number of attempts of a child without a known cost. */
function unknownCostsOf(fanOut: FanOut, child: Child): number {
  const earlier = (child.earlier ?? []).filter(({ costUnknown }) => costUnknown).length;
  return earlier + (isCostUnknown(fanOut, child) ? 1 : 0);
}
