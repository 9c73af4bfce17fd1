import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { sumUsd } from '../../engine/contract/money.ts';
import type { LastRun } from '../../engine/language/protocol.ts';

/** As many are read at a time. */
const PAGE = 500;
/** More subtasks than this are not told: nobody reads them beside their plan. */
export const MAX_CHILDREN = 2_000;

/** The subtasks of a fan-out, the first 2,000 of them. */
export async function childrenOf(client: EngineClient, task: string): Promise<readonly ChildDocument[]> {
  const children: ChildDocument[] = [];
  while (children.length < MAX_CHILDREN) {
    const page = await client.report('children', { task, offset: children.length, limit: PAGE });
    children.push(...page.children);
    if (page.children.length < PAGE) break;
  }
  return children;
}

/** Returns the end of a fan-out as a join's predicate sees it; null where it has more than `MAX_CHILDREN` subtasks. */
export async function lastRunOf(client: EngineClient, task: string): Promise<LastRun['facts']> {
  const join = await client.report('join', { task, summary: true });
  if (join.subtasks > MAX_CHILDREN) return null;
  const [children, { goal }] = await Promise.all([childrenOf(client, task), client.report('task', { task })]);
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
