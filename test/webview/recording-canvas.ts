/** A painting call, with the state of the context at that moment. */
export interface Painted {
  readonly call: 'fillRect' | 'strokeRect' | 'fill' | 'stroke' | 'fillText' | 'strokeText';
  /** The corners and sizes of a rectangle, the text and its place, or the points of a path in order. */
  readonly args: readonly (number | string)[];
  /** The fill of a filled shape, or the stroke of a stroked one. */
  readonly ink: unknown;
  readonly alpha: number;
  readonly lineWidth: number;
  readonly dashed: boolean;
  readonly closed: boolean;
  readonly font: string;
  readonly align: string;
  /** The area to which painting is limited; null for none. */
  readonly clip: readonly number[] | null;
}

/** A pattern from a tile. */
export interface TilePattern {
  readonly tile: unknown;
}

/** A canvas context that records what is painted after the canvas was last cleared. */
export class RecordingContext {
  readonly painted: Painted[] = [];
  /** The number of pictures that were begun. */
  pictures = 0;
  fillStyle: unknown = '';
  strokeStyle: unknown = '';
  lineWidth = 1;
  lineJoin = 'miter';
  globalAlpha = 1;
  font = '';
  textAlign = 'left';
  textBaseline = 'alphabetic';
  /** The device pixels per pixel. */
  scale = 1;
  #dash: readonly number[] = [];
  #path: number[] = [];
  #closed = false;
  #clip: readonly number[] | null = null;
  readonly #saved: (readonly number[] | null)[] = [];

  setTransform(scale: number): void {
    this.scale = scale;
    this.painted.length = 0;
    this.pictures += 1;
  }
  save(): void {
    this.#saved.push(this.#clip);
  }
  restore(): void {
    this.#clip = this.#saved.pop() ?? null;
  }
  setLineDash(dash: readonly number[]): void {
    this.#dash = dash;
  }
  beginPath(): void {
    this.#path = [];
    this.#closed = false;
  }
  moveTo(x: number, y: number): void {
    this.#path.push(x, y);
  }
  lineTo(x: number, y: number): void {
    this.#path.push(x, y);
  }
  rect(...box: number[]): void {
    this.#path.push(...box);
  }
  closePath(): void {
    this.#closed = true;
  }
  clip(): void {
    this.#clip = this.#path;
  }
  fillRect(...box: number[]): void {
    this.#paint('fillRect', box);
  }
  strokeRect(...box: number[]): void {
    this.#paint('strokeRect', box);
  }
  fill(): void {
    this.#paint('fill', this.#path);
  }
  stroke(): void {
    this.#paint('stroke', this.#path);
  }
  fillText(text: string, x: number, y: number): void {
    this.#paint('fillText', [text, x, y]);
  }
  strokeText(text: string, x: number, y: number): void {
    this.#paint('strokeText', [text, x, y]);
  }
  createPattern(tile: unknown): TilePattern {
    return { tile };
  }

  #paint(call: Painted['call'], args: readonly (number | string)[]): void {
    this.painted.push({
      call,
      args: [...args],
      ink: call.startsWith('fill') ? this.fillStyle : this.strokeStyle,
      alpha: this.globalAlpha,
      lineWidth: this.lineWidth,
      dashed: this.#dash.length > 0,
      closed: this.#closed,
      font: this.font,
      align: this.textAlign,
      clip: this.#clip,
    });
  }
}
