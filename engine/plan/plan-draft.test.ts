import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PRESETS } from '../runtime/executors/agent/templates.ts';
import { celCompiler } from '../domain/join/cel.ts';
import { readPlan, type PlanContext } from './plan.ts';
import { AGENTS, planDraft, type FolderFacts } from './plan-draft.ts';

const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

describe('the draft of a plan', () => {
  const facts: FolderFacts = { name: 'x', scripts: [], targets: [], testFolders: [], agent: null };

  it('names an installed agent, or notes that there is none', () => {
    assert.match(planDraft({ ...facts, agent: 'codex' }), /^# Who .* executor: agent:codex,.*\n$/m);
    assert.match(planDraft(facts), /^# None of these agents is installed here: claude, .*\.$/m);
  });

  it('names the defaults of a plan', () => {
    const source = planDraft(facts);
    const text = source.replace(/^(join|losers): .*\n/gm, '');
    assert.notEqual(text, source);
    const [said, silent] = [source, text].map(each => readPlan(each, CONTEXT).request);
    assert.notEqual(said, null);
    assert.deepEqual(said, silent);
  });

  it('knows the agents of every fleet', () => {
    assert.deepEqual([...AGENTS], Object.keys(PRESETS));
  });
});
