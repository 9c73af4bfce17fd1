import { isDeepStrictEqual } from 'node:util';
import { isMap, parseDocument, visit, type ScalarTag, type Tags } from 'yaml';
import type { Plan } from '../plan.ts';

/**
 * Formats a plan: two columns per level, at most one blank line, `[1, 2]` and `{ a: 1 }` on one line if they were.
 * Keeps comments and the plan's request.
 * @param read reads a plan, to check that its request stays the same
 * @returns null if the plan has faults, or formatting would change its request
 */
export function formatted(text: string, read: (text: string) => Plan): string | null {
  const document = documentOf(text);
  if (document.errors.length > 0 || !isMap(document.contents)) return null;
  const written = closed(document.toString({ indent: 2, lineWidth: 0 }));
  const [before, after] = [read(text).request, read(written).request];
  return before !== null && isDeepStrictEqual(before, after) ? written : null;
}

function documentOf(text: string): ReturnType<typeof parseDocument> {
  return parseDocument(text, { prettyErrors: false, version: '1.2', merge: false, customTags: asWritten });
}

/** Writes a number as it was written: `3.10` and `0x1F` are texts in a plan. */
function asWritten(tags: Tags): Tags {
  return tags.map(tag => {
    if (typeof tag === 'string' || !/:(int|float)$/.test(tag.tag) || tag.collection !== undefined) return tag;
    const { stringify } = tag;
    return {
      ...tag,
      stringify: (item, ...rest) => item.source ?? stringify?.(item, ...rest) ?? String(item.value),
    } satisfies ScalarTag;
  });
}

/** Removes the padding that the library puts inside lists on one line. */
function closed(text: string): string {
  const padding: number[] = [];
  visit(documentOf(text), {
    Seq: (_, { flow, range }) => {
      if (flow !== true || range == null || range[1] - range[0] < 4) return;
      const [start, end] = [range[0] + 1, range[1] - 2];
      if (text[start] === ' ' && text[end] === ' ') padding.push(start, end);
    },
  });
  return padding.sort((a, b) => b - a).reduce((rest, at) => rest.slice(0, at) + rest.slice(at + 1), text);
}
