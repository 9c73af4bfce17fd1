import { AXIS_PX, lanesHeight, sceneOf, type Scene, type Subject } from '../model/scene.ts';
import type { Domain } from '../model/axis.ts';
import { CanvasPainter } from './canvas-painter.ts';
import type { Palette } from './palette.ts';

const WIDTH_PX = 1200;
/** The greatest height of a picture: canvases have a limit. */
const MAX_HEIGHT_PX = 8000;

/** Returns the scene of a picture: all lanes, with nothing hovered or selected. */
export function pictureScene(subject: Subject, domain: Domain): Scene {
  const height = Math.min(MAX_HEIGHT_PX, AXIS_PX + lanesHeight(subject.lanes) + 6);
  const sight = { width: WIDTH_PX, height, scrollTop: 0, domain };
  return sceneOf({ ...subject, active: null, selected: null }, sight);
}

/** Paints a PNG. @returns it as base64; null if the page cannot create one */
export async function pngOf(scene: Scene, palette: Palette): Promise<string | null> {
  const canvas = document.createElement('canvas');
  new CanvasPainter(canvas, palette).paint(scene, 2);
  const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) return null;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
