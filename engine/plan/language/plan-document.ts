import { likeness } from '../../domain/model/did-you-mean.ts';
import { patternOf } from './patterns.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { PlanMemory } from '../plan-memory.ts';
import { readPlan, type Plan, type PlanKnown, type PlanOutline } from '../plan.ts';
import type { Range } from '../diagnostics.ts';
import type { Written } from '../plan-text.ts';
import type { WrittenSubtask } from '../subtask-reader.ts';

/** A plan that is open in an editor. */
export class PlanDocument {
  readonly #memory = new PlanMemory();
  readonly #cel: CelCompiler;
  #text = '';
  #known: PlanKnown | undefined;
  #plan: Plan | undefined;
  #lastOutline: PlanOutline | null = null;

  constructor(cel: CelCompiler) {
    this.#cel = cel;
  }

  get text(): string {
    return this.#text;
  }

  /**
   * Returns the plan of a text. Reads it on the first call, and again when the text or the known facts have changed.
   */
  read(text: string, known: PlanKnown): Plan {
    if (this.#plan !== undefined && text === this.#text && known === this.#known) return this.#plan;
    this.#text = text;
    this.#known = known;
    this.#plan = readPlan(text, { ...known, cel: this.#cel }, this.#memory);
    this.#lastOutline = this.#plan.outline ?? this.#lastOutline;
    return this.#plan;
  }

  /** The outline of the text, or of the last text that had one. Its names are then still useful, its places are not. */
  get lastOutline(): PlanOutline | null {
    return this.#lastOutline;
  }
}

/** A name of a subtask at a place. */
export interface NamePlace {
  readonly kind: 'name' | 'dependency';
  readonly written: Written;
  /** The subtask that has the name, or depends on it. */
  readonly owner: WrittenSubtask;
}

export const contains = ({ start, end }: Range, offset: number): boolean => start <= offset && offset <= end;

/** Returns the name or dependency at a place, or null. */
export function nameAt({ subtasks }: PlanOutline, offset: number): NamePlace | null {
  const owner = subtasks.find(({ range }) => contains(range, offset));
  if (owner === undefined) return null;
  const { name, depends } = owner;
  if (name !== null && contains(name.range, offset)) return { kind: 'name', written: name, owner };
  const dependency = depends.find(({ range }) => contains(range, offset));
  return dependency === undefined ? null : { kind: 'dependency', written: dependency, owner };
}

/** Returns the subtasks in `among` that a dependency of the owner matches. A subtask never waits for itself. */
export function meantBy(
  { drafts }: Pick<PlanOutline, 'drafts'>,
  owner: WrittenSubtask,
  text: string,
  among: readonly WrittenSubtask[],
): readonly WrittenSubtask[] {
  const isMeant = matcherOf(text);
  return among.filter(subtask =>
    subtask.indices.some(index => {
      const name = drafts[index]?.body['name'];
      return typeof name === 'string' && isMeant(name) && !(subtask === owner && owner.indices.length === 1);
    }),
  );
}

/**
 * Returns a function that checks whether a dependency matches a name. A placeholder in the dependency matches anything.
 */
export function matcherOf(text: string): (name: string) => boolean {
  const pattern = patternOf(text);
  return pattern.includes('*') ? likeness(pattern) : name => name === pattern;
}
