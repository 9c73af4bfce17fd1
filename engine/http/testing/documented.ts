import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { openApi } from '../openapi.ts';
import { loadOperations, type RouteName } from '../../operations/index.ts';

/**
 * The OpenAPI document, read without knowledge of the code. Creates requests that it allows and requests that it
 * forbids.
 */

export interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly operationId: RouteName;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: { readonly 200: Content };
}

/** An operation with its path and method. */
export interface Offered extends Operation {
  readonly path: string;
  readonly method: string;
}

export interface Asked {
  /** The path and the query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const document = openApi(await loadOperations()) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

export const OFFERED: readonly Offered[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...operation,
    path,
    method: method.toUpperCase(),
  })),
);

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(document, 'api', false, false);

const validators = new Map<Schema, ValidateFunction>();

/** Returns the faults of a value by a schema of the document; '' if there are none. */
export function faultOf(schema: Schema, value: unknown): string {
  const validate = validators.get(schema) ?? ajv.compile(inDocument(schema));
  validators.set(schema, validate);
  return validate(value) ? '' : ajv.errorsText(validate.errors);
}

/** Returns the same schema, for a reader that knows the document by name. */
const inDocument = (schema: Schema): Schema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as Schema;

export const ERROR: Schema = { $ref: '#/components/schemas/error' };
export const bodyOf = ({ requestBody }: Offered): Schema | undefined =>
  requestBody?.content['application/json']?.schema;
export const answerOf = ({ responses }: Offered): Schema | undefined =>
  responses[200].content['application/json']?.schema;

/** Texts for the parts of a request, most of them meaningful. */
const WORDS = [
  'A-1',
  'A-2',
  'acme',
  'acme/web',
  'default',
  'worker-a',
  'echo',
  'all',
  'true',
  'SELECT 1',
  '/tmp',
];
const MOST = 1_000;

/** Returns values that a schema allows. */
export function allowed(schema: Schema): fc.Arbitrary<unknown> {
  return shaped(schema).filter(value => faultOf(schema, value) === '');
}

function shaped(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return shaped(document.components.schemas[schema.$ref.split('/').at(-1)!]!);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(shaped));
  const { exclusiveMinimum, minimum: min = exclusiveMinimum ?? 0, maximum = MOST, minItems = 0 } = schema;
  const max = Math.max(min, Math.min(maximum, MOST));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min, max });
    case 'number':
      return fc.double({ min, minExcluded: exclusiveMinimum !== undefined, max, noNaN: true });
    case 'array':
      return fc.array(shaped(schema.items ?? {}), { minLength: minItems, maxLength: minItems + 2 });
    case 'object':
      return shapedObject(schema);
    case 'string':
      return shapedText(new RegExp(schema.pattern ?? ''));
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function shapedObject({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map(([name, schema]) => [name, shaped(schema)]);
  const model = Object.fromEntries(members) as Record<string, fc.Arbitrary<unknown>>;
  return fc.record(model, { requiredKeys: [...required] });
}

function shapedText(pattern: RegExp): fc.Arbitrary<string> {
  const fitting = WORDS.filter(word => pattern.test(word));
  return fitting.length > 0 ? fc.constantFrom(...fitting) : fc.stringMatching(pattern);
}

/** Returns requests that the document allows. */
export function allowedRequest(offered: Offered): fc.Arbitrary<Asked> {
  const values = offered.parameters.map(each =>
    each.in === 'path' ? allowed(each.schema) : fc.option(allowed(each.schema), { nil: undefined }),
  );
  const body = bodyOf(offered);
  return fc
    .record({
      values: fc.tuple(...values),
      body: body === undefined ? fc.constant(undefined) : allowed(body),
    })
    .map(({ values, body }) => assembled(offered, values, body));
}

function assembled({ path, parameters }: Offered, values: readonly unknown[], body: unknown): Asked {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let target = path;
  parameters.forEach(({ name, in: place }, i) => {
    if (values[i] === undefined) return;
    // A list is written with commas.
    const value = (values[i] as string | number | readonly number[]).toString();
    if (place === 'path') target = target.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === 'query') query.set(name, value);
    else headers[name] = value;
  });
  return { target: query.size === 0 ? target : `${target}?${query.toString()}`, headers, body };
}

/** Returns a value of which one part, or the whole, was changed; mostly to one that its schema forbids. */
export function spoilt(value: unknown): fc.Arbitrary<unknown> {
  const odd = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<unknown>([], {}, null) },
    fc.constantFrom<unknown>(true, -1, 0.5, 1e300, '', ' ', [null], 'x'.repeat(300)),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const parts = Array.isArray(value) ? [...value.keys()].map(String) : Object.keys(Object(value) as object);
  const here = fc.oneof(odd, ...(isObject(value) ? [odd.map(more => ({ ...value, unknown: more }))] : []));
  if (parts.length === 0) return here;
  const inside = fc.constantFrom(...parts).chain(part => {
    const whole = value as Record<string, unknown>;
    return fc.oneof(
      spoilt(whole[part]).map(bad =>
        Array.isArray(value) ? value.with(Number(part), bad) : { ...whole, [part]: bad },
      ),
      fc.constant(without(whole, part)),
    );
  });
  return fc.oneof({ weight: 1, arbitrary: here }, { weight: 4, arbitrary: inside });
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function without(whole: Readonly<Record<string, unknown>>, part: string): unknown {
  if (Array.isArray(whole)) return whole.toSpliced(Number(part), 1);
  const { [part]: _, ...rest } = whole;
  return rest;
}

/** Returns requests that the document forbids: for their body, or for an unknown parameter. */
export function forbiddenRequest(offered: Offered): fc.Arbitrary<Asked> {
  const unknownParameter = allowedRequest(offered).map(asked => ({
    ...asked,
    target: `${asked.target}${asked.target.includes('?') ? '&' : '?'}nobody_knows=1`,
  }));
  const schema = bodyOf(offered);
  if (schema === undefined) return unknownParameter;
  const wrongBody = allowedRequest(offered)
    .chain(asked => spoilt(asked.body).map(body => ({ ...asked, body })))
    .filter(({ body }) => body !== undefined && faultOf(schema, body) !== '');
  return fc.oneof(unknownParameter, wrongBody);
}
