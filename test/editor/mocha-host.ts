import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';
import type { Told } from './result.ts';

/**
 * Runs mocha inside the extension host. Writes each step at once, as a line in the file that `SPL_TEST_RESULT` names,
 * so that the runner knows the progress whatever happens to this process. The exit code alone is not enough: a killed
 * extension host counts as success.
 */
export async function runMocha(load: () => Promise<unknown>): Promise<void> {
  const file = process.env['SPL_TEST_RESULT'];
  if (file === undefined) throw new Error('SPL_TEST_RESULT names no file');
  process.setSourceMapsEnabled(true);
  const tell = (told: Told): void => appendFileSync(file, JSON.stringify(told) + '\n');
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, forbidOnly: true, reporter: Silent });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  await load();
  const failed = await new Promise<number>(resolve => {
    const runner = mocha.run(resolve);
    runner.on('test', test => tell({ event: 'begun', title: test.fullTitle() }));
    runner.on('pass', test => tell({ event: 'passed', title: test.fullTitle(), ms: test.duration ?? 0 }));
    runner.on('pending', test => tell({ event: 'skipped', title: test.fullTitle() }));
    runner.on('fail', (test, error: Error) => {
      tell({ event: 'failed', title: test.fullTitle(), error: error.stack ?? error.message });
    });
  });
  tell({ event: 'finished' });
  if (failed > 0) throw new Error(`${failed} failed`);
}

/** Prints nothing: the runner reports from the file. */
class Silent extends Mocha.reporters.Base {
  override epilogue(): void {}
}
