import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { checksPage, checksSchema } from '../pages/checks-page.ts';
import { splTerminal } from '../terminal/profile.ts';
import type { Handler } from './context.ts';
import { withProgress } from './progress.ts';

/** The longest time that the checks may take, in milliseconds. */
const CHECKS_MS = 60_000;

export const openTerminal: Handler<'fleet.openTerminal'> = async context => {
  vscode.window.createTerminal(splTerminal(await context.splEnvironment())).show();
};

/** Checks the machine, the home and the log, even when no engine runs, and shows what was found. */
export const doctor: Handler<'fleet.doctor'> = async context => {
  const { SPL_PROGRAM, SPL_NODE, SYNCROPEL_HOME } = await context.splEnvironment();
  const env = { ...process.env, SYNCROPEL_HOME, ELECTRON_RUN_AS_NODE: '1' };
  const words = [SPL_PROGRAM, 'doctor', '--json'];
  // A check that failed is an exit code too, with the findings in the output.
  const answer = await withProgress(vscode.l10n.t('Checking the fleet…'), () =>
    promisify(execFile)(SPL_NODE, words, { env, timeout: CHECKS_MS }).catch((error: { stdout?: string }) => {
      if (!error.stdout) throw error;
      return { stdout: error.stdout };
    }),
  );
  const checks = v.parse(checksSchema, JSON.parse(answer.stdout));
  await context.documents.showPage(vscode.l10n.t('Checks'), checksPage(checks));
};
