import mocha from 'mocha';
import { noteTime } from './times.mjs';

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_HOOK_END } = mocha.Runner.constants;

/**
 * Mocha's `spec` report with a last line for programs: `N passed, N failed, N skipped`. Records the time of each test
 * and hook, and the errors, for the end of the whole run.
 */
export default class ClosingLineReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    for (const event of [EVENT_TEST_PASS, EVENT_HOOK_END])
      runner.on(event, each => noteTime(each.fullTitle(), each.duration ?? 0));
    runner.on(EVENT_TEST_FAIL, (each, error) =>
      noteTime(each.fullTitle(), each.duration ?? 0, error?.message ?? String(error)),
    );
  }

  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
  }
}
