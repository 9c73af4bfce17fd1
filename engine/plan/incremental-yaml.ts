import { isAlias, isMap, isScalar, isSeq, visit, type Node, type Pair, type Range, type YAMLSeq } from 'yaml';
import { documentOf, parseYaml, tooDeepAt, type YamlSource } from './yaml-source.ts';

/**
 * Reads a text repeatedly as it is edited. A long plan has many subtasks, each a separate block in one list; unchanged
 * blocks are not parsed again. A text that does not have this plain form, or has a fault, is read whole, so that the
 * result always equals that of `parseYaml`.
 */
export class IncrementalYaml {
  /** The blocks of the previous text, by their text. A text may contain the same block several times. */
  #blocks = new Map<string, Block[]>();

  /** Parses a text. The result of an earlier call becomes invalid, because its nodes may be reused. */
  parse(text: string): YamlSource {
    return this.#assembled(text) ?? parseYaml(text);
  }

  #assembled(text: string): YamlSource | null {
    const parts = partsOf(text);
    const frame = parts === null ? null : frameOf(parts);
    if (parts === null || frame === null) return null;
    const blocks = this.#blocksOf(parts);
    if (blocks === null) return null;
    const length = parts.blocks.reduce((sum, block) => sum + block.length, 0);
    const begin = parts.head.length;
    frame.list.items = blocks.map(({ node }) => node);
    frame.list.range = [begin + parts.indent, begin + length, begin + length];
    for (const range of frame.behind) shift(range, length - frame.length);
    return { root: frame.root, faults: [], resolve: node => node };
  }

  #blocksOf({ head, blocks: written }: Parts): readonly Block[] | null {
    const before = this.#blocks;
    const now = new Map<string, Block[]>();
    const blocks: Block[] = [];
    let at = head.length;
    for (const text of written) {
      const block = before.get(text)?.pop() ?? blockOf(text);
      if (block === null) break;
      for (const range of block.ranges) shift(range, at - block.at);
      block.at = at;
      at += text.length;
      blocks.push(block);
      const same = now.get(text);
      if (same === undefined) now.set(text, [block]);
      else same.push(block);
    }
    // The blocks before a faulty one are kept: the next text may correct it.
    this.#blocks = now;
    return blocks.length === written.length ? blocks : null;
  }
}

/** An item of the list of subtasks. */
interface Block {
  readonly node: Node;
  /** The ranges of the node and all nodes in it. */
  readonly ranges: readonly Range[];
  /** The offset that the ranges are relative to. */
  at: number;
}

interface Parts {
  /** The text up to the line of the first subtask. */
  readonly head: string;
  readonly blocks: readonly string[];
  /** The indentation of the items, at least one column. */
  readonly indent: number;
  readonly tail: string;
}

/** Matches YAML beyond the plain form: documents and directives. */
const SEVERAL_DOCUMENTS = /^(?:---|\.\.\.|%)/m;
const LIST = /^subtasks:[ ]*(?:#.*)?\r?\n/m;
const FIRST_ITEM = /^( +)-(?:[ \r\n]|$)/;

/** Splits a text at the lines where its subtasks begin; null if it does not have the plain form. */
function partsOf(text: string): Parts | null {
  const list = LIST.exec(text);
  if (list === null || SEVERAL_DOCUMENTS.test(text)) return null;
  const begin = list.index + list[0].length;
  const indent = FIRST_ITEM.exec(text.slice(begin, begin + 256))?.[1]?.length;
  if (indent === undefined) return null;
  const starts: number[] = [];
  let at = begin;
  for (; at < text.length; at = lineAfter(text, at)) {
    const column = indentAt(text, at);
    const first = text[at + column];
    if (first === undefined || first === '\r' || first === '\n' || first === '#') continue;
    // A tab is not indentation: its line may belong to the text before it, and so may the line after it.
    if (first === '\t') return null;
    if (column > indent) continue;
    if (column < indent) break;
    starts.push(at);
  }
  const ends = [...starts.slice(1), at];
  const blocks = starts.map((start, i) => text.slice(start, ends[i]));
  return { head: text.slice(0, begin), blocks, indent, tail: text.slice(at) };
}

function indentAt(text: string, lineStart: number): number {
  let at = lineStart;
  while (text[at] === ' ') at += 1;
  return at - lineStart;
}

function lineAfter(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

interface Frame {
  readonly root: Node;
  /** The list of subtasks, with one item in place of all of them. */
  readonly list: YAMLSeq;
  /** The number of characters in that item's line. */
  readonly length: number;
  /** The ranges after the list, and those that end after it. */
  readonly behind: readonly Range[];
}

/** Parses everything around the subtasks; null if it does not have the plain form. */
function frameOf({ head, indent, tail }: Parts): Frame | null {
  const item = `${' '.repeat(indent)}- 0\n`;
  const root = plainNode(`${head}${item}${tail}`);
  if (!isMap(root)) return null;
  const at = root.items.findIndex(({ key }) => isScalar(key) && key.value === 'subtasks');
  const list = root.items[at]?.value;
  const only = isSeq(list) && list.items.length === 1 ? list.items[0] : undefined;
  // A line in a multi-line text may look like the key.
  if (!isScalar(only) || only.range?.[0] !== head.length + indent + 2) return null;
  // A key without text is placed at the end of the text before it, which belongs to the last subtask.
  if (isEmpty(root.items[at + 1]?.key)) return null;
  const behind = root.items.slice(at + 1).flatMap(pair => rangesOf(pair));
  return { root, list: list as YAMLSeq, length: item.length, behind };
}

function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.range != null && node.range[0] === node.range[1];
}

function blockOf(text: string): Block | null {
  const list = plainNode(text);
  if (!isSeq(list) || list.items.length !== 1) return null;
  const node = list.items[0] as Node;
  return { node, ranges: rangesOf(node), at: 0 };
}

/** Returns the node of a text without faults and references; null for any other text. */
function plainNode(text: string): Node | null {
  if (tooDeepAt(text) !== null) return null;
  const document = documentOf(text);
  if (document.errors.length > 0 || document.warnings.length > 0) return null;
  let isPlain = true;
  visit(document.contents, {
    Node: (_, node) => {
      if (!isAlias(node) && node.anchor === undefined && node.tag === undefined) return undefined;
      isPlain = false;
      return visit.BREAK;
    },
  });
  return isPlain ? document.contents : null;
}

/** Returns the ranges of a node and all nodes in it, each once. */
function rangesOf(root: Node | Pair): readonly Range[] {
  const ranges = new Set<Range>();
  visit(root as Node, {
    Node: (_, { range }) => void (range != null && ranges.add(range)),
  });
  return [...ranges];
}

function shift(range: Range, by: number): void {
  range[0] += by;
  range[1] += by;
  range[2] += by;
}
