import { chromium, type Browser } from 'playwright-core';
import { environment } from './environment.ts';
import type { Editor } from './install.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  // There are not more processors than working pages.
  '--num-raster-threads=1',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The most launches of a browser that crashes or does not start, before anything was asked of it. */
const LAUNCHES = 3;

/** Starts a headless browser. The caller closes it. It uses its own profile, which is removed with it. */
export async function openBrowser(editor: Editor): Promise<Browser> {
  for (let launch = 1; ; launch++) {
    try {
      return await launchOnce(editor);
    } catch (error) {
      if (launch === LAUNCHES) throw error;
      process.stderr.write(
        `the browser did not come up, and is started again: ${String(error).split('\n')[0]}\n`,
      );
    }
  }
}

function launchOnce(editor: Editor): Promise<Browser> {
  return chromium.launch({
    executablePath: editor.chromium,
    args: ARGS,
    headless: true,
    env: { ...environment(), ...editor.chromiumEnv },
    // The parent process ends us in order, and then we end the browser.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
