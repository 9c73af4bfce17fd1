import { toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { fanOutSchema } from '../contract/commands.ts';
import { subtaskSchema } from '../subtask/subtask.ts';
import * as documents from '../contract/documents.ts';
import { SUBMITTING } from '../contract/environment.ts';
import { PROTOCOL, VERSION } from '../contract/engine.ts';
import { DID } from '../record/ids.ts';
import { jsonObjectSchema, recordSchema } from '../record/record.ts';
import { COMMAND_DOCUMENTS, REPORT_DOCUMENTS } from '../operations/answer-documents.ts';
import { BODY_SCHEMAS } from './decode.ts';
import { SCOPE_OF } from './grants.ts';
import {
  COMMAND_ROUTES,
  HEADERS,
  NDJSON_TYPE,
  ROUTES,
  type QueryParameter,
  type Route,
  type RouteName,
} from '../operations/routes.ts';

/** The HTTP API as an OpenAPI 3.1 document, made from the tables and schemas that serve it. */

/** Plain JSON data. */
type Json = Readonly<Record<string, unknown>>;

/** The document. It is the same at every call. */
export function openApi(): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'spl',
      version: VERSION,
      description: `Protocol ${PROTOCOL}. Whoever has the socket needs no token.`,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:9100' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: schemas(),
      responses: { error: { description: 'why not', content: jsonOf(schemaRef(documents.errorSchema)) } },
    },
  };
}

/** The names of the schemas. Those that several routes have in common are there once. */
const NAMES = new Map<unknown, string>();
for (const [name, schema] of Object.entries(BODY_SCHEMAS)) NAMES.set(schema, `${name}.body`);
for (const [name, schema] of Object.entries({ ...COMMAND_DOCUMENTS, ...REPORT_DOCUMENTS }))
  NAMES.set(schema, `${name}.answer`);
for (const [name, schema] of Object.entries({
  ...documents,
  recordToWriteSchema: recordSchema,
  subtaskSchema,
}))
  if (name.endsWith('Schema')) NAMES.set(schema, name.slice(0, -'Schema'.length));

function schemas(): Json {
  const named = Object.fromEntries(Array.from(NAMES, ([schema, name]) => [name, schema as v.GenericSchema]));
  return toJsonSchemaDefs(named, {
    target: 'draft-2020-12',
    // Of several schemas in a row the last is the narrowest.
    typeMode: 'output',
    // All numbers of JSON are finite, what only code can check is refused all the same, and answers are told as they are sent.
    ignoreActions: ['finite', 'check', 'transform'],
    overrideRef: ({ referenceId }) => named[referenceId] && schemaRef(named[referenceId]).$ref,
    overrideSchema: ({ valibotSchema }) => {
      if (valibotSchema === jsonObjectSchema) return { type: 'object' };
      // The rules decode each, so as to say which one is wrong.
      if (valibotSchema === fanOutSchema.entries.subtasks.pipe[0].item) return schemaRef(subtaskSchema);
      return undefined;
    },
  });
}

const schemaRef = (schema: unknown): { $ref: string } => ({
  $ref: `#/components/schemas/${NAMES.get(schema)}`,
});
const jsonOf = (schema: Json): Json => ({ 'application/json': { schema } });

function operation(name: RouteName, route: Route): Json {
  const scope = SCOPE_OF[name];
  const body = bodyOf(name);
  return {
    operationId: name,
    ...(scope === null ? { security: [] } : { 'x-scope': scope }),
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(name, route)],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      200: { description: 'done', content: answerOf(name) },
      default: { $ref: '#/components/responses/error' },
    },
  };
}

function pathParameters({ path }: Route): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query = {} }: Route): Json[] {
  return Object.values(query).map(parameter => ({
    name: parameter.name,
    in: 'query',
    ...(parameter.kind === 'numbers' ? { explode: false } : {}),
    schema: queryType(parameter),
  }));
}

function queryType(parameter: QueryParameter): Json {
  switch (parameter.kind) {
    case 'text':
      return { type: 'string' };
    case 'flag':
      return { enum: ['1', '0', 'true', 'false'] };
    case 'numbers':
      return { type: 'array', items: { type: 'integer', minimum: 0 }, maxItems: parameter.most };
    case 'number': {
      const { min, max, absent } = parameter;
      return {
        type: 'integer',
        minimum: min,
        maximum: max,
        ...(absent === undefined ? {} : { default: absent }),
      };
    }
  }
}

function headerParameters(name: RouteName, { method }: Route): Json[] {
  const header = (title: string, schema: Json): Json => ({ name: title, in: 'header', schema });
  if (name === 'events') return [header('Last-Event-ID', { type: 'string', pattern: '^\\d{1,15}$' })];
  if (method === 'GET' || !Object.hasOwn(COMMAND_ROUTES, name)) return [];
  return [
    header(HEADERS.actor, { type: 'string', pattern: DID.source }),
    header(HEADERS.idempotencyKey, { type: 'string', minLength: 1, maxLength: 255 }),
  ];
}

/** Describes the parts of a request that go beside its body. */
function besides(name: RouteName): { readonly description?: string } {
  if (!(SUBMITTING as readonly RouteName[]).includes(name)) return {};
  return {
    description:
      'Over the socket a member `environment` may stand beside these: the variables of who submits, in which the work runs. It is in no record.',
  };
}

function bodyOf(name: RouteName): Json | undefined {
  if (name === 'records.append') {
    const lines = { type: 'string', description: 'one record a line' };
    return {
      required: true,
      content: { ...jsonOf(schemaRef(recordSchema)), [NDJSON_TYPE]: { schema: lines } },
    };
  }
  const bodies: Readonly<Partial<Record<RouteName, v.GenericSchema>>> = BODY_SCHEMAS;
  const schema = bodies[name];
  // No body is one without members.
  return schema && { ...besides(name), required: !v.is(schema, {}), content: jsonOf(schemaRef(schema)) };
}

function answerOf(name: RouteName): Json {
  switch (name) {
    case 'events':
      return { 'text/event-stream': { schema: { type: 'string' } } };
    case 'output':
      return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
    case 'openapi':
      return jsonOf({ type: 'object' });
    case 'records.append':
      // One record is answered with one, and lines with a list.
      return jsonOf({ anyOf: [schemaRef(documents.storedSchema), schemaRef(COMMAND_DOCUMENTS[name])] });
    default:
      return jsonOf(schemaRef({ ...COMMAND_DOCUMENTS, ...REPORT_DOCUMENTS }[name]));
  }
}
