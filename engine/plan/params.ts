import { didYouMean, nearestName } from '../domain/model/did-you-mean.ts';
import type { Diagnostics, Fix, Range } from './diagnostics.ts';
import { MATRIX_NAME } from '../subtask/matrix.ts';
import { paramVariable, type ParamValues, type Placeholder } from './matrix.ts';
import { PARAM_KEY_NAMES } from './plan-keys.ts';
import type { Entry, PlanText } from './plan-text.ts';

/** A param that a plan declares. */
export interface Param {
  readonly name: string;
  /** The range of its name. */
  readonly range: Range;
  /** The value if none is given; null for a param that must be given. */
  readonly otherwise: string | null;
  readonly description: string | null;
}

/** The maximum number of params of a plan. */
const MAX_PARAMS = 1_000;

/** Reads the params of a plan, each `NAME: DEFAULT`, or a mapping with `default` and `description`. */
export function readParams(plan: PlanText, entry: Entry | undefined): ReadonlyMap<string, Param> {
  const params = new Map<string, Param>();
  if (entry === undefined) return params;
  const entries = plan.entriesOf(entry.node, 'params', entry.range) ?? [];
  if (entries.length > MAX_PARAMS) {
    plan.diagnostics.error('too-large', `more than ${MAX_PARAMS} params`, entry.range);
    return params;
  }
  const variables = new Map<string, string>();
  for (const each of entries) {
    const { key: name, keyRange: range } = each;
    const twin = variables.get(paramVariable(name));
    if (!MATRIX_NAME.test(name)) {
      const message = `'${name}' can't be the name of a param: letters, digits, _ and -`;
      plan.diagnostics.error('params', message, range);
    } else if (twin !== undefined) {
      const message = `'${name}' and '${twin}' are one variable, ${paramVariable(name)}, to a command: rename one of them`;
      plan.diagnostics.error('params', message, range);
    } else {
      variables.set(paramVariable(name), name);
      params.set(name, { name, range, ...readParam(plan, each) });
    }
  }
  return params;
}

function readParam(plan: PlanText, entry: Entry): Pick<Param, 'otherwise' | 'description'> {
  if (!plan.isMapping(entry.node)) return { otherwise: readValue(plan, entry), description: null };
  const entries = plan.entriesOf(entry.node, entry.key, entry.range) ?? [];
  plan.refuseUnknown(entries, PARAM_KEY_NAMES, 'a param');
  const keys = new Map(entries.map(each => [each.key, each]));
  const description = keys.get('description');
  const written = description && plan.textOf(description.node, 'description', description.range);
  const otherwise = keys.get('default');
  return {
    otherwise: otherwise === undefined ? null : readValue(plan, otherwise),
    description: written?.value ?? null,
  };
}

/** Returns the default of a param; null if nothing is written. */
function readValue(plan: PlanText, { key, node, range }: Entry): string | null {
  if (plan.isEmpty(node)) return null;
  const written = plan.textOf(node, key, range);
  if (written === null || isFit(written.value)) return written?.value ?? null;
  plan.diagnostics.error('params', `the default ${NOT_FIT}`, written.range);
  return null;
}

/** Names and goals are shown on one line. */
const isFit = (value: string): boolean => !/\p{Cc}/u.test(value);
const NOT_FIT = 'must have no line break or other control character';

/**
 * Returns the value of each param: the given one, else its default.
 * @param given null in a check that runs nothing, which leaves params without a default as they are written
 */
export function paramValues(
  params: ReadonlyMap<string, Param>,
  given: Readonly<Record<string, string>> | null,
  diagnostics: Diagnostics,
  place: Range,
): ParamValues {
  const values = new Map<string, string>();
  for (const { name, range, otherwise } of params.values()) {
    const value = given !== null && Object.hasOwn(given, name) ? given[name]! : otherwise;
    if (value !== null) values.set(name, value);
    else if (given !== null) {
      const message = `the param '${name}' has no default, and needs a value: --param ${name}=…`;
      diagnostics.error('params', message, range);
    }
    if (value !== null && !isFit(value))
      diagnostics.error('params', `the value of the param '${name}' ${NOT_FIT}`, range);
  }
  for (const name of Object.keys(given ?? {}).filter(each => !params.has(each)))
    diagnostics.error('params', noParam(name, [...params.keys()]), place);
  return values;
}

function noParam(name: string, known: readonly string[]): string {
  const has = known.length === 0 ? 'this plan has no params' : `this plan has ${known.join(', ')}`;
  return `no param '${name}'${didYouMean(name, known)}: ${has}`;
}

/** Reports a placeholder of a param that the plan does not declare. */
export function requireParam(
  { param }: Placeholder,
  known: readonly string[],
  range: Range,
  diagnostics: Diagnostics,
): void {
  if (param === null || known.includes(param)) return;
  const near = nearestName(param, known);
  const fixes: Fix[] =
    near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: `\${{ params.${near} }}` }];
  diagnostics.error('params', noParam(param, known), range, fixes);
}
