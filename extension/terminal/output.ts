import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import { subtaskWord } from '../../engine/contract/format.ts';
import { messageOf } from '../../engine/errors.ts';
import { subtaskName } from '../views/appearance.ts';
import { Backlog } from './backlog.ts';

/**
 * The most bytes that are shown at once, and the interval. A terminal keeps about a thousand lines, and drawing more
 * would block the editor.
 */
const MAX_BYTES = 128 * 1024;
const SHOW_MS = 50;
/** Ends an unfinished control sequence, leaves the alternate screen, and resets modes and character sets. */
const TO_PLAIN = '\u0018\u001b[?47l\u001b[!p\u000f';
/** Erases from the cursor to the end of the screen. */
const ERASE_BELOW = '\u001b[J';

/** The attempt whose output is shown; the latest one if `attempt` is left out. */
export interface OutputOf {
  readonly task: string;
  /** The name in the title. */
  readonly alias: string;
  readonly index: number;
  readonly name: string | null;
  readonly attempt?: number;
}

/** A terminal without a shell. It shows the output of a subtask, and follows it while the subtask runs. */
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
    const { task, index: subtask, attempt } = this.#of;
    const { signal } = this.#closed;
    const request = { task, subtask, follow: true, signal, ...(attempt === undefined ? {} : { attempt }) };
    const { info, chunks } = await this.#client.output(request);
    this.#named.fire(titleOf(this.#of, info.attempt));
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
    this.#print(size === 0 ? vscode.l10n.t('It printed nothing.') : vscode.l10n.t('End of the output.'));
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

export function titleOf({ alias, ...subtask }: OutputOf, attempt?: number): string {
  const title = `${alias} ${subtaskName(subtask)}`;
  return attempt === undefined || attempt === 1 ? title : `${title} #${attempt}`;
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
class Newlines {
  #afterReturn = false;

  of(text: string): string {
    const whole = this.#afterReturn && text.startsWith('\n') ? `\r${text}` : text;
    this.#afterReturn = text.endsWith('\r');
    return whole.replace(/\r?\n/g, '\r\n');
  }
}
