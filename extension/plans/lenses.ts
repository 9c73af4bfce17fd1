import * as vscode from 'vscode';
import type { SpeedupDocument, TaskDocument } from '../../engine/contract/documents.ts';
import type { EngineAccess } from '../access.ts';
import type { CommandId, Subject } from '../contributions.ts';
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
    const lens = (
      line: number,
      title: string,
      command: CommandId,
      subtask: number | null,
      tooltip: string,
    ): vscode.CodeLens => {
      const plan: Subject = { kind: 'plan', uri: uri.toString(), subtask };
      const subject = subtask === null ? plan : { ...plan, name: outline.subtasks[subtask]?.name ?? null };
      return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), {
        title,
        command,
        tooltip,
        arguments: [subject],
      });
    };
    const t = vscode.l10n.t;
    const last = await this.#last(uri);
    return [
      lens(0, `$(play) ${t('Run')}`, 'fleet.runPlan', null, t('Run all of it on the fleet, as one task')),
      lens(
        0,
        t('Run Serially'),
        'fleet.runPlanSerially',
        null,
        t('Run what was run last once more, one after another, to measure the speedup'),
      ),
      ...(last === null
        ? []
        : [lens(0, last, 'fleet.openPlanReport', null, t('Show the join and the speedup'))]),
      lens(0, t('Preview'), 'fleet.previewPlan', null, t('Show which subtask waits for which')),
      ...outline.subtasks.map(({ start }, index) =>
        lens(
          start.line,
          `$(play) ${t('Run')}`,
          'fleet.runPlanSubtask',
          index,
          t('Run this subtask, and what it waits for'),
        ),
      ),
    ];
  }

  dispose(): void {
    for (const owned of this.#owned) owned.dispose();
  }

  /** Returns the result of the last run, in a few words; null where there was none. */
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
    return vscode.l10n.t('Last: {0}', (report && speedupText(report)) ?? fanOut.outcome ?? '');
  }
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
