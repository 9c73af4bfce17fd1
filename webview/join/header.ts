import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon, type IconName } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import type { Stream } from '../model/panel-state.ts';
import type { StreamState, ToView } from '../protocol.ts';
import type { ViewStrings } from '../strings.ts';

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
      h1 {
        display: flex;
        flex: 1 1 240px;
        align-items: baseline;
        gap: 10px;
        min-width: 0;
        margin: 0;
        font-size: 1.15em;
        font-weight: 600;
      }
      h1 > span:first-child {
        flex: none;
        max-width: 60%;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      h1 .goal {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-size: 13px;
        font-weight: 400;
        color: var(--fleet-muted);
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
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    task: { attribute: false },
    stream: { attribute: false },
    exportable: { attribute: false },
    notice: { attribute: false },
  };

  declare strings: ViewStrings;
  /** Null until the host has sent the task. */
  declare task: (ToView & { type: 'task' }) | null;
  declare stream: Stream;
  declare exportable: boolean;
  declare notice: Notice | null;

  protected override render(): TemplateResult {
    return html`<header>
      <h1>
        <span>${this.task?.alias ?? ''}</span>
        <span class="goal" title=${this.task?.goal ?? ''}>${this.task?.goal ?? ''}</span>
      </h1>
      <div class="tools">${this.#stream()} ${this.#pause()} ${this.#exports()}</div>
      <div class="notices" aria-live="assertive">
        ${this.notice === null ? nothing : this.#notice(this.notice)}
      </div>
    </header>`;
  }

  #stream(): TemplateResult {
    const { state, note } = this.stream;
    return html`<span class="stream ${state}" title=${note ?? ''}>
      ${state === 'live' ? html`<span class="dot"></span>` : icon(STREAM_ICONS[state])} ${this.strings[state]}
    </span>`;
  }

  #pause(): TemplateResult {
    const { strings: s, stream } = this;
    const stopped = stream.state === 'paused';
    return html`<button
      class="tool"
      title=${stopped ? s.resumeLong : s.pauseLong}
      ?disabled=${stream.state === 'disconnected'}
      @click=${() => this.dispatchEvent(new StreamRequested(stopped ? 'resume' : 'pause'))}
    >
      ${icon(stopped ? 'play' : 'debugPause')}${stopped ? s.resume : s.pause}
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
      ?disabled=${!this.exportable}
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
