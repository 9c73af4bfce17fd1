import { FRESH_CHILD, type FleetState } from '../../engine/domain/model/state.ts';

/**
 * Returns the facts in which two equal states agree: everything except the times, which a live state has from its own
 * clock and a replayed one from the log, and the ready queues, which only make scheduling faster.
 * @param settled whether the live state has received the log's times for everything
 */
export function project(state: FleetState, settled: boolean): string[] {
  const lines: string[] = [];
  for (const task of state.tasks.values()) {
    const { createdAt: _, ...facts } = task.facts;
    lines.push(
      text({
        facts,
        clocks: sorted(task.clocks),
        cancelled: task.cancelled,
        outcome: task.outcome,
        standing: task.standing,
        archived: task.archived,
      }),
    );
    const { fanOut } = task;
    if (fanOut === null) continue;
    const { id, subtasks, join, losers, timeoutMs, serialOf, budget, dependants, counts, round, spawned } =
      fanOut;
    const { namespace, run, expansions, matrices } = fanOut;
    const { joined, roundStartedAt } = fanOut;
    const times = settled ? { roundStartedAt, joinedAt: joined?.at } : {};
    lines.push(
      text({
        id,
        subtasks,
        expansions,
        matrices: [...matrices].sort(),
        join,
        losers,
        timeoutMs,
        serialOf,
        budget,
        namespace,
        run,
        dependants,
        counts,
        round,
        spawned,
      }),
      text({ joined: joined === null ? null : { ...joined, at: 0 }, ...times }),
    );
    for (const child of fanOut.children) {
      const earlier = child.earlier?.map(attempt => ({ ...attempt, endedAt: 0 }));
      lines.push(`${task.alias} ${text({ ...FRESH_CHILD, ...child, earlier, endedAt: 0, notBefore: 0 })}`);
    }
  }
  for (const instance of state.instances.values()) lines.push(text({ ...instance, lastHeartbeatAt: 0 }));
  const dependants = [...state.dependants].map(([on, waiting]) => [on, [...waiting].sort()] as const);
  lines.push(`dependants ${text(sorted(new Map(dependants)))}`);
  lines.push(`aliases ${text(sorted(state.aliases))}`, `open ${text([...state.open].sort())}`);
  lines.push(`clocks ${text(sorted(state.registryClocks))}`, `keys ${text(sorted(state.idempotency))}`);
  lines.push(`usages ${text(sorted(state.usages))}`);
  lines.push(`namespaces ${text(sorted(state.namespaces))}`, `own clocks ${text(sorted(state.ownClocks))}`);
  const runs = [...state.runs.values()].flat().map(run => ({ ...run, at: 0 }));
  lines.push(`runs ${text(runs)}`);
  const breakers = new Map([...state.breakers].map(([executor, each]) => [executor, { ...each, until: 0 }]));
  lines.push(`out of quota ${text(sorted(breakers))}`);
  lines.push(`frozen ${text(sorted(state.freezes))}, emergency ${text(state.emergency)}`);
  return lines;
}

/** Describes the first difference; undefined if there is none. */
export function difference(a: readonly string[], b: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] !== b[i]) return `${a[i] ?? 'nothing'}\n  and ${b[i] ?? 'nothing'}`;
  }
  return undefined;
}

const text = (value: unknown): string => JSON.stringify(value);

function sorted(map: ReadonlyMap<string, unknown>): unknown[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
