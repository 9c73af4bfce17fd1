import { toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { fanOutSchema } from '../contract/commands.ts';
import { subtaskSchema } from '../subtask/subtask.ts';
import * as documents from '../contract/documents.ts';
import { PROTOCOL, VERSION } from '../contract/engine.ts';
import { DID } from '../record/ids.ts';
import { jsonObjectSchema, recordSchema } from '../record/record.ts';
import { COMMANDS, type Operations } from '../operations/index.ts';
import type { Command, Operation, QueryParameter, Report } from '../operations/operation.ts';
import { HEADERS, NDJSON_TYPE } from '../operations/http-format.ts';

/** The HTTP API as an OpenAPI 3.1 document, made from the list of operations. */

/** Plain JSON data. */
type Json = Readonly<Record<string, unknown>>;

/** A command, a report or a stream, with the optional members of each. */
type Described = Operation & Partial<Pick<Command, 'form' | 'submits'> & Pick<Report, 'output'>>;

/** Returns the document. It is the same at every call. */
export const openApi = (operations: Operations): Json => new Description(operations).document();

class Description {
  readonly #operations: readonly Described[];
  /** The names of the schemas. A schema that several routes share occurs once. */
  readonly #names = new Map<unknown, string>();

  constructor({ all }: Operations) {
    this.#operations = all;
    for (const { name, body, form } of this.#operations)
      if (body !== undefined && form === undefined) this.#names.set(body, `${name}.body`);
    for (const { name, output } of this.#operations)
      if (output !== undefined) this.#names.set(output, `${name}.answer`);
    const shared = { ...documents, recordToWriteSchema: recordSchema, subtaskSchema };
    for (const [name, schema] of Object.entries(shared))
      if (name.endsWith('Schema')) this.#names.set(schema, name.slice(0, -'Schema'.length));
  }

  document(): Json {
    const paths: Record<string, Json> = {};
    for (const operation of this.#operations) {
      const path = operation.path.replace(/:(\w+)/g, '{$1}');
      paths[path] = { ...paths[path], [operation.method.toLowerCase()]: this.#described(operation) };
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
        schemas: this.#schemas(),
        responses: { error: { description: 'why not', content: jsonOf(this.#ref(documents.errorSchema)) } },
      },
    };
  }

  #described(operation: Described): Json {
    const { name, scope } = operation;
    const body = this.#bodyOf(operation);
    return {
      operationId: name,
      ...(scope === null ? { security: [] } : { 'x-scope': scope }),
      parameters: [
        ...pathParameters(operation),
        ...queryParameters(operation),
        ...headerParameters(operation),
      ],
      ...(body === undefined ? {} : { requestBody: body }),
      responses: {
        200: { description: 'done', content: this.#answerOf(operation) },
        default: { $ref: '#/components/responses/error' },
      },
    };
  }

  #bodyOf(operation: Described): Json | undefined {
    const { form, body } = operation;
    if (form === 'records') {
      const lines = { type: 'string', description: 'one record a line' };
      return {
        required: true,
        content: { ...jsonOf(this.#ref(recordSchema)), [NDJSON_TYPE]: { schema: lines } },
      };
    }
    // An absent body stands for an object without members.
    return body && { ...besides(operation), required: !v.is(body, {}), content: jsonOf(this.#ref(body)) };
  }

  #answerOf({ name, form, output }: Described): Json {
    // One record is answered with one document, and lines with a list.
    if (form === 'records') return jsonOf({ anyOf: [this.#ref(documents.storedSchema), this.#ref(output)] });
    if (output !== undefined) return jsonOf(this.#ref(output));
    switch (name) {
      case 'events':
        return { 'text/event-stream': { schema: { type: 'string' } } };
      case 'output':
        return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
      default:
        return jsonOf({ type: 'object' });
    }
  }

  #schemas(): Json {
    const named = Object.fromEntries(
      Array.from(this.#names, ([schema, name]) => [name, schema as v.GenericSchema]),
    );
    return toJsonSchemaDefs(named, {
      target: 'draft-2020-12',
      // The last of several piped schemas is the narrowest.
      typeMode: 'output',
      // All numbers of JSON are finite. The code refuses what a schema cannot express. Answers are described as they
      // are sent.
      ignoreActions: ['finite', 'check', 'transform'],
      overrideRef: ({ referenceId }) => named[referenceId] && this.#ref(named[referenceId]).$ref,
      overrideSchema: ({ valibotSchema }) => {
        if (valibotSchema === jsonObjectSchema) return { type: 'object' };
        // The rules decode each subtask, so that the error can name the invalid one.
        if (valibotSchema === fanOutSchema.entries.subtasks.pipe[0].item) return this.#ref(subtaskSchema);
        return undefined;
      },
    });
  }

  #ref(schema: unknown): { $ref: string } {
    return { $ref: `#/components/schemas/${this.#names.get(schema)}` };
  }
}

const jsonOf = (schema: Json): Json => ({ 'application/json': { schema } });

function pathParameters({ path }: Operation): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query = {} }: Operation): Json[] {
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

function headerParameters(operation: Described): Json[] {
  const header = (title: string, schema: Json): Json => ({ name: title, in: 'header', schema });
  if (operation.name === 'events')
    return [header('Last-Event-ID', { type: 'string', pattern: '^\\d{1,15}$' })];
  if (!Object.hasOwn(COMMANDS, operation.name)) return [];
  return [
    header(HEADERS.actor, { type: 'string', pattern: DID.source }),
    header(HEADERS.idempotencyKey, { type: 'string', minLength: 1, maxLength: 255 }),
  ];
}

/** Describes the parts of a request in addition to its body. */
function besides({ submits }: Described): { readonly description?: string } {
  if (submits !== true) return {};
  return {
    description:
      'Over the socket a member `environment` may stand beside these: the variables of who submits, in which the work runs. It is in no record.',
  };
}
