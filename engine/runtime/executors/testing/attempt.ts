import { randomUUID } from 'node:crypto';
import type { AttemptSpec } from '../executor.ts';

/** Makes an attempt for tests, without a folder and with one minute of time. */
export function anAttempt(more: Partial<AttemptSpec> = {}): AttemptSpec {
  return {
    id: randomUUID(),
    thread: `th_${'a'.repeat(64)}`,
    attempt: 1,
    index: 0,
    task: 'TRIED',
    goal: 'a goal; exit 1',
    name: null,
    executor: 'shell',
    run: null,
    errexit: false,
    dir: null,
    timeoutMs: 60_000,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    hint: null,
    isolation: 'folder',
    depends: [],
    results: {},
    session: null,
    earlierBranch: null,
    env: {},
    inputs: null,
    outputs: null,
    environment: null,
    ...more,
  };
}
