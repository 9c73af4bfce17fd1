import * as vscode from 'vscode';
import type { SpeedupDocument, TaskDocument } from '../../engine/contract/documents.ts';
import type { EngineAccess } from '../access.ts';
import { asCommand } from '../command-registry.ts';
import type { PlanRef, PlanSubtaskRef } from '../targets.ts';
import { stateText, taskState } from '../views/appearance.ts';
import { PLAN_FILES } from './plan-files.ts';
import type { Plans } from './plans.ts';

/** The lenses of a plan: actions above the plan, and above each of its subtasks. */
export class PlanLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #plans: Plans;
  readonly #access: EngineAccess;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #owned: readonly vscode.Disposable[];
  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(plans: Plans, access: EngineAccess) {
    this.#plans = plans;
    this.#access = access;
    this.#owned = [
      plans.onDidChange(() => this.#changed.fire()),
      vscode.languages.registerCodeLensProvider({ pattern: PLAN_FILES }, this),
      this.#changed,
    ];
  }

  async provideCodeLenses({ uri }: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const outline = this.#plans.outline(uri);
    if (outline === null) return [];
    return [
      ...ofPlan(uri, await this.#last(uri)),
      ...outline.subtasks.map(({ start, name = null }, subtask) => ofSubtask(uri, start.line, subtask, name)),
    ];
  }

  dispose(): void {
    for (const owned of this.#owned) owned.dispose();
  }

  /** Returns the result of the last run, in a few words; null if there was none. */
  async #last(uri: vscode.Uri): Promise<string | null> {
    const task = this.#plans.lastRun(uri);
    if (task?.fan_out == null) return null;
    const echo = task.fan_out.echo === null ? '' : ` · ${task.fan_out.echo}`;
    return `${await this.#lastText(task, task.fan_out)}${echo}`;
  }

  async #lastText(task: TaskDocument, fanOut: NonNullable<TaskDocument['fan_out']>): Promise<string> {
    if (!fanOut.complete) return vscode.l10n.t('Last: {0}', runningText(fanOut));
    const report = await this.#access.client
      ?.report('speedup', { task: task.thread, vsSerial: null })
      .catch(() => undefined);
    const speedup = fanOut.outcome === 'satisfied' ? report && speedupText(report) : undefined;
    return vscode.l10n.t('Last: {0}', speedup ?? stateText(taskState(task)));
  }
}

function lens(line: number, command: vscode.Command, tooltip: string): vscode.CodeLens {
  return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { ...command, tooltip });
}

/** Returns the lenses above the plan as a whole. @param last the result of its last run; null if there was none */
function ofPlan(uri: vscode.Uri, last: string | null): readonly vscode.CodeLens[] {
  const t = vscode.l10n.t;
  const plan: PlanRef = { kind: 'plan', uri: uri.toString() };
  const serialTip = t('Run what was run last once more, one after another, to measure the speedup');
  const report = last === null ? [] : [asCommand('fleet.openPlanReport', last, plan)];
  return [
    lens(
      0,
      asCommand('fleet.runPlan', `$(play) ${t('Run')}`, plan),
      t('Run all of it on the fleet, as one task'),
    ),
    lens(0, asCommand('fleet.runPlanSerially', t('Run Serially'), plan), serialTip),
    ...report.map(command => lens(0, command, t('Show the join and the speedup'))),
    lens(0, asCommand('fleet.previewPlan', t('Preview'), plan), t('Show which subtask waits for which')),
  ];
}

function ofSubtask(uri: vscode.Uri, line: number, subtask: number, name: string | null): vscode.CodeLens {
  const target: PlanSubtaskRef = { kind: 'plan', uri: uri.toString(), subtask, name };
  const run = asCommand('fleet.runPlanSubtask', `$(play) ${vscode.l10n.t('Run')}`, target);
  return lens(line, run, vscode.l10n.t('Run this subtask, and what it waits for'));
}

const runningText = ({
  completed,
  subtasks,
  follow_ups: after,
}: NonNullable<TaskDocument['fan_out']>): string =>
  vscode.l10n.t('running, {0} of {1}', completed, subtasks - after);

function speedupText({ measured, weak }: SpeedupDocument): string | undefined {
  const times = (speedup: number): string => `${speedup.toFixed(1)}×`;
  if (measured?.speedup != null) return vscode.l10n.t('{0} (measured)', times(measured.speedup));
  return weak.speedup === null ? undefined : vscode.l10n.t('{0} (estimated)', times(weak.speedup));
}
