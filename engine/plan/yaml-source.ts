import { CST, isAlias, Lexer, parseDocument, type Document, type Node } from 'yaml';
import type { Range } from './diagnostics.ts';

/** The deepest nesting of a text. A plan needs four levels. */
const MAX_DEPTH = 50;
/** The deepest indentation. At most two columns per level are usual, and block texts are not tokens. */
const MAX_INDENT = 200;

/** A text parsed as YAML. */
export interface YamlSource {
  /** Null for a missing or empty node. */
  readonly root: Node | null;
  readonly faults: readonly { readonly message: string; readonly range: Range }[];
  /** Returns the node, or the target of an alias. */
  resolve(node: Node | null): Node | null;
}

/** Parses a whole text. */
export function parseYaml(text: string): YamlSource {
  const deep = tooDeepAt(text);
  if (deep !== null) {
    const message = `it is nested more than ${MAX_DEPTH} deep`;
    const faults = [{ message, range: { start: deep, end: deep + 1 } }];
    return { root: null, faults, resolve: node => node };
  }
  const document = documentOf(text);
  return {
    root: document.contents,
    faults: document.errors.map(({ message, pos }) => ({ message, range: within(text, pos) })),
    resolve: node => (isAlias(node) ? (node.resolve(document) ?? null) : node),
  };
}

export function documentOf(text: string): Document.Parsed {
  return parseDocument(text, { prettyErrors: false, version: '1.2', merge: false });
}

function within(text: string, [start, end]: readonly [number, number]): Range {
  const last = text.length;
  return { start: Math.min(start, last), end: Math.min(Math.max(end, start + 1), last) };
}

/**
 * Returns the offset at which a text is nested too deep, or null. The limit exists because the parser recurses into
 * nested nodes, and the stack is finite. The levels of a block are found by its indentation, or on one line by the
 * dashes and question marks that open them.
 */
export function tooDeepAt(text: string): number | null {
  let at = 0;
  let flow = 0;
  let onLine = 0;
  let isText = false;
  for (const lexeme of new Lexer().lex(text)) {
    // The text of a scalar follows its mark. It is not a token, whatever it begins with.
    const type: CST.TokenType | null = isText ? null : CST.tokenType(lexeme);
    isText = type === 'scalar';
    if (type === 'newline') onLine = 0;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind') onLine += 1;
    else if (type === 'flow-seq-start' || type === 'flow-map-start') flow += 1;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') flow -= 1;
    const isBlock = flow === 0 && type !== 'space';
    if (flow > MAX_DEPTH || (isBlock && onLine > MAX_DEPTH)) return at;
    // Such a line is inside at most as many blocks as it has columns.
    if (type === 'space' && onLine === 0 && flow === 0 && lexeme.length > MAX_INDENT) return at;
    at += isMark(type) ? 0 : lexeme.length;
  }
  return null;
}

/** Returns true for the lexer's marks of documents and scalars: characters that are not in the text. */
const isMark = (type: CST.TokenType | null): boolean =>
  type === 'doc-mode' || type === 'flow-error-end' || type === 'scalar';
