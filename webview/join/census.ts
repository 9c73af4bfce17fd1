import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon, lookIcon, type IconName } from '../components/icon.ts';
import { styled } from '../components/styled.ts';
import { shared } from '../components/styles.ts';
import type { Counts, Outcome } from '../../engine/contract/fan-out-documents.ts';
import { duration, totalCost } from '../../engine/contract/format.ts';
import { sharesOf, wordOf } from '../model/looks.ts';
import type { JoinRow, SpeedupRow } from '../protocol.ts';
import { fill, type StringKey, type ViewStrings } from '../strings.ts';

const OUTCOMES: Readonly<Record<Outcome, { icon: IconName; word: StringKey; look: string }>> = {
  satisfied: { icon: 'pass', word: 'joinSatisfied', look: 'accepted' },
  unsatisfiable: { icon: 'error', word: 'joinUnsatisfiable', look: 'failed' },
  timed_out: { icon: 'clockface', word: 'joinTimedOut', look: 'timedOut' },
  cancelled: { icon: 'circleSlash', word: 'joinCancelled', look: 'cancelled' },
};

export const outcomeWord = (outcome: Outcome): StringKey => OUTCOMES[outcome].word;

/** Requests that all failed subtasks run again. */
export class RetryRequested extends Event {
  static readonly type = 'retry-requested';

  constructor() {
    super(RetryRequested.type, { bubbles: true, composed: true });
  }
}

/** Shows the join: its predicate, progress, reason and outcome. */
export class CensusElement extends LitElement {
  static override styles = [
    shared,
    css`
      .top {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-start;
        gap: 8px 20px;
      }
      .verdict {
        display: flex;
        gap: 10px;
        flex: 1 1 260px;
        min-width: 0;
      }
      .verdict > .look > .icon {
        width: 22px;
        height: 22px;
      }
      .outcome {
        font-size: 1.15em;
        font-weight: 600;
      }
      .reason {
        overflow-wrap: anywhere;
      }
      .figures {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 22px;
      }
      .figures dt {
        font-size: 11px;
        color: var(--fleet-muted);
      }
      .figures dd {
        font-size: 1.1em;
        font-weight: 600;
      }
      .figures dd small {
        display: block;
        font-size: 11px;
        font-weight: 400;
      }
      .bar {
        display: flex;
        gap: 2px;
        height: 10px;
        margin: 12px 0 8px;
        border-radius: 5px;
        overflow: hidden;
      }
      .bar > span {
        flex-basis: 0;
        min-width: 3px;
        background-color: var(--ground);
        border: 1px solid var(--ink);
        forced-color-adjust: none;
      }
      .bar > .accepted {
        --ink: var(--fleet-accepted);
        --ground: var(--fleet-accepted);
      }
      .bar > .rejected {
        --ink: var(--fleet-rejected);
        background-image: repeating-linear-gradient(-45deg, var(--ink) 0 2px, transparent 2px 5px);
      }
      .bar > .failed {
        --ink: var(--fleet-failed);
        background-image:
          repeating-linear-gradient(45deg, var(--ink) 0 2px, transparent 2px 5px),
          repeating-linear-gradient(-45deg, var(--ink) 0 2px, transparent 2px 5px);
      }
      .bar > .timedOut {
        --ink: var(--fleet-timedOut);
        background-image: repeating-linear-gradient(90deg, var(--ink) 0 2px, transparent 2px 5px);
      }
      .bar > .cancelled {
        --ink: var(--fleet-cancelled);
      }
      .bar > .running {
        --ink: var(--fleet-running);
        --ground: color-mix(in srgb, var(--ink) 55%, transparent);
      }
      .bar > .pending {
        --ink: color-mix(in srgb, var(--fleet-pending) 45%, transparent);
      }
      .chips {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 16px;
        list-style: none;
      }
      .chips li {
        display: inline-flex;
        align-items: center;
        gap: 5px;
      }
      .chips b {
        font-variant-numeric: tabular-nums;
      }
      .echo {
        margin: 8px 0 0;
        overflow-wrap: anywhere;
      }
      .terms {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 16px;
        margin-top: 10px;
        font-size: 12px;
        color: var(--fleet-muted);
      }
      code {
        font-family: var(--vscode-editor-font-family, monospace);
        color: var(--vscode-textPreformat-foreground, var(--fleet-text));
        background: var(--vscode-textPreformat-background, transparent);
        padding: 0 4px;
        border-radius: 3px;
        overflow-wrap: anywhere;
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    join: { attribute: false },
    speedup: { attribute: false },
    costUsd: { attribute: false },
    unknownCosts: { attribute: false },
    wallSecs: { attribute: false },
  };

  declare strings: ViewStrings;
  declare join: JoinRow;
  declare speedup: SpeedupRow | null;
  /** The cost of all attempts so far. */
  declare costUsd: number;
  /** The number of attempts without a known cost. */
  declare unknownCosts: number | undefined;
  /** The time from the fan-out to its join, or to now; null when unknown. */
  declare wallSecs: number | null;

  protected override render(): TemplateResult {
    const { strings: s, join } = this;
    return html`
      <div class="top">
        ${this.#verdict()}
        <dl class="figures">
          ${this.#figure(s.subtasksDone, this.#ended())}
          ${this.wallSecs === null ? nothing : this.#figure(s.wall, duration(this.wallSecs))}
          ${this.#figure(s.cost, html`${totalCost(this.costUsd, this.unknownCosts)}${this.#extraCost()}`)}
        </dl>
      </div>
      ${join.echo === null ? nothing : html`<p class="echo">${icon('warning')} ${join.echo}</p>`}
      ${this.#censuses()}
      <div class="terms">
        ${join.predicate === null ? nothing : html`<span>${s.predicate} <code>${join.predicate}</code></span>`}
        ${join.losers === null ? nothing : html`<span>${s.losers} <code>${join.losers}</code></span>`}
        ${join.round > 1 ? html`<span>${fill(s.round, join.round)}</span>` : nothing}
      </div>
    `;
  }

  #verdict(): TemplateResult {
    const { strings: s, join } = this;
    const outcome = join.outcome === null ? null : OUTCOMES[join.outcome];
    return html`<div class="verdict">
      <span class="look ${outcome?.look ?? 'running'}">${icon(outcome?.icon ?? 'merge')}</span>
      <div>
        <div class="outcome">${outcome === null ? s.joinWaits : s[outcome.word]}</div>
        <div class="reason">${join.reason}</div>
        ${join.complete && join.under_way ? html`<div class="goes-on">${s.goesOn}</div>` : nothing}
        ${this.#retry()}
      </div>
    </div>`;
  }

  #retry(): TemplateResult | typeof nothing {
    const { rejected, failed, timed_out: timedOut, cancelled } = this.join.counts;
    if (rejected + failed + timedOut + cancelled === 0) return nothing;
    return html`<button class="tool" @click=${() => this.dispatchEvent(new RetryRequested())}>
      ${icon('refresh')}${this.strings.retryFailed}
    </button>`;
  }

  /** The number of members, with the follow-ups beside it. */
  #ended(): TemplateResult {
    const { completed, subtasks, follow_ups: followUps } = this.join;
    return html`${completed} /
    ${subtasks - followUps}${
      followUps === 0
        ? nothing
        : html`<small class="muted">${fill(this.strings.followUps, followUps)}</small>`
    }`;
  }

  #figure(term: string, value: TemplateResult | string): TemplateResult {
    return html`<div>
      <dt>${term}</dt>
      <dd class="number">${value}</dd>
    </div>`;
  }

  #extraCost(): TemplateResult | typeof nothing {
    const extra = this.speedup?.extra_cost_usd ?? 0;
    return extra === 0
      ? nothing
      : html`<small class="muted">${fill(this.strings.costExtra, totalCost(extra))}</small>`;
  }

  /** Returns the census at the join, and the present counts if members went on. */
  #censuses(): TemplateResult | readonly TemplateResult[] {
    const { strings: s, join } = this;
    const { census, counts } = join;
    const isSame =
      census === null || sharesOf(census).every(({ count }, i) => count === sharesOf(counts)[i]?.count);
    if (isSame) return this.#counts(counts, null);
    return [this.#counts(census, s.censusAtJoin), this.#counts(counts, s.censusNow)];
  }

  #counts(counts: Counts, moment: string | null): TemplateResult {
    const shares = sharesOf(counts);
    const words = shares
      .filter(({ count }) => count > 0)
      .map(({ look, count }) => `${count} ${this.strings[wordOf(look)]}`);
    return html`
      ${moment === null ? nothing : html`<div class="moment muted">${moment}</div>`}
      <div class="bar" role="img" aria-label="${moment ?? this.strings.censusLabel}: ${words.join(', ')}">
        ${shares.map(({ look, count }) =>
          count === 0 ? nothing : html`<span class=${look} ${styled({ 'flex-grow': String(count) })}></span>`,
        )}
      </div>
      <ul class="chips">
        ${shares.map(({ look, count }) =>
          count === 0
            ? nothing
            : html`<li>
                ${lookIcon(look)}<b>${count}</b>
                <span>${this.strings[wordOf(look)]}</span>
              </li>`,
        )}
      </ul>
    `;
  }
}

customElements.define('fleet-census', CensusElement);
