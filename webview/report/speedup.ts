import '@vscode-elements/elements/dist/vscode-button/index.js';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon } from '../components/icon.ts';
import { styled } from '../components/styled.ts';
import { shared } from '../components/styles.ts';
import { duration, percent, times } from '../../engine/contract/format.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import { membersOf } from '../model/outcome.ts';
import type { Problem, SerialRow, SpeedupRow } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';

export type SerialAction = 'run' | 'cancel' | 'open';

/** Requests that the serial run be started, cancelled or opened. */
export class SerialRequested extends Event {
  static readonly type = 'serial-requested';
  readonly action: SerialAction;

  constructor(action: SerialAction) {
    super(SerialRequested.type, { bubbles: true, composed: true });
    this.action = action;
  }
}

interface Wall {
  readonly word: string;
  readonly secs: number;
  readonly look: 'serial' | 'run' | 'path';
  readonly estimated: boolean;
}

/** The speedup: measured if there is a serial run, otherwise an estimate that is marked as such. */
export class SpeedupElement extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        padding: 10px;
      }
      .title {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 10px;
      }
      .title > :last-child {
        flex-basis: 100%;
        color: var(--fleet-muted);
      }
      .figure {
        font-size: 1.9em;
        font-weight: 600;
        line-height: 1.2;
      }
      .estimate .figure {
        font-weight: 400;
        color: var(--fleet-muted);
      }
      .badge {
        padding: 0 7px;
        border: 1px solid currentColor;
        border-radius: 9px;
        font-size: 11px;
      }
      .estimate .badge {
        border-style: dashed;
      }
      .measured .badge {
        border-color: var(--fleet-accepted);
      }
      .walls {
        display: grid;
        grid-template-columns: max-content minmax(40px, 1fr) max-content;
        align-items: center;
        gap: 4px 10px;
        margin: 10px 0;
        font-size: 12px;
      }
      .track {
        height: 10px;
      }
      .wall {
        height: 100%;
        min-width: 2px;
        border: 1px solid var(--ink);
        background: var(--ink);
        border-radius: 2px;
        forced-color-adjust: none;
      }
      .serial {
        --ink: var(--fleet-muted);
      }
      .run {
        --ink: var(--fleet-running);
      }
      .path {
        --ink: var(--fleet-text);
      }
      .estimated {
        border-style: dashed;
        background: repeating-linear-gradient(-45deg, var(--ink) 0 1px, transparent 1px 5px);
      }
      .facts {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(104px, 1fr));
        gap: 6px 12px;
        margin-bottom: 10px;
      }
      .facts dt {
        font-size: 11px;
        color: var(--fleet-muted);
      }
      .facts dd {
        font-weight: 600;
      }
      .caveat {
        display: flex;
        gap: 6px;
        margin: 8px 0 10px;
        padding: 6px 8px;
        border-left: 3px solid var(--vscode-editorWarning-foreground, var(--fleet-rejected));
        background: var(--vscode-textBlockQuote-background, transparent);
        font-size: 12px;
        overflow-wrap: anywhere;
      }
      .caveat .icon {
        margin-top: 1px;
        color: var(--vscode-editorWarning-foreground, var(--fleet-rejected));
      }
      .problem {
        border-left-color: var(--fleet-failed);
      }
      .problem .icon {
        color: var(--fleet-failed);
      }
      .none {
        margin-bottom: 8px;
      }
      .none:last-child {
        margin-bottom: 0;
      }
      .notes {
        margin: 8px 0;
        padding-left: 18px;
        font-size: 12px;
        color: var(--fleet-muted);
        overflow-wrap: anywhere;
      }
      .progress {
        height: 4px;
        margin: 6px 0;
        border-radius: 2px;
        overflow: hidden;
        background: color-mix(in srgb, var(--vscode-progressBar-background) 25%, transparent);
        border: 1px solid var(--vscode-contrastBorder, transparent);
        forced-color-adjust: none;
      }
      .progress > div {
        height: 100%;
        background: var(--vscode-progressBar-background);
      }
      .buttons {
        margin-top: 8px;
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        align-items: center;
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    report: { attribute: false },
    problem: { attribute: false },
    serial: { attribute: false },
    refused: { attribute: false },
    enabled: { attribute: false },
    model: { attribute: false },
    version: { attribute: false },
    isSerial: { attribute: false },
  };

  declare strings: ViewStrings;
  declare report: SpeedupRow | null;
  declare problem: Problem | null;
  declare serial: SerialRow | null;
  /** The reason why the last request about the serial run was refused. */
  declare refused: Problem | null;
  /** False while no engine answers. */
  declare enabled: boolean;
  declare model: FanOutModel;
  /** The version of the model. A new version draws the speedup again. */
  declare version: number;
  /** True if the task is itself a serial run, which needs none. */
  declare isSerial: boolean;

  protected override render(): TemplateResult {
    const { strings: s, report } = this;
    return html`
      ${this.problem === null ? nothing : this.#refusal(this.problem)}
      ${report === null ? html`<p class="muted">${s.speedupNone}</p>` : this.#body(report)}
      ${this.#serialRun()} ${this.refused === null ? nothing : this.#refusal(this.refused)}
    `;
  }

  #body(report: SpeedupRow): TemplateResult {
    const { measured, weak } = report;
    if (measured !== null) return html`${this.#measured(report, measured)}${this.#notes(report.notes)}`;
    const { strings: s } = this;
    if (weak.speedup === null || !this.#isOver) return html`<p class="muted none">${this.#silence()}</p>`;
    return html`<div class="estimate">
      <div class="title">
        <span class="figure number">≈ ${times(weak.speedup)}</span>
        <span class="badge">${s.weakBadge}</span>
        <span>${s.weakTitle}</span>
      </div>
      ${this.#walls([
        { word: s.serialEstimate, secs: weak.serial_estimate_secs, look: 'serial', estimated: true },
        ...this.#ownWalls(report),
      ])}
      <p class="muted">${fill(s.weakNote, report.slots_used)}</p>
      ${this.serial?.complete === true ? html`<p class="muted">${s.serialDiffers}</p>` : nothing}
    </div>`;
  }

  /** True once the run is decided. */
  get #isOver(): boolean {
    return this.model.join?.complete === true;
  }

  /** True for a run that a serial run can measure: each subtask ran and passed, in one round. */
  get #isComparable(): boolean {
    const { join, reused } = this.model;
    if (join === null || !this.#isOver || join.round > 1 || reused > 0) return false;
    return (join.census ?? join.counts).accepted === membersOf(join);
  }

  /** Returns one sentence on why there is neither a measurement nor an estimate. */
  #silence(): string {
    const { strings: s, model } = this;
    const { join } = model;
    if (join === null || !this.#isOver) return s.noSpeedupRunning;
    if ((join.census ?? join.counts).accepted < membersOf(join)) return s.noSpeedupFailed;
    if (model.reused > 0) return s.noSpeedupReused;
    return model.retried > 0 ? s.noSpeedupRepeated : s.noSpeedup;
  }

  #measured(report: SpeedupRow, measured: NonNullable<SpeedupRow['measured']>): TemplateResult {
    const { strings: s } = this;
    const { speedup, ceiling, efficiency } = measured;
    const share = speedup === null || ceiling === null ? null : speedup / ceiling;
    const ratio = this.model.hasCosts ? this.#fact(s.costRatio, times(measured.cost_ratio)) : nothing;
    return html`<div class="measured">
      <div class="title">
        <span class="figure number">${times(speedup)}</span>
        <span class="badge">${s.measuredBadge}</span>
        <span>${s.measuredTitle}</span>
      </div>
      ${this.#walls([
        { word: s.serialRun, secs: measured.serial_wall_secs, look: 'serial', estimated: false },
        ...this.#ownWalls(report),
      ])}
      <dl class="facts number">
        ${this.#fact(s.ceiling, times(ceiling))} ${this.#fact(s.ofCeiling, percent(share))}
        ${this.#fact(s.efficiency, percent(efficiency))} ${this.#fact(s.slotsUsed, String(report.slots_used))}
        ${this.#fact(s.overhead, duration(measured.overhead_secs))} ${ratio}
      </dl>
    </div>`;
  }

  #ownWalls(report: SpeedupRow): readonly Wall[] {
    const { strings: s } = this;
    const path: Wall = {
      word: s.criticalPathWall,
      secs: report.critical_path_secs,
      look: 'path',
      estimated: false,
    };
    if (report.measured_wall_secs === null) return [path];
    return [{ word: s.thisRun, secs: report.measured_wall_secs, look: 'run', estimated: false }, path];
  }

  #walls(walls: readonly Wall[]): TemplateResult {
    const longest = Math.max(...walls.map(({ secs }) => secs), 0.001);
    return html`<div class="walls">
      ${walls.map(
        ({ word, secs, look, estimated }) => html`
          <span>${word}</span>
          <span class="track">
            <div
              class="wall ${look} ${estimated ? 'estimated' : ''}"
              ${styled({ width: `${(100 * secs) / longest}%` })}
            ></div>
          </span>
          <span class="number">${duration(secs)}</span>
        `,
      )}
    </div>`;
  }

  #fact(term: string, value: string): TemplateResult {
    return html`<div>
      <dt>${term}</dt>
      <dd>${value}</dd>
    </div>`;
  }

  #notes(notes: readonly string[]): TemplateResult | typeof nothing {
    if (notes.length === 0) return nothing;
    return html`<ul class="notes" aria-label=${this.strings.notesTitle}>
      ${notes.map(note => html`<li>${note}</li>`)}
    </ul>`;
  }

  #serialRun(): TemplateResult | typeof nothing {
    const { strings: s, serial } = this;
    if (this.isSerial) return nothing;
    if (serial !== null && !serial.complete) return this.#underWay(serial);
    if (serial === null && !this.#isComparable) return nothing;
    const again = serial !== null;
    return html`<div class="buttons">
      <vscode-button
        ?secondary=${again}
        ?disabled=${!this.enabled}
        title=${s.runSeriallyLong}
        @click=${() => this.#request('run')}
        >${again ? s.runSeriallyAgain : s.runSerially}</vscode-button
      >
      ${again ? this.#openButton(serial) : nothing}
    </div>`;
  }

  #underWay(serial: SerialRow): TemplateResult {
    const { strings: s } = this;
    const { completed, subtasks, follow_ups: followUps } = serial;
    const members = subtasks - followUps;
    const text = fill(s.serialRunning, completed, members);
    return html`
      <p>${text}</p>
      <div
        class="progress"
        role="progressbar"
        aria-label=${text}
        aria-valuemin="0"
        aria-valuemax=${members}
        aria-valuenow=${completed}
      >
        <div ${styled({ width: `${(100 * completed) / Math.max(1, members)}%` })}></div>
      </div>
      <div class="buttons">
        <vscode-button secondary ?disabled=${!this.enabled} @click=${() => this.#request('cancel')}
          >${s.serialCancel}</vscode-button
        >
        ${this.#openButton(serial)}
      </div>
    `;
  }

  #openButton(serial: SerialRow): TemplateResult {
    return html`<button class="tool" @click=${() => this.#request('open')}>
      ${icon('linkExternal')}${fill(this.strings.serialOpen, serial.alias)}
    </button>`;
  }

  #refusal({ message, hint }: Problem): TemplateResult {
    return html`<p class="caveat problem" role="alert">
      ${icon('error')}<span
        >${message}${hint === null ? nothing : html`<br /><span class="muted">${hint}</span>`}</span
      >
    </p>`;
  }

  #request(action: SerialAction): void {
    this.dispatchEvent(new SerialRequested(action));
  }
}

customElements.define('fleet-speedup', SpeedupElement);
