import type { ServedEngine } from '../operations/engine.ts';
import type { TokenCreate } from '../contract/tokens.ts';
import type { Grant } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import { namespaceScopedEngine } from './confined.ts';
import { foreignActor } from './decode.ts';
import type { Holder } from './grants.ts';

/** Returns the engine with the permissions of a holder. Scopes were checked before. */
export function authorizedEngine(engine: ServedEngine, holder: Holder): ServedEngine {
  if (typeof holder === 'string') return engine;
  const named = inOwnName(engine, holder);
  return holder.namespace === null ? named : namespaceScopedEngine(named, holder.namespace);
}

/** Refuses to write as another actor than the token's, and to grant permissions that the token lacks. */
function inOwnName(engine: ServedEngine, grant: Grant): ServedEngine {
  return {
    submit: (name, input, context) => {
      if ('records' in input) for (const record of input.records) requireOwnRecord(contentOf(record), grant);
      if (name === 'token.create') requireNoMore(input as TokenCreate, grant, Date.now());
      return engine.submit(name, input, context);
    },
    report: (name, input, signal) => engine.report(name, input, signal, grant.id),
    watch: options => engine.watch(options),
    output: request => engine.output(request),
  };
}

/** Returns the content of a record. In a snapshot, other members accompany each record. */
const contentOf = (given: unknown): unknown =>
  typeof given === 'object' && given !== null && 'record' in given ? given.record : given;

/** Requires a record of the token's own actor. The engine refuses a value that is not a record. */
function requireOwnRecord(record: unknown, { actor: own }: Grant): void {
  const actor = typeof record === 'object' && record !== null && 'actor' in record ? record.actor : undefined;
  if (typeof actor === 'string' && actor !== own) throw foreignActor(actor, own);
}

function requireNoMore(asked: TokenCreate, { scopes, expiresAt }: Grant, now: number): void {
  const scope = asked.scopes.find(each => each !== 'read' && !scopes.includes(each));
  if (scope !== undefined) {
    throw new FleetError('SCOPE_FORBIDDEN', `a token without the scope '${scope}' can't grant it`, {
      details: { scope, scopes },
    });
  }
  if (expiresAt === null) return;
  const leftSecs = (expiresAt - now) / 1000;
  if (asked.expires_secs !== null && asked.expires_secs <= leftSecs) return;
  throw new FleetError('SCOPE_FORBIDDEN', "a token can't create one that expires later than itself", {
    details: { left_secs: leftSecs },
    hint: `Let it expire within ${Math.floor(leftSecs)} seconds.`,
  });
}
