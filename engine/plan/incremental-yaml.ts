import { isAlias, isMap, isScalar, isSeq, visit, type Node, type Pair, type Range, type YAMLSeq } from 'yaml';
import { documentOf, parseYaml, tooDeepAt, type YamlSource } from './yaml-source.ts';

/**
 * Reads one text again and again as it is edited. A plan is long because it has many subtasks, each a block of its own in
 * one list: those that are as they were are not parsed anew. Whatever is not of that plain form, or has a fault anywhere,
 * is read whole, so that the outcome is always that of `parseYaml`.
 */
export class IncrementalYaml {
  /** The blocks of the text before, by how they are written; a text may have the same block more than once. */
  #blocks = new Map<string, Block[]>();

  /** Parses a text. The result of an earlier call must not be used any more: its nodes may be part of this one. */
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
    // Where a block has a fault those before it are kept: the next text may have it mended.
    this.#blocks = now;
    return blocks.length === written.length ? blocks : null;
  }
}

/** An item of the list of subtasks. */
interface Block {
  readonly node: Node;
  /** Those of the node and of all in it. */
  readonly ranges: readonly Range[];
  /** The offset of the text that the ranges are counted from. */
  at: number;
}

interface Parts {
  /** Up to the line of the first subtask. */
  readonly head: string;
  readonly blocks: readonly string[];
  /** The indentation of the items: one column at least. */
  readonly indent: number;
  readonly tail: string;
}

/** Marks of YAML beyond the plain form: documents, directives. */
const SEVERAL_DOCUMENTS = /^(?:---|\.\.\.|%)/m;
const LIST = /^subtasks:[ ]*(?:#.*)?\r?\n/m;
const FIRST_ITEM = /^( +)-(?:[ \r\n]|$)/;

/** Cuts a text at the lines where its subtasks begin. Null where it is not of the plain form. */
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
    // A tab is no indentation: its line may belong to the text before it, and the line after it too.
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
  /** The list of subtasks, with one item that stands for all. */
  readonly list: YAMLSeq;
  /** Characters of that item's line. */
  readonly length: number;
  /** The ranges of what comes after the list, and those that end after it. */
  readonly behind: readonly Range[];
}

/** Reads what stands around the subtasks. Null where that is not of the plain form. */
function frameOf({ head, indent, tail }: Parts): Frame | null {
  const item = `${' '.repeat(indent)}- 0\n`;
  const root = plainNode(`${head}${item}${tail}`);
  if (!isMap(root)) return null;
  const at = root.items.findIndex(({ key }) => isScalar(key) && key.value === 'subtasks');
  const list = root.items[at]?.value;
  const only = isSeq(list) && list.items.length === 1 ? list.items[0] : undefined;
  // A line in a text of several lines may look like the key.
  if (!isScalar(only) || only.range?.[0] !== head.length + indent + 2) return null;
  // A key without text stands where the text before it ends, which is the last subtask's to tell.
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

/** The node of a text that has no fault, and in which nothing refers to something else. */
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

/** The ranges of a node and of all in it, each once. */
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
