import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/api/client.ts';
import { messageOf } from '../../engine/errors.ts';

/** Which attempt's output; the latest one where `attempt` is left out. */
export interface OutputOf {
  readonly task: string;
  /** For the title. */
  readonly alias: string;
  readonly index: number;
  readonly attempt?: number;
}

/** A terminal without a shell that shows what a subtask printed, and follows it while it runs. */
export class OutputTerminal implements vscode.Pseudoterminal {
  readonly #client: EngineClient;
  readonly #of: OutputOf;
  readonly #wrote = new vscode.EventEmitter<string>();
  readonly #named = new vscode.EventEmitter<string>();
  readonly #closed = new AbortController();
  readonly onDidWrite = this.#wrote.event;
  readonly onDidChangeName = this.#named.event;

  constructor(client: EngineClient, of: OutputOf) {
    this.#client = client;
    this.#of = of;
  }

  open(): void {
    this.#follow().catch((thrown: unknown) => {
      if (!this.#closed.signal.aborted) this.#say(messageOf(thrown));
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
    // A character may be cut in two between chunks, and a command may print what is no text at all.
    const decoder = new TextDecoder('utf-8');
    const newlines = new Newlines();
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      this.#wrote.fire(newlines.of(decoder.decode(chunk, { stream: true })));
    }
    this.#say(size === 0 ? vscode.l10n.t('It printed nothing.') : vscode.l10n.t('End of the output.'));
  }

  /** In words of the editor's, set apart from what was printed. */
  #say(text: string): void {
    this.#wrote.fire(`\r\n\u001b[2m· ${text}\u001b[0m\r\n`);
  }
}

export function titleOf({ alias, index }: OutputOf, attempt?: number): string {
  return attempt === undefined || attempt === 1 ? `${alias} [${index}]` : `${alias} [${index}] #${attempt}`;
}

/** A terminal wants a carriage return before each line feed; a command that prints to a pipe gives none. */
class Newlines {
  #afterReturn = false;

  of(text: string): string {
    const whole = this.#afterReturn && text.startsWith('\n') ? `\r${text}` : text;
    this.#afterReturn = text.endsWith('\r');
    return whole.replace(/\r?\n/g, '\r\n');
  }
}
