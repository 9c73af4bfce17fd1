import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon, type IconName } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import type { Stream } from '../model/panel-state.ts';
import { localTime } from '../model/format.ts';
import type { JoinRow, StreamState, ToView } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';

export type ExportFormat = 'json' | 'svg' | 'png';

/** The result of a person's request. */
export interface Notice {
  readonly good: boolean;
  readonly text: string;
  readonly hint: string | null;
}

/** Requests that updates be paused or resumed. */
export class StreamRequested extends Event {
  static readonly type = 'stream-requested';
  readonly request: 'pause' | 'resume';

  constructor(request: 'pause' | 'resume') {
    super(StreamRequested.type, { bubbles: true, composed: true });
    this.request = request;
  }
}

/** An action on the whole run. */
export type RunAction = 'cancel-run' | 'rerun' | 'retry-failed' | 'save-plan';

/** Requests an action on the whole run. */
export class RunActionChosen extends Event {
  static readonly type = 'run-action-chosen';
  readonly action: RunAction;

  constructor(action: RunAction) {
    super(RunActionChosen.type, { bubbles: true, composed: true });
    this.action = action;
  }
}

/** Requests that an export be saved. */
export class ExportRequested extends Event {
  static readonly type = 'export-requested';
  readonly format: ExportFormat;

  constructor(format: ExportFormat) {
    super(ExportRequested.type, { bubbles: true, composed: true });
    this.format = format;
  }
}

/** Dismisses a notice. */
export class NoticeDismissed extends Event {
  static readonly type = 'notice-dismissed';

  constructor() {
    super(NoticeDismissed.type, { bubbles: true, composed: true });
  }
}

const STREAM_ICONS: Readonly<Record<StreamState, IconName>> = {
  connecting: 'sync',
  live: 'circleLarge',
  paused: 'debugPause',
  disconnected: 'debugDisconnect',
};

/** The head of the panel: its task, the state of the stream, actions on the whole fan-out, and their results. */
export class HeaderElement extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
        padding: 8px 16px 4px;
        background: var(--fleet-background);
        border-bottom: 1px solid var(--fleet-rule);
      }
      .title {
        flex: 1 1 240px;
        min-width: 0;
      }
      h1 {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        overflow: hidden;
        margin: 0;
        font-size: 1.15em;
        font-weight: 600;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
      .name {
        font-size: 12px;
        color: var(--fleet-muted);
        overflow-wrap: anywhere;
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 4px;
      }
      .stream {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        padding: 0 8px;
        height: 20px;
        margin-right: 4px;
        border: 1px solid var(--ink);
        border-radius: 10px;
        font-size: 12px;
      }
      .stream .icon {
        color: var(--ink);
      }
      .stream .icon {
        width: 12px;
        height: 12px;
      }
      .stream.live {
        --ink: var(--fleet-accepted);
      }
      .stream.live .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--ink);
        forced-color-adjust: none;
      }
      .stream.paused,
      .stream.connecting {
        --ink: var(--fleet-muted);
      }
      .stream.disconnected {
        --ink: var(--vscode-editorWarning-foreground, var(--fleet-rejected));
      }
      .stream.ended {
        --ink: var(--fleet-muted);
      }
      .run {
        display: inline-flex;
        flex-wrap: wrap;
        gap: 2px 4px;
      }
      .export {
        display: inline-flex;
        align-items: center;
        padding-left: 4px;
        border-left: 1px solid var(--fleet-rule);
        font-size: 12px;
      }
      .export > .icon {
        margin: 0 2px;
      }
      .notices {
        flex: 0 0 100%;
      }
      .notice {
        display: flex;
        margin-top: 4px;
        align-items: flex-start;
        gap: 8px;
        padding: 6px 8px 6px 12px;
        border: 1px solid var(--fleet-surface-border);
        border-left: 3px solid var(--ink);
        border-radius: 4px;
        background: var(--fleet-surface);
        overflow-wrap: anywhere;
      }
      .notice > span {
        flex: 1;
      }
      .notice.good {
        --ink: var(--fleet-accepted);
      }
      .notice.bad {
        --ink: var(--fleet-failed);
      }
      .notice > .icon {
        color: var(--ink);
        margin-top: 1px;
      }
      @container (max-width: 520px) {
        header {
          padding: 6px 10px 2px;
        }
        .export {
          padding-left: 0;
          border-left: 0;
        }
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    task: { attribute: false },
    stream: { attribute: false },
    join: { attribute: false },
    endedUnix: { attribute: false },
    notice: { attribute: false },
  };

  declare strings: ViewStrings;
  /** Null until the host has sent the task. */
  declare task: (ToView & { type: 'task' }) | null;
  declare stream: Stream;
  /** Null until the fan-out is known. */
  declare join: JoinRow | null;
  /** The time at which the last subtask ended; null while the run goes on. */
  declare endedUnix: number | null;
  declare notice: Notice | null;

  protected override render(): TemplateResult {
    const { task } = this;
    return html`<header>
      <div class="title">
        <h1 title=${task?.goal ?? ''}>${task?.goal ?? ''}</h1>
        <div class="name">${task?.name ?? ''}</div>
      </div>
      <div class="tools">${this.#stream()} ${this.#pause()} ${this.#actions()} ${this.#exports()}</div>
      <div class="notices" aria-live="assertive">
        ${this.notice === null ? nothing : this.#notice(this.notice)}
      </div>
    </header>`;
  }

  #stream(): TemplateResult {
    const { strings: s, stream, endedUnix } = this;
    const { state, note } = stream;
    if (state === 'live' && endedUnix !== null)
      return html`<span class="stream ended" title=${s.endedLong}>
        ${icon('clockface')} ${fill(s.ended, localTime(endedUnix))}
      </span>`;
    return html`<span class="stream ${state}" title=${note ?? ''}>
      ${state === 'live' ? html`<span class="dot"></span>` : icon(STREAM_ICONS[state])} ${s[state]}
    </span>`;
  }

  /** The button that holds the view still; none for a run that has ended. */
  #pause(): TemplateResult | typeof nothing {
    const { strings: s, stream } = this;
    const stopped = stream.state === 'paused';
    if (this.endedUnix !== null && !stopped) return nothing;
    return html`<button
      class="tool"
      title=${stopped ? s.resumeLong : s.pauseLong}
      ?disabled=${stream.state === 'disconnected'}
      @click=${() => this.dispatchEvent(new StreamRequested(stopped ? 'resume' : 'pause'))}
    >
      ${icon(stopped ? 'play' : 'debugPause')}${stopped ? s.resume : s.pause}
    </button>`;
  }

  /** The actions that the engine would not refuse at once. */
  #actions(): TemplateResult | typeof nothing {
    const { strings: s, join } = this;
    if (join === null || join.subtasks === 0) return nothing;
    const { rejected, failed, timed_out: timedOut, cancelled } = join.counts;
    const isOpen = !join.complete || join.under_way;
    return html`<div class="run" role="group" aria-label=${s.runActions}>
      ${isOpen ? this.#action('cancel-run', 'stopCircle', s.cancelRun, s.cancelRunLong) : nothing}
      ${isOpen ? nothing : this.#action('rerun', 'runAll', s.rerun, s.rerunLong)}
      ${
        rejected + failed + timedOut + cancelled === 0
          ? nothing
          : this.#action('retry-failed', 'refresh', s.retryFailed, s.retryFailedLong)
      }
      ${this.#action('save-plan', 'saveAs', s.savePlan, s.savePlanLong)}
    </div>`;
  }

  #action(action: RunAction, name: IconName, word: string, title: string): TemplateResult {
    return html`<button
      class="tool"
      title=${title}
      ?disabled=${this.stream.state === 'disconnected'}
      @click=${() => this.dispatchEvent(new RunActionChosen(action))}
    >
      ${icon(name)}${word}
    </button>`;
  }

  #exports(): TemplateResult {
    const { strings: s } = this;
    return html`<div class="export" role="group" aria-label=${s.export}>
      ${icon('exporting')} ${this.#export('json', s.exportJson)} ${this.#export('svg', s.exportSvg)}
      ${this.#export('png', s.exportPng)}
    </div>`;
  }

  #export(format: ExportFormat, label: string): TemplateResult {
    return html`<button
      class="tool"
      title=${label}
      aria-label=${label}
      ?disabled=${this.join === null}
      @click=${() => this.dispatchEvent(new ExportRequested(format))}
    >
      ${format.toUpperCase()}
    </button>`;
  }

  #notice({ good, text, hint }: Notice): TemplateResult {
    const { dismiss } = this.strings;
    return html`<div class="notice ${good ? 'good' : 'bad'}">
      ${icon(good ? 'pass' : 'error')}
      <span>${text} ${hint === null ? nothing : html`<br /><span class="muted">${hint}</span>`}</span>
      <button
        class="tool"
        title=${dismiss}
        aria-label=${dismiss}
        @click=${() => this.dispatchEvent(new NoticeDismissed())}
      >
        ${icon('close')}
      </button>
    </div>`;
  }
}

customElements.define('fleet-header', HeaderElement);
