import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { follow } from '../../engine/client/follow.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { attemptTime, oneLine, subtaskWord } from '../../engine/contract/format.ts';
import { messageOf } from '../../engine/errors.ts';
import { verdictText } from '../views/appearance.ts';
import { Backlog } from './backlog.ts';

/**
 * The most bytes that are shown at once, and the interval. A terminal keeps about a thousand lines, and drawing more
 * would block the editor.
 */
const MAX_BYTES = 128 * 1024;
const SHOW_MS = 50;
/** Ends an unfinished control sequence, leaves the alternate screen, and resets modes and character sets. */
export const TO_PLAIN = '\u0018\u001b[?47l\u001b[!p\u000f';
/** Erases from the cursor to the end of the screen. */
const ERASE_BELOW = '\u001b[J';

/** The subtask whose output is shown. */
export interface OutputOf {
  readonly task: string;
  /** The name of the task in the title. */
  readonly alias: string;
  readonly index: number;
  readonly name: string | null;
  readonly goal: string;
  /** A single attempt. Default: the present one, and those that follow it. */
  readonly attempt?: number;
}

/**
 * A terminal without a shell. It shows the output of a subtask, and follows it while the subtask runs and is retried.
 * Each attempt ends with its exit code and its time.
 */
export class OutputTerminal implements vscode.Pseudoterminal {
  readonly #client: EngineClient;
  readonly #of: OutputOf;
  readonly #wrote = new vscode.EventEmitter<string>();
  readonly #named = new vscode.EventEmitter<string>();
  readonly #closed = new AbortController();
  readonly #newlines = new Newlines();
  // A chunk may end inside a character, and the output may not be text.
  #decoder = new TextDecoder('utf-8');
  #omitted = 0;
  readonly onDidWrite = this.#wrote.event;
  readonly onDidChangeName = this.#named.event;

  constructor(client: EngineClient, of: OutputOf) {
    this.#client = client;
    this.#of = of;
  }

  open(): void {
    this.#follow().catch((thrown: unknown) => {
      if (!this.#closed.signal.aborted) this.#print(messageOf(thrown));
    });
  }

  close(): void {
    this.#closed.abort();
    this.#wrote.dispose();
    this.#named.dispose();
  }

  async #follow(): Promise<void> {
    const { task, index, attempt: only } = this.#of;
    const { signal } = this.#closed;
    const about = { thread: task, kinds: ['task'], intervalMs: SHOW_MS } as const;
    let [shown, ended] = [0, 0];
    for await (const { all, tasks } of follow(this.#client, about, signal)) {
      if (!all && tasks.get(task)?.has(index) !== true) continue;
      let child = await this.#child();
      const attempt = only ?? child.attempt;
      if (attempt > shown) {
        await this.#showAttempt((shown = attempt));
        child = await this.#child();
      }
      const end = shown > ended ? endOf(child, shown) : undefined;
      if (end === undefined) continue;
      ended = shown;
      this.#print(end);
      if (only !== undefined) return;
    }
  }

  async #child(): Promise<ChildDocument> {
    const { task, index } = this.#of;
    const input = { task, offset: 0, limit: 1, indices: [index] };
    return (await this.#client.report('children', input, this.#closed.signal)).children[0]!;
  }

  async #showAttempt(attempt: number): Promise<void> {
    const { task, index: subtask } = this.#of;
    const { signal } = this.#closed;
    const { chunks } = await this.#client.output({ task, subtask, attempt, follow: true, signal });
    if (attempt > 1) this.#print(vscode.l10n.t('Attempt {0}', attempt));
    this.#named.fire(titleOf(this.#of, attempt));
    this.#omitted = 0;
    const backlog = new Backlog(MAX_BYTES);
    let size = 0;
    const shows = setInterval(() => this.#show(backlog), SHOW_MS);
    try {
      for await (const chunk of chunks) {
        size += chunk.length;
        backlog.push(chunk);
      }
    } finally {
      clearInterval(shows);
      if (!signal.aborted) this.#show(backlog);
    }
    if (size === 0) this.#print(vscode.l10n.t('It printed nothing.'));
    if (this.#omitted > 0)
      this.#print(
        vscode.l10n.t(
          '{0} came too fast to be shown. All that is kept: {1}',
          megabytes(this.#omitted),
          command(this.#of),
        ),
      );
  }

  #show(backlog: Backlog): void {
    const { omitted, bytes } = backlog.take();
    if (omitted > 0) {
      this.#decoder = new TextDecoder('utf-8');
      this.#omitted += omitted;
      this.#print(vscode.l10n.t('{0} left out here', megabytes(omitted)));
    }
    const text = this.#newlines.of(this.#decoder.decode(bytes, { stream: true }));
    if (text !== '') this.#wrote.fire(text);
  }

  /** Writes a message of the editor below the output, and erases everything under it. */
  #print(text: string): void {
    this.#wrote.fire(`${TO_PLAIN}\r\n${ERASE_BELOW}\u001b[2m· ${text}\u001b[0m\r\n`);
  }
}

/** Returns the title of the terminal: the subtask first, which is what a narrow tab shows. */
export function titleOf(of: OutputOf, attempt?: number): string {
  const name = oneLine(of.name ?? of.goal, 60);
  const title = `${name} · ${of.alias}`;
  return attempt === undefined || attempt === 1 ? title : `${title} #${attempt}`;
}

/** Describes the end of an attempt: `failed · exit code 1 · 12s`. Undefined while it runs, or if it is unknown. */
export function endOf(child: ChildDocument, attempt: number): string | undefined {
  const earlier = child.earlier_attempts.find(each => each.attempt === attempt);
  if (earlier !== undefined) return [verdictText(earlier.verdict), attemptTime(earlier)].join(' · ');
  if (child.attempt > attempt) return vscode.l10n.t('This attempt has ended.');
  if (child.state !== 'done' || child.attempt < attempt) return undefined;
  const { verdict, exit_code: exitCode, signal } = child;
  return [
    verdictText(verdict ?? ''),
    ...(exitCode === null ? [] : [vscode.l10n.t('exit code {0}', exitCode)]),
    ...(signal === null ? [] : [vscode.l10n.t('signal {0}', signal)]),
    attemptTime(child),
  ].join(' · ');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Returns the command that prints the whole output. */
function command({ alias, attempt, ...subtask }: OutputOf): string {
  const which = attempt === undefined ? '' : ` --attempt ${attempt}`;
  return `spl task output ${alias} --subtask ${subtaskWord(subtask)}${which}`;
}

/** Adds the carriage return that a terminal needs before each line feed. Output from a pipe lacks it. */
export class Newlines {
  #afterReturn = false;

  of(text: string): string {
    const whole = this.#afterReturn && text.startsWith('\n') ? `\r${text}` : text;
    this.#afterReturn = text.endsWith('\r');
    return whole.replace(/\r?\n/g, '\r\n');
  }
}
