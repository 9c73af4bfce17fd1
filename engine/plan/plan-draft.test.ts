import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PRESETS } from '../run/executors/agent/templates.ts';
import { AGENTS, planDraft, type FolderFacts } from './plan-draft.ts';

describe('the draft of a plan', () => {
  const facts: FolderFacts = { name: 'x', scripts: [], targets: [], testFolders: [], agent: null };

  it('names an agent that is installed, and says where none is', () => {
    assert.match(planDraft({ ...facts, agent: 'codex' }), /^# Who .* executor: agent:codex,.*\n$/m);
    assert.match(planDraft(facts), /^# None of these agents is installed here: claude, .*\.$/m);
  });

  it('knows the agents of every fleet', () => {
    assert.deepEqual([...AGENTS], Object.keys(PRESETS));
  });
});
