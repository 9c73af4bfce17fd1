import { isInstalled } from '../home/installed.ts';
import { AGENTS, planDraft, type InstalledAgent, type PlanDraft } from '../plan/draft/plan-draft.ts';
import { snapshotOf } from './folder-snapshot.ts';

/**
 * Returns a first plan for a folder: the checks that its tools have.
 * @param base the path of the folder, relative to that of the plan
 */
export async function draftOf(folder: string, env: NodeJS.ProcessEnv, base = ''): Promise<PlanDraft> {
  return planDraft(await snapshotOf(folder), await agentOf(env), base);
}

async function agentOf(env: NodeJS.ProcessEnv): Promise<InstalledAgent> {
  for (const agent of AGENTS) if (await isInstalled(agent, env)) return agent;
  return null;
}
