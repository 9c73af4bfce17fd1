import { chromium, type Browser } from 'playwright-core';
import { environment } from './environment.ts';
import type { Editor } from './install.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser without a window. Whoever calls closes it; it uses a profile of its own, removed with it. */
export function openBrowser(editor: Editor): Promise<Browser> {
  return chromium.launch({
    executablePath: editor.chromium,
    args: ARGS,
    headless: true,
    env: { ...environment(), ...editor.chromiumEnv },
    // Whoever started us ends us in order, and then the browser with us.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
