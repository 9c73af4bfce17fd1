import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { checkPlan } from '../../engine/check-plan.ts';
import { NO_FLEET } from '../../engine/cli/plans.ts';

/** Checks the repository's own plan against the rules of plans, and against the files that it names. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILE = 'check.fanout.yaml';

describe(FILE, () => {
  const plan = checkPlan(readFileSync(join(ROOT, FILE), 'utf8'), NO_FLEET);

  it('has no fault', () => assert.deepEqual(plan.diagnostics, []));

  it('has at least four checks, each with a time-out', () => {
    const timeouts = plan.request!.subtasks.map(({ timeout_secs: secs }) => secs);
    assert.ok(timeouts.length >= 4);
    assert.ok(timeouts.every(secs => typeof secs === 'number'));
  });

  it('names existing programs and files', () => {
    const commands = plan.request!.subtasks.map(({ run }) => run ?? '');
    const paths = commands.flatMap(
      run => run.match(/\b(?:node_modules|engine|test|webview)(?:\/[\w.-]+)+/g) ?? [],
    );
    assert.ok(paths.length >= commands.length);
    assert.deepEqual(
      paths.filter(path => !existsSync(join(ROOT, path))),
      [],
    );
  });
});
