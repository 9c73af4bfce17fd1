import mocha from 'mocha';
import { noteTime } from './times.mjs';

const { EVENT_TEST_END, EVENT_HOOK_END } = mocha.Runner.constants;

/**
 * Mocha's `spec` report with a last line for programs: `N passed, N failed, N skipped`. Records the time of each test
 * and hook for the list of the slowest.
 */
export default class ClosingLineReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    for (const event of [EVENT_TEST_END, EVENT_HOOK_END])
      runner.on(event, each => noteTime(each.fullTitle(), each.duration ?? 0));
  }

  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
  }
}
