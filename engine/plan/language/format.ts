import { isDeepStrictEqual } from 'node:util';
import { isMap, parseDocument, visit, type ScalarTag, type Tags } from 'yaml';
import type { Plan } from '../plan.ts';

/**
 * A plan in its usual form: two columns a level, one blank line at most, `[1, 2]` and `{ a: 1 }` on one line where they were.
 * Comments stay, and so does all that it asks for. Null where it has faults, or can’t be written so without a change of what
 * it asks for.
 * @param read how a plan is read, to see that it asks for the same.
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

/** A number is written as it was: `3.10` and `0x1F` are texts for a plan. */
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

/** The library pads lists on one line as it does mappings; nobody writes them so. */
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
