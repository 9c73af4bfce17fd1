import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import type { ViewClock } from '../components/clock.ts';
import { icon, lookIcon } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import { elapsedOf, titleOf } from '../model/fan-out.ts';
import { isEcho, NOTHING_WAS_RUN } from '../../engine/contract/echo.ts';
import { attemptTime, totalCost } from '../../engine/contract/format.ts';
import { localTime } from '../model/format.ts';
import { lookOf, lookOfVerdict, wordOf, type Look } from '../model/looks.ts';
import type { AttemptRow, ChildRow } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { actionButton, ROW_ACTIONS } from './row-actions.ts';

/** Requests that the detail be closed. */
export class DetailClosed extends Event {
  static readonly type = 'detail-closed';

  constructor() {
    super(DetailClosed.type, { bubbles: true, composed: true });
  }
}

type AttemptLine = Pick<
  AttemptRow,
  'attempt' | 'worker' | 'reason' | 'cost_usd' | 'cost_unknown' | 'lost'
> & {
  readonly look: Look;
  readonly secs: number | null;
};

/** The detail of one subtask. */
export class DetailElement extends LitElement {
  static override styles = [
    shared,
    css`
      .top {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
        padding: 6px 6px 6px 10px;
        border-bottom: 1px solid var(--fleet-rule);
      }
      h3 {
        flex: 1 1 120px;
        min-width: 0;
        font-size: 1em;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 3px 12px;
        padding: 8px 10px;
      }
      dt {
        color: var(--fleet-muted);
      }
      dd {
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        max-height: 160px;
        overflow-y: auto;
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0 10px 10px;
      }
      ol li {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 8px;
        padding: 3px 0;
        border-top: 1px solid var(--fleet-rule);
      }
      ol .reason {
        flex-basis: 100%;
        padding-left: 24px;
        color: var(--fleet-muted);
        overflow-wrap: anywhere;
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    row: { attribute: false },
    rows: { attribute: false },
    clock: { attribute: false },
    version: { attribute: false },
  };

  declare strings: ViewStrings;
  declare row: ChildRow;
  /** All known rows, by index. */
  declare rows: readonly (ChildRow | undefined)[];
  declare clock: ViewClock;
  declare version: number;

  protected override render(): TemplateResult {
    const { strings: s, row } = this;
    return html`
      <section class="card" aria-label="${s.detailSection}: ${titleOf(row)}">
        <div class="top">
          ${lookIcon(lookOf(row))}
          <h3>${titleOf(row)}</h3>
          <div class="tools">
            ${ROW_ACTIONS.map(action => actionButton(action, row, s, { words: true, tabindex: 0 }))}
            <button
              class="tool"
              title=${s.detailClose}
              aria-label=${s.detailClose}
              @click=${() => this.dispatchEvent(new DetailClosed())}
            >
              ${icon('close')}
            </button>
          </div>
        </div>
        <dl>
          ${this.#term(s.detailGoal, row.goal === titleOf(row) ? null : row.goal)}
          ${this.#term(s.needsYou, row.needs_you ?? null)} ${this.#term(s.detailReason, this.#reason())}
          ${this.#term(s.detailStarted, row.started_unix === null ? null : localTime(row.started_unix))}
          ${this.#term(s.detailSummary, row.summary)} ${this.#term(s.detailTarget, row.target)}
          ${this.#term(s.detailExecutor, row.executor)}
          ${this.#term(s.detailExit, row.exit_code === null ? null : String(row.exit_code))}
          ${this.#term(s.detailSignal, row.signal)} ${this.#term(s.detailDepends, this.#dependsOn())}
          ${this.#term(s.detailLeftGroup, row.left_group.join('\n'))}
          ${this.#term(s.columnState, this.#standing())}
        </dl>
        ${this.#attempts()}
      </section>
    `;
  }

  #term(term: string, text: string | null): TemplateResult | typeof nothing {
    return text === null || text === ''
      ? nothing
      : html`<dt>${term}</dt>
          <dd>${text}</dd>`;
  }

  #reason(): string | null {
    const { row, strings: s } = this;
    if (isEcho(row)) return NOTHING_WAS_RUN;
    if (row.reused != null) return s.reused;
    return row.needs_you == null ? row.reason : null;
  }

  #dependsOn(): string {
    const { depends_on: dependsOn, depends_on_count: count } = this.row;
    const shown = dependsOn
      .map(index => {
        const row = this.rows[index];
        return row === undefined ? `#${index}` : titleOf(row);
      })
      .join(', ');
    const more = count - dependsOn.length;
    return more === 0 ? shown : `${shown} ${fill(this.strings.more, more)}`;
  }

  /** The relation of a follow-up to the join; none for a member. */
  #standing(): string | null {
    const { strings: s, row } = this;
    const follows = { accepted: null, failed: s.followsFailed, always: s.followsAlways }[row.when];
    return follows ?? (row.after_join ? s.afterJoinLong : null);
  }

  #attempts(): TemplateResult | typeof nothing {
    const { row, strings: s } = this;
    const earlier = row.earlier_attempts.map(earlierLine);
    if (row.attempt === 0 || row.state === 'pending') return this.#listOf(earlier);
    const present = { ...row, look: lookOf(row), secs: elapsedOf(row, this.clock.now()) };
    return html`<span class="hidden">${s.detailAttempts}</span>${this.#listOf([...earlier, present])}`;
  }

  #cost({ cost_usd: usd, cost_unknown: isUnknown }: AttemptLine): TemplateResult | typeof nothing {
    if (usd === 0 && isUnknown !== true) return nothing;
    return html`<span class="muted number">${totalCost(usd, isUnknown === true ? 1 : 0)}</span>`;
  }

  #listOf(lines: readonly AttemptLine[]): TemplateResult | typeof nothing {
    const { strings: s } = this;
    if (lines.length === 0) return nothing;
    return html`<ol aria-label=${s.detailAttempts}>
      ${lines.map(
        line =>
          html`<li>
            ${lookIcon(line.look)}
            <span>${fill(s.attempt, line.attempt)}: ${s[wordOf(line.look)]}</span>
            <span class="muted">${line.worker ?? s.noWorker}</span>
            <span class="muted number"
              >${line.secs === null ? '' : attemptTime({ wall_time_secs: line.secs, lost: line.lost })}</span
            >
            ${this.#cost(line)}
            ${line.reason === null ? nothing : html`<span class="reason">${line.reason}</span>`}
          </li>`,
      )}
    </ol>`;
  }
}

const earlierLine = (earlier: AttemptRow): AttemptLine => ({
  ...earlier,
  look: lookOfVerdict(earlier.verdict),
  secs: earlier.wall_time_secs,
});

customElements.define('fleet-detail', DetailElement);
