import * as vscode from 'vscode';
import { expectedSecs } from '../../engine/contract/expected-time.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import type { EngineAccess } from '../access.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { taskLabel } from './appearance.ts';
import type { Scope } from './scope.ts';
import { span } from './words.ts';

/** The interval at which the time that is left is shown again, in milliseconds. */
const TICK_MS = 5000;
/** The number of earlier runs from which the time of a run is estimated. */
const EARLIER = 20;

type Run = TaskDocument & { readonly fan_out: NonNullable<TaskDocument['fan_out']> };

/** Shows what runs in this window's folders at the bottom of the window: its progress, and its expected end. */
export class RunProgress implements vscode.Disposable {
  readonly #model: FleetModel;
  readonly #scope: Scope;
  readonly #access: EngineAccess;
  readonly #listening: vscode.Disposable;
  /** The expected times of runs by thread, in seconds; null where there is no earlier run. */
  readonly #expected = new Map<string, number | null>();
  #shown: { readonly report: (message: string) => void; readonly end: () => void } | undefined;
  #message = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(model: FleetModel, scope: Scope, access: EngineAccess) {
    this.#model = model;
    this.#scope = scope;
    this.#access = access;
    const update = (): void => this.#update();
    this.#listening = vscode.Disposable.from(model.onDidChange(update), scope.onDidChange(update));
  }

  dispose(): void {
    this.#listening.dispose();
    this.#end();
  }

  #update(): void {
    const runs = [...this.#model.tasks.values()].filter(
      (task): task is Run => task.fan_out?.under_way === true && this.#scope.isHere(task),
    );
    const [first] = runs;
    if (first === undefined) return this.#end();
    if (this.#shown === undefined) this.#begin();
    if (runs.length === 1) void this.#estimate(first);
    const message = this.#messageOf(runs, first);
    if (message === this.#message) return;
    this.#message = message;
    this.#shown?.report(message);
  }

  #begin(): void {
    const options = { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Fleet') };
    void vscode.window.withProgress(
      options,
      progress =>
        new Promise<void>(resolve => {
          this.#shown = { report: message => progress.report({ message }), end: resolve };
        }),
    );
    this.#timer = setInterval(() => this.#update(), TICK_MS).unref();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#shown?.end();
    this.#shown = undefined;
    this.#message = '';
    this.#expected.clear();
  }

  #messageOf(runs: readonly Run[], first: Run): string {
    const total = runs.reduce((sum, { fan_out: { subtasks, follow_ups } }) => sum + subtasks - follow_ups, 0);
    const done = runs.reduce((sum, { fan_out: { completed } }) => sum + completed, 0);
    const what = runs.length === 1 ? taskLabel(first) : vscode.l10n.t('{0} runs', runs.length);
    const left = runs.length === 1 ? this.#leftText(first) : '';
    return `${what} · ${done}/${total}${left}`;
  }

  #leftText({ thread, created_unix: created, fan_out: { opened_unix: opened = created } }: Run): string {
    const expected = this.#expected.get(thread) ?? null;
    const left = expected === null ? 0 : Math.round(opened + expected - Date.now() / 1000);
    return left < 1 ? '' : ` · ${vscode.l10n.t('about {0} left', span(left))}`;
  }

  /** Estimates the time of a run from earlier runs of its name, once. A retry runs only a part, so it has no estimate. */
  async #estimate({ thread, run, namespace, fan_out: { round } }: Run): Promise<void> {
    const { client } = this.#access;
    if (client === undefined || run == null || round > 1 || this.#expected.has(thread)) return;
    this.#expected.set(thread, null);
    const asked = { name: run.name, namespace, limit: EARLIER };
    const { runs } = await client.report('runs', asked).catch(() => ({ runs: [] }));
    this.#expected.set(thread, expectedSecs(runs));
    if (this.#shown !== undefined) this.#update();
  }
}
