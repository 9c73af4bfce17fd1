import { html, type SVGTemplateResult, type TemplateResult } from 'lit';
import { svg, unsafeStatic } from 'lit/static-html.js';
import circleLarge from '@vscode/codicons/src/icons/circle-large.svg';
import circleSlash from '@vscode/codicons/src/icons/circle-slash.svg';
import close from '@vscode/codicons/src/icons/close.svg';
import dashboard from '@vscode/codicons/src/icons/dashboard.svg';
import debugDisconnect from '@vscode/codicons/src/icons/debug-disconnect.svg';
import debugStepOver from '@vscode/codicons/src/icons/debug-step-over.svg';
import debugPause from '@vscode/codicons/src/icons/debug-pause.svg';
import diffRemoved from '@vscode/codicons/src/icons/diff-removed.svg';
import error from '@vscode/codicons/src/icons/error.svg';
import exporting from '@vscode/codicons/src/icons/export.svg';
import graph from '@vscode/codicons/src/icons/graph.svg';
import info from '@vscode/codicons/src/icons/info.svg';
import linkExternal from '@vscode/codicons/src/icons/link-external.svg';
import listUnordered from '@vscode/codicons/src/icons/list-unordered.svg';
import merge from '@vscode/codicons/src/icons/git-merge.svg';
import output from '@vscode/codicons/src/icons/output.svg';
import pass from '@vscode/codicons/src/icons/pass.svg';
import play from '@vscode/codicons/src/icons/play.svg';
import playCircle from '@vscode/codicons/src/icons/play-circle.svg';
import question from '@vscode/codicons/src/icons/question.svg';
import refresh from '@vscode/codicons/src/icons/refresh.svg';
import runAll from '@vscode/codicons/src/icons/run-all.svg';
import saveAs from '@vscode/codicons/src/icons/save-as.svg';
import screenFull from '@vscode/codicons/src/icons/screen-full.svg';
import stopCircle from '@vscode/codicons/src/icons/stop-circle.svg';
import sync from '@vscode/codicons/src/icons/sync.svg';
import warning from '@vscode/codicons/src/icons/warning.svg';
import clockface from '@vscode/codicons/src/icons/clockface.svg';
import zoomIn from '@vscode/codicons/src/icons/zoom-in.svg';
import zoomOut from '@vscode/codicons/src/icons/zoom-out.svg';
import type { Look } from '../model/looks.ts';

const ICONS = {
  circleLarge,
  circleSlash,
  close,
  dashboard,
  debugDisconnect,
  debugPause,
  debugStepOver,
  diffRemoved,
  error,
  exporting,
  graph,
  info,
  linkExternal,
  listUnordered,
  merge,
  output,
  pass,
  play,
  playCircle,
  question,
  refresh,
  runAll,
  saveAs,
  screenFull,
  stopCircle,
  sync,
  warning,
  clockface,
  zoomIn,
  zoomOut,
} as const;
export type IconName = keyof typeof ICONS;

/**
 * The content of each icon's `svg` element. It is fixed text of the product, so it is inserted without escaping. As
 * static text, it is parsed once and not for each use.
 */
const DRAWINGS = Object.fromEntries(
  Object.entries(ICONS).map(([name, text]) => [
    name,
    svg`${unsafeStatic(text.replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, ''))}`,
  ]),
) as Record<IconName, SVGTemplateResult>;

const LOOK_ICONS: Readonly<Record<Look, IconName>> = {
  accepted: 'pass',
  rejected: 'diffRemoved',
  failed: 'error',
  timedOut: 'clockface',
  cancelled: 'circleSlash',
  skipped: 'debugStepOver',
  running: 'playCircle',
  needsYou: 'question',
  pending: 'circleLarge',
};

/** Returns an icon that repeats the words beside it, hidden from screen readers. */
export function icon(name: IconName, slot?: string): TemplateResult {
  return html`<svg
    class="icon"
    slot=${slot ?? ''}
    viewBox="0 0 16 16"
    fill="currentColor"
    aria-hidden="true"
    focusable="false"
  >
    ${DRAWINGS[name]}
  </svg>`;
}

export function lookIcon(look: Look): TemplateResult {
  return html`<span class="look ${look}">${icon(LOOK_ICONS[look])}</span>`;
}
