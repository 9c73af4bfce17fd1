import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { readRange } from '../../engine/client/fan-out.ts';
import { sumUsd } from '../../engine/contract/money.ts';
import type { LastRun } from '../../engine/language/protocol.ts';

/** The most subtasks of a run that are sent: nobody reads more of them beside their plan. */
export const MAX_CHILDREN = 2_000;

/** Returns the end of a fan-out as a join's predicate sees it; null if it has more than `MAX_CHILDREN` subtasks. */
export async function lastRunOf(client: EngineClient, task: string): Promise<LastRun['facts']> {
  const join = await client.report('join', { task, summary: true });
  if (join.subtasks > MAX_CHILDREN) return null;
  const [{ goal }, children] = await Promise.all([client.report('task', { task }), childrenOf(client, join)]);
  return {
    counts: join.census ?? join.counts,
    costUsd: sumUsd(children.map(({ cost_usd: cost }) => cost)),
    wallTimeSecs: Math.max(0, ...children.map(({ wall_time_secs: wall }) => wall)),
    children: children
      .filter(({ when }) => when === 'accepted')
      .map(child => ({
        index: child.index,
        name: child.name,
        goal: child.goal,
        thread: child.thread,
        worker: child.worker,
        verdict: child.verdict === 'skipped' ? null : child.verdict,
        costUsd: child.cost_usd,
        wallTimeSecs: child.wall_time_secs,
        exitCode: child.exit_code,
        summary: child.summary,
        attempt: child.attempt,
      })),
    parent: { thread: join.thread, alias: join.alias, goal, record: '' },
    nowMs: (join.joined_unix ?? 0) * 1000,
  };
}

async function childrenOf(
  client: EngineClient,
  { thread, subtasks }: JoinStatus,
): Promise<readonly ChildDocument[]> {
  const children: ChildDocument[] = [];
  for await (const page of readRange(client, thread, 0, subtasks)) children.push(...page);
  return children;
}
