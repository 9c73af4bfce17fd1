import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import { followRun } from '../plans/follow-run.ts';
import { endOf, Newlines } from '../terminal/output.ts';
import type { PlanItems } from './plan-items.ts';

/** The most characters of an attempt's output that the Test Explorer keeps. */
const MAX_OUTPUT = 512 * 1024;
/** The most characters of it in the message of a failure, from its end. */
const MAX_MESSAGE = 4_000;

/** The run of a plan, reported to the Test Explorer. */
export class ReportedRun {
  readonly #items: PlanItems;
  readonly #run: vscode.TestRun;
  readonly #plan: vscode.TestItem;
  readonly #client: EngineClient;
  readonly #thread: string;
  readonly #signal: AbortSignal;
  /** The state of each subtask that was reported last, by its index. */
  readonly #reported = new Map<number, string>();
  /** The output of each attempt, by `index/attempt`. Resolves with its end. */
  readonly #outputs = new Map<string, Promise<string>>();
  readonly #reports: Promise<void>[] = [];

  constructor(options: {
    readonly items: PlanItems;
    readonly run: vscode.TestRun;
    readonly plan: vscode.TestItem;
    readonly client: EngineClient;
    readonly thread: string;
    readonly signal: AbortSignal;
  }) {
    this.#items = options.items;
    this.#run = options.run;
    this.#plan = options.plan;
    this.#client = options.client;
    this.#thread = options.thread;
    this.#signal = options.signal;
  }

  /** Reports the run until it is over. @throws the engine's errors */
  async report(): Promise<void> {
    const end = await followRun(this.#client, this.#thread, this.#signal, children => {
      for (const child of children) this.#take(child);
    });
    await Promise.all(this.#reports);
    // A join that fails although no subtask has failed, such as one that timed out.
    if (end === undefined || end.outcome === 'satisfied' || end.outcome === 'cancelled') return;
    if (end.children.some(child => isFailure(child)) || end.reason === null) return;
    this.#run.errored(this.#plan, new vscode.TestMessage(end.reason));
  }

  #take(child: ChildDocument): void {
    const state = `${child.state}/${child.attempt}`;
    if (this.#reported.get(child.index) === state) return;
    this.#reported.set(child.index, state);
    const item = this.#items.subtask(this.#plan, child.name ?? child.goal);
    if (child.attempt > 0 && child.state !== 'pending') this.#follow(child, item);
    switch (child.state) {
      case 'pending':
        return this.#run.enqueued(item);
      case 'running':
        return this.#run.started(item);
      case 'done':
        this.#reports.push(this.#end(child, item));
    }
  }

  async #end(child: ChildDocument, item: vscode.TestItem): Promise<void> {
    const output = (await this.#outputs.get(keyOf(child))) ?? '';
    const durationMs = child.wall_time_secs * 1000;
    switch (child.verdict) {
      case 'accept':
        return this.#run.passed(item, durationMs);
      case 'cancelled':
      case 'skipped':
        return this.#run.skipped(item);
      case 'timeout':
        return this.#run.errored(item, messageFor(child, item, output), durationMs);
      default:
        return this.#run.failed(item, messageFor(child, item, output), durationMs);
    }
  }

  #follow(child: ChildDocument, item: vscode.TestItem): void {
    const key = keyOf(child);
    if (!this.#outputs.has(key)) this.#outputs.set(key, this.#output(child, item));
  }

  /** Shows the output of an attempt as it comes. @returns its end */
  async #output({ index, attempt }: ChildDocument, item: vscode.TestItem): Promise<string> {
    const [decoder, newlines] = [new TextDecoder('utf-8'), new Newlines()];
    let [shown, last] = [0, ''];
    try {
      const request = { task: this.#thread, subtask: index, attempt, follow: true, signal: this.#signal };
      const { chunks } = await this.#client.output(request);
      for await (const chunk of chunks) {
        const text = newlines.of(decoder.decode(chunk, { stream: true }));
        last = (last + text).slice(-MAX_MESSAGE);
        if (shown <= MAX_OUTPUT) this.#run.appendOutput(text, undefined, item);
        shown += text.length;
      }
      if (shown > MAX_OUTPUT)
        this.#run.appendOutput(
          `\r\n${vscode.l10n.t('The rest is not shown here. Show Output in the Fleet view has all of it.')}\r\n`,
          undefined,
          item,
        );
    } catch (thrown) {
      // An attempt may have been lost before it wrote anything.
      if (!this.#signal.aborted && !FleetError.is(thrown, 'NOT_FOUND'))
        this.#run.appendOutput(`${messageOf(thrown)}\r\n`, undefined, item);
    }
    return last;
  }
}

const keyOf = ({ index, attempt }: ChildDocument): string => `${index}/${attempt}`;

const isFailure = ({ verdict }: ChildDocument): boolean =>
  verdict === 'failed' || verdict === 'reject' || verdict === 'timeout';

/** Returns the message of a failure, at the subtask in its plan: the end of the attempt, the reason, and the last output. */
function messageFor(child: ChildDocument, item: vscode.TestItem, output: string): vscode.TestMessage {
  const lines = [endOf(child, child.attempt) ?? '', child.reason ?? '', '', output].filter(
    (line, place, all) => line !== '' && all.indexOf(line) === place,
  );
  const message = new vscode.TestMessage(lines.join('\r\n'));
  if (item.uri !== undefined && item.range !== undefined)
    message.location = new vscode.Location(item.uri, item.range);
  return message;
}
