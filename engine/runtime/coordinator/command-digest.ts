import type { CommandName } from '../../operations/index.ts';
import { canonical } from '../../record/canonical.ts';
import { hash } from '../../record/hash.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';

/**
 * Returns the digest that identifies a repeated command: SHA-256, as hex, of its name and its input, for any order of
 * the members. Long lists are processed in slices.
 */
export async function commandDigest(name: CommandName, input: object): Promise<string> {
  const members = Object.entries(input).filter(([, value]) => value !== undefined);
  const digests: string[] = [];
  for (const [key, value] of members.sort(([a], [b]) => (a < b ? -1 : 1)))
    digests.push(key, Array.isArray(value) ? await listDigest(value) : hash(textOf(value)));
  return hash(JSON.stringify([name, ...digests]));
}

const listDigest = async (items: readonly unknown[]): Promise<string> =>
  hash((await mapYielding(items, item => hash(textOf(item)))).join());

/** Returns the canonical text, or a substitute for a value without one: its command is refused later. */
function textOf(value: unknown): string {
  try {
    return canonical(value);
  } catch {
    return JSON.stringify(value) ?? '';
  }
}
