import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../components/icon.ts';
import { criticalIndices } from '../model/fan-out.ts';
import type { PanelState } from '../model/panel-state.ts';
import type { SavedState } from '../model/saved-state.ts';
import type { Problem } from '../protocol.ts';
import '../report/speedup.ts';
import type { ViewStrings } from '../strings.ts';
import './census.ts';
import './detail.ts';
import './subtasks.ts';
import './timeline.ts';

/**
 * The content of the sections: the state from the host, the user's choices, and the reason why the serial run was
 * refused.
 */
export interface Shown {
  readonly state: PanelState;
  readonly saved: SavedState;
  readonly refused: Problem | null;
}

/** Returns the sections of the panel, or a text while there is no fan-out to show. */
export function sections(shown: Shown, s: ViewStrings): TemplateResult {
  const { stream, model } = shown.state;
  if (model.join === null) {
    const word = stream.state === 'disconnected' ? (stream.note ?? s.disconnected) : s.loading;
    return html`<div class="loading">${word}</div>`;
  }
  if (model.join.subtasks === 0) return html`<div class="loading">${s.noFanOut}</div>`;
  return html`<div class="columns">
    <div class="flow">${joinSection(shown, s)} ${timelineSection(shown, s)} ${subtasksSection(shown, s)}</div>
    <aside>${detail(shown, s)} ${speedupSection(shown, s)}</aside>
  </div>`;
}

function joinSection({ state }: Shown, s: ViewStrings): TemplateResult {
  const { model, speedup } = state;
  return html`<section aria-labelledby="join-title">
    <h2 id="join-title">${icon('merge')}${s.joinSection}</h2>
    <fleet-census
      class="card padded"
      .strings=${s}
      .model=${model}
      .version=${model.version}
      .speedup=${speedup.report}
      .wallSecs=${state.wallSecs}
    ></fleet-census>
  </section>`;
}

function timelineSection({ state, saved }: Shown, s: ViewStrings): TemplateResult {
  const { model, clock, speedup } = state;
  return html`<section aria-labelledby="timeline-title">
    <h2 id="timeline-title">${icon('graph')}${s.timelineSection}</h2>
    <fleet-timeline
      class="card clip"
      .strings=${s}
      .model=${model}
      .version=${model.version}
      .clock=${clock}
      .moving=${state.isMoving}
      .critical=${criticalIndices(speedup.report, model.rows)}
      .selected=${saved.selected}
    ></fleet-timeline>
  </section>`;
}

function subtasksSection({ state, saved }: Shown, s: ViewStrings): TemplateResult {
  const { model, clock } = state;
  return html`<section aria-labelledby="subtasks-title">
    <h2 id="subtasks-title">${icon('listUnordered')}${s.subtasksSection}</h2>
    <fleet-subtasks
      class="card clip"
      .strings=${s}
      .model=${model}
      .version=${model.version}
      .clock=${clock}
      .moving=${state.isMoving}
      .listing=${saved.listing}
      .selected=${saved.selected}
    ></fleet-subtasks>
  </section>`;
}

function detail({ state, saved }: Shown, s: ViewStrings): TemplateResult | typeof nothing {
  const { model, clock } = state;
  const row = saved.selected === null ? undefined : model.rows[saved.selected];
  if (row === undefined) return nothing;
  return html`<fleet-detail
    .strings=${s}
    .row=${row}
    .rows=${model.rows}
    .clock=${clock}
    .version=${model.version}
  ></fleet-detail>`;
}

function speedupSection({ state, refused }: Shown, s: ViewStrings): TemplateResult {
  const { model, speedup, serial, stream, task } = state;
  return html`<section aria-labelledby="speedup-title">
    <h2 id="speedup-title">${icon('dashboard')}${s.speedupSection}</h2>
    <fleet-speedup
      class="card"
      .strings=${s}
      .report=${speedup.report}
      .problem=${speedup.problem}
      .serial=${serial}
      .refused=${refused}
      .enabled=${stream.state !== 'disconnected'}
      .model=${model}
      .version=${model.version}
      .isSerial=${task?.serial ?? false}
    ></fleet-speedup>
  </section>`;
}
