import * as v from 'valibot';
import type { CallContext, EngineEvent } from '../contract/engine.ts';
import { environmentSchema } from '../contract/environment.ts';
import { FleetError } from '../errors.ts';
import { isDid, isInstanceDid, type Did } from '../record/ids.ts';
import { didYouMean } from '../record/near-names.ts';
import type { QueryParameter, Route } from '../operations/operation.ts';

/** Decodes a body. @throws INVALID_RECORD with the invalid key or path, and the expected value */
export function decodeBody(schema: v.GenericSchema<unknown, object>, value: unknown): object {
  // The schemas accept a list as an object without members.
  if (Array.isArray(value)) throw invalidBody('', 'the body must be a JSON object');
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? '';
  if (issue.type !== 'strict_object') throw invalidBody(path, `'${path}' ${issue.message}`);
  if (path === '') throw invalidBody(path, 'the body must be a JSON object');
  if (issue.expected !== 'never') throw invalidBody(path, `'${path}' is missing`);
  throw invalidBody(path, `unknown key '${path}'${didYouMean(path, keysOf(schema))}`);
}

const keysOf = (schema: object): readonly string[] =>
  'entries' in schema ? Object.keys(schema.entries as object) : [];

/** Decodes the environment of a caller. @throws INVALID_RECORD with the invalid variable */
export function decodeEnvironment(value: unknown): Readonly<Record<string, string>> {
  const result = v.safeParse(environmentSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = ['environment', v.getDotPath(issue)].filter(part => part !== null).join('.');
  throw invalidBody(path, `'${path}' ${issue.message}`);
}

function invalidBody(path: string, what: string): FleetError {
  return new FleetError('INVALID_RECORD', what, { details: { path } });
}

/**
 * Decodes the query of a request into members of the input.
 * @throws USAGE for an unknown, repeated or invalid parameter
 */
export function decodeQuery(route: Route, query: URLSearchParams): Record<string, unknown> {
  const parameters = Object.entries(route.query ?? {});
  const known = new Set(parameters.map(([, { name }]) => name));
  for (const name of query.keys()) {
    if (!known.has(name)) throw invalidQuery(name, 'is unknown', [...known]);
    if (query.getAll(name).length > 1) throw invalidQuery(name, 'is given more than once');
  }
  const input: Record<string, unknown> = {};
  for (const [member, parameter] of parameters) {
    const value = decodeParameter(parameter, query.get(parameter.name));
    if (value !== undefined) input[member] = value;
  }
  return input;
}

/** Decodes a parameter. An empty one counts as absent, except for a list, which may be empty. */
function decodeParameter(parameter: QueryParameter, given: string | null): unknown {
  const text = given ?? '';
  switch (parameter.kind) {
    case 'text':
      return text === '' ? parameter.absent : text;
    case 'flag':
      if (text === '' || text === '0' || text === 'false') return false;
      if (text === '1' || text === 'true') return true;
      throw invalidQuery(parameter.name, 'must be 1 or 0');
    case 'number':
      return text === '' ? parameter.absent : wholeNumber(parameter, text);
    case 'numbers':
      return given === null ? undefined : wholeNumbers(parameter, text);
  }
}

function wholeNumbers({ name, most }: QueryParameter & { kind: 'numbers' }, text: string): readonly number[] {
  if (text === '') return [];
  const parts = text.split(',');
  if (parts.length > most) throw invalidQuery(name, `has ${parts.length} numbers; the maximum is ${most}`);
  return parts.map(part => wholeNumber({ name, kind: 'number', min: 0, max: Number.MAX_SAFE_INTEGER }, part));
}

function wholeNumber(parameter: QueryParameter & { kind: 'number' }, text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= parameter.min && value <= parameter.max) return value;
  throw invalidQuery(
    parameter.name,
    `must be a whole number from ${parameter.min} to ${parameter.max}, not '${text}'`,
  );
}

function invalidQuery(name: string, what: string, known?: readonly string[]): FleetError {
  const hint = known && (known.length === 0 ? 'It takes none.' : `It takes: ${known.join(', ')}.`);
  return new FleetError('USAGE', `the query parameter '${name}' ${what}`, {
    details: { parameter: name },
    ...(hint === undefined ? {} : { hint }),
  });
}

const KINDS: Readonly<Record<EngineEvent['kind'], true>> = {
  record: true,
  task: true,
  instance: true,
  heartbeat: true,
  namespace: true,
  gap: true,
};

/** Decodes a comma-separated list of kinds of events. @throws USAGE with the unknown kind */
export function decodeKinds(list: string): EngineEvent['kind'][] {
  return list.split(',').map(kind => {
    if (Object.hasOwn(KINDS, kind)) return kind as EngineEvent['kind'];
    throw invalidQuery('kinds', `contains '${kind}', which is not a kind of event`, Object.keys(KINDS));
  });
}

/** The actor of a request that states none: the person at this machine. */
export const DEFAULT_ACTOR = 'did:sync:user:local' as Did;
const MAX_KEY_CHARS = 255;

/**
 * Decodes the caller from the headers.
 * @param own the only actor that the caller may use, and the default; null for any
 * @throws USAGE for an actor that is not a DID, or a key that is empty or longer than 255 characters
 * @throws SCOPE_FORBIDDEN for another actor than `own`, and for the DID of an instance: instances use the link, where
 * they prove their key
 */
export function decodeCaller(
  actor: string | undefined,
  idempotencyKey: string | undefined,
  own: Did | null,
): CallContext {
  const stated = actor === undefined ? (own ?? DEFAULT_ACTOR) : decodeActor(actor);
  if (own !== null && stated !== own) throw foreignActor(stated, own);
  return {
    actor: stated,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey: decodeKey(idempotencyKey) }),
  };
}

function decodeActor(actor: string): Did {
  if (!isDid(actor)) {
    throw new FleetError('USAGE', `the header Spl-Actor: '${actor}' is not a DID`, {
      details: { actor },
      hint: 'Write did:sync:user:‹name›, did:sync:agent:‹name› or did:sync:system:‹name›.',
    });
  }
  if (isInstanceDid(actor)) {
    throw new FleetError(
      'SCOPE_FORBIDDEN',
      `'${actor}' is an instance, and only that instance can write in its name`,
      {
        details: { actor },
      },
    );
  }
  return actor;
}

/** Returns the error for a token's holder who writes as another actor than the token's. */
export function foreignActor(stated: string, own: Did): FleetError {
  return new FleetError('SCOPE_FORBIDDEN', `the token writes as '${own}', not as '${stated}'`, {
    details: { actor: stated, own },
    hint: `Write as ${own}.`,
  });
}

function decodeKey(key: string): string {
  if (key !== '' && key.length <= MAX_KEY_CHARS) return key;
  throw new FleetError('USAGE', `the header Idempotency-Key must have 1 to ${MAX_KEY_CHARS} characters`, {
    details: { length: key.length },
  });
}
