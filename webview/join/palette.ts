import { LOOKS, type Look } from '../model/looks.ts';
import type { Ink } from '../model/scene.ts';

/** The colours of a picture in CSS syntax, read from the theme. */
export interface Palette {
  readonly ink: Readonly<Record<Ink, string>>;
  readonly background: string;
  /** The share of a bar's colour in its background, 0 to 1; 0 in high contrast. */
  readonly tint: number;
  readonly font: string;
}

/** Reads the colours that the page's style sheet derives from the editor's variables, as absolute colours. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const value = (name: string): string => style.getPropertyValue(`--fleet-${name}`).trim();
  const probe = document.createElement('span');
  // Forced system colours have names that only the page can resolve.
  probe.style.setProperty('forced-color-adjust', 'none');
  document.body.append(probe);
  const colour = (name: string): string => {
    probe.style.color = value(name);
    return getComputedStyle(probe).color;
  };
  const looks = Object.fromEntries(LOOKS.map(look => [look, colour(look)])) as Record<Look, string>;
  const palette = {
    ink: {
      ...looks,
      text: colour('text'),
      muted: colour('muted'),
      rule: colour('grid'),
      accent: colour('accent'),
      band: colour('band'),
    },
    background: colour('background'),
    tint: Number(value('tint')),
    font: value('font') || 'sans-serif',
  };
  probe.remove();
  return palette;
}
