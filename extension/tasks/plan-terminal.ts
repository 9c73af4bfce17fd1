import * as vscode from 'vscode';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { oneLine } from '../../engine/contract/format.ts';
import { FleetError } from '../../engine/errors.ts';
import { sentences } from '../plain.ts';
import { followRun } from '../plans/follow-run.ts';
import type { StartedRun } from '../plans/start.ts';
import { endOf, Newlines, TO_PLAIN } from '../terminal/output.ts';

/** The exit codes of a task. */
const EXIT = { passed: 0, failed: 1, interrupted: 130 } as const;
/** The character that Ctrl+C sends. */
const INTERRUPT = '\u0003';

/**
 * The terminal of a task that runs a plan. It prints the output of each subtask at its end, line by line as the subtask
 * wrote it, so that problem matchers recognise it. It ends with the plan: with 0 if the plan has passed. To close it, or
 * to press Ctrl+C in it, cancels the run.
 */
export class PlanTerminal implements vscode.Pseudoterminal {
  readonly #start: () => Promise<StartedRun | undefined>;
  readonly #wrote = new vscode.EventEmitter<string>();
  readonly #ended = new vscode.EventEmitter<number>();
  /** Aborts when the terminal is closed. */
  readonly #closed = new AbortController();
  /** The attempts that were printed, by `index/attempt`. */
  readonly #printed = new Set<string>();
  readonly onDidWrite = this.#wrote.event;
  readonly onDidClose = this.#ended.event;
  #run: StartedRun | undefined;
  #printing: Promise<void> = Promise.resolve();
  #isCancelled = false;

  /** @param start starts the run; undefined if a person has dismissed a question about it */
  constructor(start: () => Promise<StartedRun | undefined>) {
    this.#start = start;
  }

  open(): void {
    void this.#follow()
      .catch((thrown: unknown) => {
        this.#print(`${sentences(thrown)}\n`);
        return EXIT.failed;
      })
      .then(code => this.#ended.fire(code));
  }

  close(): void {
    this.#closed.abort();
    this.#cancel();
  }

  handleInput(data: string): void {
    if (data === INTERRUPT) this.#cancel();
  }

  async #follow(): Promise<number> {
    this.#run = await this.#start();
    if (this.#run === undefined) return EXIT.interrupted;
    if (this.#isCancelled) this.#cancel();
    const { client, thread } = this.#run;
    const end = await followRun(client, thread, this.#closed.signal, children => this.#take(children));
    await this.#printing;
    this.#run = undefined;
    if (end === undefined) return EXIT.interrupted;
    this.#print(summaryOf(end));
    if (end.outcome === 'satisfied') return EXIT.passed;
    return this.#isCancelled ? EXIT.interrupted : EXIT.failed;
  }

  #take(children: readonly ChildDocument[]): void {
    for (const child of children) {
      const key = `${child.index}/${child.attempt}`;
      if (child.state !== 'done' || this.#printed.has(key)) continue;
      this.#printed.add(key);
      this.#printing = this.#printing.then(() => this.#printSubtask(child));
    }
  }

  async #printSubtask(child: ChildDocument): Promise<void> {
    const colour = isUnaccepted(child) ? 31 : 32;
    this.#print(
      `\u001b[1m${nameOf(child)}\u001b[0m  \u001b[${colour}m${endOf(child, child.attempt) ?? ''}\u001b[0m\n`,
    );
    try {
      if (child.attempt > 0) await this.#printOutput(child);
    } catch (thrown) {
      // The attempt may have been lost before it wrote anything.
      if (!FleetError.is(thrown, 'NOT_FOUND')) this.#print(`${sentences(thrown)}\n`);
    }
  }

  async #printOutput({ index: subtask, attempt }: ChildDocument): Promise<void> {
    const { client, thread: task } = this.#run!;
    const { signal } = this.#closed;
    const { chunks } = await client.output({ task, subtask, attempt, follow: false, signal });
    const [newlines, decoder] = [new Newlines(), new TextDecoder('utf-8')];
    let last = '\n';
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true });
      this.#wrote.fire(newlines.of(text));
      last = text.at(-1) ?? last;
    }
    this.#wrote.fire(`${TO_PLAIN}${last === '\n' ? '' : '\r\n'}`);
  }

  #cancel(): void {
    this.#isCancelled = true;
    const run = this.#run;
    // Without a run, it is cancelled as soon as it has started. It may also have ended meanwhile.
    void run?.client
      .submit('task.cancel', { task: run.thread, subtask: null, reason: null })
      .catch((thrown: unknown) => {
        if (!FleetError.is(thrown, 'CONFLICT')) this.#print(`${sentences(thrown)}\n`);
      });
  }

  #print(text: string): void {
    this.#wrote.fire(text.replace(/\n/g, '\r\n'));
  }
}

const nameOf = ({ name, goal }: ChildDocument): string => oneLine(name ?? goal, 80);

/** Returns the last lines: which subtasks did not pass, and how many did. */
function summaryOf({ children, outcome, reason }: JoinStatus): string {
  const failed = children.filter(isUnaccepted);
  const passed = children.filter(({ verdict }) => verdict === 'accept').length;
  const names = failed.slice(0, 20).map(child => `  ${nameOf(child)}\n`);
  const left = failed.length - names.length;
  return [
    '\n',
    ...(failed.length === 0 ? [] : [`${vscode.l10n.t('Did not pass:')}\n`, ...names]),
    ...(left > 0 ? [`  ${vscode.l10n.t('and {0} more', left)}\n`] : []),
    `${vscode.l10n.t('{0} of {1} passed', passed, children.length)}\n`,
    ...(outcome === 'satisfied' || failed.length > 0 || reason === null ? [] : [`${reason}\n`]),
  ].join('');
}
