import mocha from 'mocha';

/** Mocha's `spec` report, closed by one line that a machine can read: `N passed, N failed, N skipped`. */
export default class ClosingLineReporter extends mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
  }
}
