import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon, lookIcon } from '../components/icon.ts';
import { styled } from '../components/styled.ts';
import { shared } from '../components/styles.ts';
import { duration, totalCost } from '../../engine/contract/format.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import { sharesOf, wordOf } from '../model/looks.ts';
import { conditionOf, membersOf, progressOf, restOf, stateOf } from '../model/outcome.ts';
import type { JoinRow, SpeedupRow } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';

/** Shows the result of a run: its state, its progress, its condition. */
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
      .bar > .needsYou {
        --ink: var(--fleet-needsYou);
        background-image: repeating-linear-gradient(90deg, var(--ink) 0 3px, transparent 3px 6px);
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
      }
      .terms > div {
        display: flex;
        gap: 5px;
        min-width: 0;
      }
      .terms dt {
        flex: none;
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
    model: { attribute: false },
    version: { attribute: false },
    speedup: { attribute: false },
    wallSecs: { attribute: false },
  };

  declare strings: ViewStrings;
  /** A model with a join. */
  declare model: FanOutModel;
  /** The version of the model. A new version draws the result again. */
  declare version: number;
  declare speedup: SpeedupRow | null;
  /** The time from the fan-out to its join, or to now; null when unknown. */
  declare wallSecs: number | null;

  protected override render(): TemplateResult | typeof nothing {
    const { strings: s, model } = this;
    const { join } = model;
    if (join === null) return nothing;
    return html`
      <div class="top">
        ${this.#verdict(join)}
        <dl class="figures">
          ${this.#figure(s.subtasksDone, this.#ended(join))}
          ${this.wallSecs === null ? nothing : this.#figure(s.wall, duration(this.wallSecs))} ${this.#cost()}
        </dl>
      </div>
      ${join.echo === null ? nothing : html`<p class="echo">${icon('warning')} ${join.echo}</p>`}
      ${this.#counts(join)}
      <dl class="terms">${this.#condition(join)} ${this.#term(s.theRest, restOf(join, s))}</dl>
    `;
  }

  #verdict(join: JoinRow): TemplateResult {
    const { strings: s, model } = this;
    const { look, word } = stateOf(join, model.needsYou);
    const retry = join.round > 1 ? ` · ${fill(s.round, join.round - 1)}` : '';
    return html`<div class="verdict">
      ${lookIcon(look)}
      <div>
        <div class="outcome">${s[word]}${retry}</div>
        <div class="reason">${progressOf(model, s)}</div>
        ${join.complete && join.under_way ? html`<div class="goes-on">${s.goesOn}</div>` : nothing}
      </div>
    </div>`;
  }

  #condition(join: JoinRow): TemplateResult | typeof nothing {
    const { doneWhen } = this.strings;
    const words = conditionOf(join, this.strings);
    if (words !== null || join.predicate === null) return this.#term(doneWhen, words);
    return this.#term(doneWhen, html`<code>${join.predicate}</code>`);
  }

  #term(term: string, value: TemplateResult | string | null): TemplateResult | typeof nothing {
    return value === null
      ? nothing
      : html`<div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>`;
  }

  /** The number of members, with the follow-ups beside it. */
  #ended(join: JoinRow): TemplateResult {
    const { completed, follow_ups: followUps } = join;
    return html`${completed} /
    ${membersOf(join)}${
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

  /** The cost of all attempts; nothing where none had a cost. */
  #cost(): TemplateResult | typeof nothing {
    const { strings: s, model } = this;
    if (!model.hasCosts) return nothing;
    const extra = this.speedup?.extra_cost_usd ?? 0;
    const note =
      extra === 0 ? nothing : html`<small class="muted">${fill(s.costExtra, totalCost(extra))}</small>`;
    return this.#figure(s.cost, html`${totalCost(model.costUsd, model.unknownCosts)}${note}`);
  }

  /** The present counts. */
  #counts({ counts }: JoinRow): TemplateResult {
    const { strings: s } = this;
    const shares = sharesOf(counts, this.model.needsYou).filter(({ count }) => count > 0);
    const words = shares.map(({ look, count }) => `${count} ${s[wordOf(look)]}`);
    return html`
      <div class="bar" role="img" aria-label="${s.censusLabel}: ${words.join(', ')}">
        ${shares.map(
          ({ look, count }) => html`<span class=${look} ${styled({ 'flex-grow': String(count) })}></span>`,
        )}
      </div>
      <ul class="chips">
        ${shares.map(
          ({ look, count }) =>
            html`<li>
              ${lookIcon(look)}<b>${count}</b>
              <span>${s[wordOf(look)]}</span>
            </li>`,
        )}
      </ul>
    `;
  }
}

customElements.define('fleet-census', CensusElement);
