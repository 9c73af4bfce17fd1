import type * as vscode from 'vscode';

/** Places in a text, as far as the tests need them. */

export class Position implements Pick<vscode.Position, 'line' | 'character' | 'isBefore' | 'isEqual'> {
  readonly line: number;
  readonly character: number;

  constructor(line: number, character: number) {
    if (line < 0 || character < 0) throw new Error(`no position: ${line}:${character}`);
    this.line = line;
    this.character = character;
  }

  isBefore({ line, character }: vscode.Position): boolean {
    return this.line < line || (this.line === line && this.character < character);
  }

  isEqual({ line, character }: vscode.Position): boolean {
    return this.line === line && this.character === character;
  }
}

export class Range implements Pick<vscode.Range, 'start' | 'end' | 'isEmpty'> {
  readonly start: vscode.Position;
  readonly end: vscode.Position;

  constructor(start: vscode.Position, end: vscode.Position);
  constructor(line: number, character: number, endLine: number, endCharacter: number);
  constructor(
    start: vscode.Position | number,
    end: vscode.Position | number,
    endLine?: number,
    endCharacter?: number,
  ) {
    const from = typeof start === 'number' ? place(start, end as number) : start;
    const to = typeof start === 'number' ? place(endLine ?? 0, endCharacter ?? 0) : (end as vscode.Position);
    // The editor accepts both orders.
    [this.start, this.end] = to.isBefore(from) ? [to, from] : [from, to];
  }

  get isEmpty(): boolean {
    return this.start.isEqual(this.end);
  }
}

export class Selection extends Range implements Pick<vscode.Selection, 'anchor' | 'active'> {
  readonly anchor: vscode.Position;
  readonly active: vscode.Position;

  constructor(anchor: vscode.Position, active: vscode.Position) {
    super(anchor, active);
    this.anchor = anchor;
    this.active = active;
  }
}

const place = (line: number, character: number): vscode.Position =>
  new Position(line, character) as unknown as vscode.Position;

export class Location implements Pick<vscode.Location, 'uri' | 'range'> {
  uri: vscode.Uri;
  range: vscode.Range;

  constructor(uri: vscode.Uri, range: vscode.Range) {
    this.uri = uri;
    this.range = range;
  }
}
