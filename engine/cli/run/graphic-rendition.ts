/** The attributes that one parameter of a `m` sequence ends; a parameter that is not here sets one. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  22: ['1', '2'],
  23: ['3'],
  24: ['4'],
  25: ['5'],
  27: ['7'],
  28: ['8'],
  29: ['9'],
  39: ['38'],
  49: ['48'],
  55: ['53'],
  59: ['58'],
};
/** The parameters that follow these, for a colour of a palette and for one of red, green and blue. */
const FOLLOWING: Readonly<Record<string, number>> = { 5: 2, 2: 4 };

/** The colours and attributes of a terminal's text, as `m` sequences (Select Graphic Rendition) change them. */
export class GraphicRendition {
  /** The parameters in effect, by the attribute that they set. */
  readonly #set = new Map<string, string>();

  /** Applies the parameters of one sequence, such as `1;31`. */
  apply(parameters: string): void {
    const all = parameters.split(';');
    for (let at = 0; at < all.length; at += 1) {
      const parameter = all[at]!;
      const isColour = parameter === '38' || parameter === '48' || parameter === '58';
      const count = isColour ? (FOLLOWING[all[at + 1] ?? ''] ?? 0) : 0;
      this.#one([parameter, ...all.slice(at + 1, at + 1 + count)].join(';'));
      at += count;
    }
  }

  /** The sequence that sets everything in effect; empty for plain text. */
  get sequence(): string {
    return this.#set.size === 0 ? '' : `\u001b[${[...this.#set.values()].join(';')}m`;
  }

  #one(parameter: string): void {
    const number = Number.parseInt(parameter || '0', 10);
    const ended = ENDS[number];
    if (number === 0) this.#set.clear();
    else if (parameter === '4:0') this.#set.delete('4');
    else if (ended !== undefined) for (const attribute of ended) this.#set.delete(attribute);
    else this.#set.set(attributeOf(number), parameter);
  }
}

/** Returns the attribute that a parameter sets: colours replace each other. */
function attributeOf(number: number): string {
  if ((number >= 30 && number <= 38) || (number >= 90 && number <= 97)) return '38';
  if ((number >= 40 && number <= 48) || (number >= 100 && number <= 107)) return '48';
  if (number === 21) return '4';
  return String(number === 6 ? 5 : number);
}
