import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { PLAN_KEY_TEXTS, SUBTASK_KEY_TEXTS } from '../language/key-texts.ts';
import { isText, PLAN_KEY_NAMES, planSchemaOf, SUBTASK_KEY_NAMES, subtaskSchemaOf } from '../plan-keys.ts';

/** Plain JSON data. */
type Json = Readonly<Record<string, unknown>>;

const VARIABLE = '^[A-Za-z_][A-Za-z0-9_]*$';
const MATRIX_KEY = '^[A-Za-z_][A-Za-z0-9_-]*$';
/** A value that looks like a number is a text as well, as it is written. */
const WRITTEN: Json = { type: ['string', 'number', 'boolean', 'null'] };
const written = (description: string | undefined): Json => ({ ...WRITTEN, description });

/**
 * Plans as a JSON Schema, for editors that have no server of plans: made of the very schemas that decode them. It takes
 * every plan that is sound, and what it can't say of names, patterns and joins only `spl plan check` tells.
 */
export function planJsonSchema(): Json {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A plan of a fan-out',
    type: 'object',
    required: ['goal', 'subtasks'],
    additionalProperties: false,
    properties: {
      ...properties(PLAN_KEY_NAMES, PLAN_KEY_TEXTS, planSchemaOf, ['subtasks']),
      subtasks: {
        description: PLAN_KEY_TEXTS['subtasks'],
        type: 'array',
        minItems: 1,
        items: { $ref: '#/definitions/subtask' },
      },
    },
    definitions: { subtask: subtask() },
  };
}

function subtask(): Json {
  const list = { type: 'array', items: WRITTEN };
  return {
    type: 'object',
    additionalProperties: false,
    anyOf: ['goal', 'prompt', 'name'].map(key => ({ required: [key] })),
    properties: {
      ...properties(SUBTASK_KEY_NAMES, SUBTASK_KEY_TEXTS, subtaskSchemaOf, ['prompt', 'depends', 'matrix']),
      prompt: written(SUBTASK_KEY_TEXTS['prompt']),
      depends: { description: SUBTASK_KEY_TEXTS['depends'], anyOf: [WRITTEN, list] },
      matrix: {
        description: SUBTASK_KEY_TEXTS['matrix'],
        type: 'object',
        propertyNames: { pattern: MATRIX_KEY },
        additionalProperties: { ...list, minItems: 1 },
      },
    },
  };
}

function properties(
  keys: readonly string[],
  texts: Readonly<Record<string, string>>,
  schemaOf: (key: string) => v.GenericSchema,
  others: readonly string[],
): Record<string, Json> {
  const own = keys.filter(key => !others.includes(key));
  return Object.fromEntries(own.map(key => [key, property(key, texts[key], schemaOf(key))]));
}

function property(key: string, description: string | undefined, schema: v.GenericSchema): Json {
  if (key === 'env')
    return {
      description,
      type: 'object',
      propertyNames: { pattern: VARIABLE },
      additionalProperties: WRITTEN,
    };
  const { $schema: _, ...json } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore' }) as Json;
  const choices = choicesIn(json);
  if (choices !== undefined) return { description, enum: choices };
  // Limits of a text count what its placeholders become, which are not there yet.
  return isText(key) ? written(description) : { description, ...withoutNull(json) };
}

/** A key that is there has a value. */
function withoutNull({ default: _, anyOf, ...rest }: Json): Json {
  const [only] = (anyOf as readonly Json[] | undefined)?.filter(({ type }) => type !== 'null') ?? [];
  return only ?? rest;
}

function choicesIn(json: Json): readonly unknown[] | undefined {
  const found = withoutNull(json)['enum'];
  return Array.isArray(found) ? found : undefined;
}
