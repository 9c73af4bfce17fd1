import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import type { Did } from '../record/ids.ts';

/**
 * Tokens besides the home's own, which allows everything. Each names the scopes, the namespace and the expiry of its
 * holder.
 */

/** `write` and `control` each include `read`, and neither includes the other. */
export const SCOPES = ['read', 'write', 'control'] as const;
export type Scope = (typeof SCOPES)[number];

/** The permissions of a token's holder. Each valid token has one object. */
export interface Grant {
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** The holder reads and writes only in this namespace and below; null for everywhere. */
  readonly namespace: string | null;
  /** The actor of everything that the holder writes. */
  readonly actor: Did;
  /** Milliseconds since 1970; null for never. */
  readonly expiresAt: number | null;
  /** Aborts when the token is revoked or expires. */
  readonly ended: AbortSignal;
}

/** 8 bytes as hex. The id names a token and is not secret. */
export const TOKEN_ID = /^[0-9a-f]{16}$/;

/** `spl_‹id›_‹secret›`; the secret is 32 random bytes as base64url. */
const TOKEN = /^spl_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/** Returns the id in a token; undefined for anything else, such as the token of a home. */
export const tokenIdOf = (token: string): string | undefined => TOKEN.exec(token)?.[1];

/** Returns the actor of what the holder of a token writes. */
export const tokenActor = (id: string): Did => `did:sync:user:token-${id}` as Did;

/** The longest lifetime of a token: ten years. */
const MAX_SECS = 315_360_000;

export const tokenCreateSchema = v.strictObject({
  scopes: v.optional(
    v.pipe(
      v.array(v.picklist(SCOPES, 'must be read, write or control'), 'must be a list'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(SCOPES.length, 'names a scope twice'),
    ),
    ['read'],
  ),
  namespace: v.optional(v.nullable(v.pipe(v.string('must be text'), v.maxLength(256, 'is too long'))), null),
  /** Seconds from now; null for no expiry. */
  expires_secs: v.optional(
    v.nullable(
      v.pipe(
        v.number('must be a number of seconds'),
        v.gtValue(0, 'must be above 0'),
        v.maxValue(MAX_SECS, 'must be at most ten years'),
      ),
    ),
    null,
  ),
  /** A label that tells people the tokens apart. */
  label: v.optional(
    v.nullable(v.pipe(v.string('must be text'), v.maxLength(256, 'must have at most 256 characters'))),
    null,
  ),
});
export type TokenCreate = v.InferOutput<typeof tokenCreateSchema>;

/** The public facts of a token. */
export const tokenSchema = v.looseObject({
  id: v.string(),
  scopes: v.array(v.picklist(SCOPES)),
  namespace: v.nullable(v.string()),
  label: v.nullable(v.string()),
  /** The actor of what its holder writes. */
  actor: v.string(),
  created_by: v.string(),
  created_unix: v.number(),
  expires_unix: v.nullable(v.number()),
  expired: v.boolean(),
});
export type TokenDocument = v.InferOutput<typeof tokenSchema>;

/** The only answer that contains the token itself. */
export const tokenCreatedSchema = v.looseObject({ ...tokenSchema.entries, token: v.string() });
export type TokenCreated = v.InferOutput<typeof tokenCreatedSchema>;

export const tokensSchema = v.looseObject({ tokens: v.array(tokenSchema) });
export type TokensDocument = v.InferOutput<typeof tokensSchema>;

/** Returns the refusal of a repeated request for a token. Its secret is never shown again. */
export function secretShownBefore(id: string, key: string): FleetError {
  return new FleetError(
    'CONFLICT',
    `this request already created the token '${id}', and its secret is shown only once`,
    {
      details: { token: id, key },
      hint: `If the secret was lost, revoke the token and create another one: spl token revoke ${id}`,
    },
  );
}
