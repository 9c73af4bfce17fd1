import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import type { WrittenKey } from '../../subtask/table.ts';
import { PLAN_KEYS, SUBTASK_KEYS, type Keys } from '../plan-keys.ts';

/** Plain JSON data. */
type Json = Readonly<Record<string, unknown>>;

const VARIABLE = '^[A-Za-z_][A-Za-z0-9_]*$';
const MATRIX_KEY = '^[A-Za-z_][A-Za-z0-9_-]*$';
/** A value that looks like a number is also a text, in its written form. */
const WRITTEN: Json = { type: ['string', 'number', 'boolean', 'null'] };
const PARAM: Json = {
  type: 'object',
  properties: { default: WRITTEN, description: WRITTEN },
  additionalProperties: false,
};
/** The result of a subtask, which has the values of a matrix. */
const RESULT: Json = { type: 'string', pattern: '^\\s*\\$\\{\\{\\s*subtasks\\.[^}]+\\}\\}\\s*$' };
const LIST: Json = { type: 'array', items: WRITTEN };

/**
 * Returns a JSON Schema of plans, for editors without a server of plans. It is made from the schemas that decode plans.
 * It accepts every valid plan; only `spl plan check` checks names, patterns and joins.
 */
export function planJsonSchema(): Json {
  const { subtasks, ...properties } = propertiesOf(PLAN_KEYS);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A plan of a fan-out',
    type: 'object',
    required: ['goal', 'subtasks'],
    additionalProperties: false,
    properties: { ...properties, subtasks },
    definitions: {
      subtask: {
        type: 'object',
        additionalProperties: false,
        anyOf: ['goal', 'prompt', 'name'].map(key => ({ required: [key] })),
        properties: propertiesOf(SUBTASK_KEYS),
      },
    },
  };
}

const propertiesOf = (keys: Keys): Json =>
  Object.fromEntries(Array.from(keys.values(), row => [row.key, propertyOf(row)]));

function propertyOf(row: WrittenKey): Json {
  const { help: description } = row;
  // The limits of a text apply to its filled-in form, which is not known here.
  return row.kind === 'text' ? { ...WRITTEN, description } : { description, ...valueOf(row) };
}

function valueOf({ kind, choices, schema }: WrittenKey): Json {
  switch (kind) {
    case 'choice':
      return { enum: choices };
    case 'names':
    case 'globs':
      return { anyOf: [WRITTEN, LIST] };
    case 'variables':
      return { type: 'object', propertyNames: { pattern: VARIABLE }, additionalProperties: WRITTEN };
    case 'values':
      return {
        anyOf: [
          RESULT,
          {
            type: 'object',
            propertyNames: { pattern: MATRIX_KEY },
            additionalProperties: { anyOf: [RESULT, { ...LIST, minItems: 1 }] },
          },
        ],
      };
    case 'params':
      return {
        type: 'object',
        propertyNames: { pattern: MATRIX_KEY },
        additionalProperties: { anyOf: [WRITTEN, PARAM] },
      };
    case 'subtasks':
      return { type: 'array', minItems: 1, items: { $ref: '#/definitions/subtask' } };
    default:
      return numberOf(schema);
  }
}

/** Returns the bounds of a number. A key that is present has a value other than null. */
function numberOf(schema: v.GenericSchema): Json {
  const { anyOf } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore' }) as Json;
  return (anyOf as readonly Json[]).find(({ type }) => type !== 'null')!;
}
