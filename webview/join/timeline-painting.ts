import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Scene } from '../model/scene.ts';
import { CanvasPainter } from './canvas-painter.ts';
import { readPalette } from './palette.ts';

/**
 * Bounds of the interval at which growing bars are painted again, in milliseconds. Between the bounds, they are painted
 * when they have grown by a pixel.
 */
const MIN_GROW_MS = 100;
const MAX_GROW_MS = 1000;

/** A canvas and the scene to paint on it. */
export interface Painting {
  readonly canvas: HTMLCanvasElement;
  readonly scene: Scene;
  /** The time in which running bars grow by a pixel; null where none runs. */
  readonly pixelMs: number | null;
}

/** Paints a canvas on request, when the element is resized, when the theme changes, and while bars grow. */
export class PaintingController implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #painting: () => Painting | null;
  #painter: { readonly canvas: HTMLCanvasElement; readonly painter: CanvasPainter } | null = null;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #resized = new ResizeObserver(() => this.paintSoon());
  readonly #themed = new MutationObserver(() => this.#rethemed());
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #forced = matchMedia('(forced-colors: active)');
  readonly #onForced = (): void => this.#rethemed();

  /** @param painting returns what to paint now; null for nothing */
  constructor(host: ReactiveControllerHost & HTMLElement, painting: () => Painting | null) {
    this.#host = host;
    this.#painting = painting;
    host.addController(this);
  }

  hostConnected(): void {
    this.#resized.observe(this.#host);
    // The editor changes its theme through the root's style and the body's classes.
    this.#themed.observe(document.documentElement, { attributes: true });
    this.#themed.observe(document.body, { attributes: true });
    this.#forced.addEventListener('change', this.#onForced);
  }

  hostDisconnected(): void {
    this.#resized.disconnect();
    this.#themed.disconnect();
    this.#forced.removeEventListener('change', this.#onForced);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#timer = undefined;
    this.#painter = null;
  }

  /** Paints in the next frame, once for any number of requests. */
  paintSoon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.paint();
    });
  }

  paint(): void {
    const painting = this.#painting();
    if (painting === null) return;
    const { canvas, scene, pixelMs } = painting;
    const height = `${scene.height}px`;
    if (canvas.style.height !== height) canvas.style.height = height;
    this.#painterOf(canvas).paint(scene, window.devicePixelRatio);
    if (pixelMs !== null) this.#growLater(pixelMs);
  }

  #painterOf(canvas: HTMLCanvasElement): CanvasPainter {
    if (this.#painter?.canvas !== canvas)
      this.#painter = { canvas, painter: new CanvasPainter(canvas, readPalette(this.#host)) };
    return this.#painter.painter;
  }

  #rethemed(): void {
    if (this.#painter !== null) this.#painter.painter.palette = readPalette(this.#host);
    this.paintSoon();
  }

  #growLater(pixelMs: number): void {
    if (this.#timer !== undefined) return;
    const growMs = this.#calm.matches ? MAX_GROW_MS : Math.min(Math.max(MIN_GROW_MS, pixelMs), MAX_GROW_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.paintSoon();
    }, growMs);
  }
}
