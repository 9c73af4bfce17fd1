import type { Palette } from '../../webview/join/palette.ts';
import { LOOKS, PATTERNS, type Look } from '../../webview/model/looks.ts';
import type { Ink, Scene, Shape } from '../../webview/model/scene.ts';

/** Shapes of a timeline for tests of the painters. */

const INKS: readonly Ink[] = ['text', 'muted', 'rule', 'accent', 'band', ...LOOKS];

/** A palette with a different colour for each ink. */
export const PALETTE: Palette = {
  ink: Object.fromEntries(INKS.map((ink, at) => [ink, `#0000${(16 + at).toString(16)}`])) as Palette['ink'],
  background: '#ffffff',
  tint: 0.4,
  font: 'Test Sans',
};

export const bar = (look: Look, told: Partial<Shape & { kind: 'bar' }> = {}): Shape & { kind: 'bar' } => ({
  kind: 'bar',
  x: 100,
  y: 40,
  width: 50,
  height: 14,
  look,
  pattern: PATTERNS[look],
  faint: false,
  open: false,
  ...told,
});

export const text = (
  words: string,
  told: Partial<Shape & { kind: 'text' }> = {},
): Shape & { kind: 'text' } => ({
  kind: 'text',
  x: 10,
  y: 50,
  text: words,
  ink: 'text',
  align: 'left',
  bold: false,
  ...told,
});

export const line = (told: Partial<Shape & { kind: 'line' }> = {}): Shape & { kind: 'line' } => ({
  kind: 'line',
  x1: 1,
  y1: 30,
  x2: 9,
  y2: 60,
  ink: 'rule',
  thick: 1,
  dashed: false,
  ...told,
});

/** Returns a scene of 200 by 100 pixels. */
export const sceneWith = (body: readonly Shape[], head: readonly Shape[] = []): Scene => ({
  width: 200,
  height: 100,
  body,
  head,
});
