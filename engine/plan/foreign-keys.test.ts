import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { celCompiler } from '../domain/join/cel.ts';
import { parseDescriptor } from './descriptor.ts';
import { readPlan, type PlanContext } from './plan.ts';

const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

describe('a key of another tool', () => {
  /** Returns the beginning of the message for a key, and the text that the fix writes. */
  const told = (plan: string): readonly (string | undefined)[] => {
    const { diagnostics } = readPlan(plan, CONTEXT);
    const { message, fixes } = diagnostics.find(({ code }) => code === 'unknown-key')!;
    return [message.split(';')[0], fixes[0]?.text];
  };
  const subtask = (key: string, value = 'x'): readonly (string | undefined)[] =>
    told(`goal: a\nsubtasks:\n  - name: a\n    ${key}: ${value}\n`);

  for (const [theirs, ours] of [
    ['needs', 'depends'],
    ['dependsOn', 'depends'],
    ['cmd', 'run'],
    ['command', 'run'],
    ['script', 'run'],
    ['cwd', 'dir'],
    ['working-directory', 'dir'],
    ['environment', 'env'],
    ['description', 'goal'],
  ] as const)
    it(`'${theirs}' is '${ours}' here`, () =>
      assert.deepEqual(subtask(theirs), [`unknown key '${theirs}' (did you mean '${ours}'?)`, ours]));

  it('has no fix where the value differs', () => {
    assert.deepEqual(subtask('timeout-minutes', '5'), [
      "unknown key 'timeout-minutes' (did you mean 'timeout', in seconds?)",
      undefined,
    ]);
    assert.deepEqual(subtask('retries', '2'), [
      "unknown key 'retries' (did you mean 'attempts', which counts the first start too?)",
      undefined,
    ]);
    assert.deepEqual(subtask('strategy', '{ matrix: { a: [b] } }'), [
      "unknown key 'strategy' (did you mean 'matrix', with the lists directly below it?)",
      undefined,
    ]);
  });

  it('is told for the plan as well', () => {
    assert.deepEqual(told('goal: a\njobs: {}\n'), [
      "unknown key 'jobs' (did you mean 'subtasks', which is a list?)",
      undefined,
    ]);
    assert.deepEqual(told('description: a\nsubtasks: []\n'), [
      "unknown key 'description' (did you mean 'goal'?)",
      'goal',
    ]);
  });

  it('is told on the command line', () => {
    const result = parseDescriptor('goal=a,cmd=b');
    assert.match(result.ok ? '' : result.fault.message, /^unknown key 'cmd' \(did you mean 'run'\?\)/);
  });
});
