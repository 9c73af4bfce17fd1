import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import type { Did } from '../record/ids.ts';

/**
 * Tokens beside the one of the home, which may do everything: each says what its holder may do, in which namespace, and
 * until when.
 */

/** `write` and `control` each include `read`, and neither includes the other. */
export const SCOPES = ['read', 'write', 'control'] as const;
export type Scope = (typeof SCOPES)[number];

/** The permissions of a token's holder. There is one object for each token, for as long as it holds. */
export interface Grant {
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** All that may be read and written lies in it or below; null for everywhere. */
  readonly namespace: string | null;
  /** In whose name everything is written. */
  readonly actor: Did;
  /** In milliseconds since 1970; null for never. */
  readonly expiresAt: number | null;
  /** Aborts when the token is revoked, or expires. */
  readonly ended: AbortSignal;
}

/** 8 bytes as hex. It names a token and is no secret. */
export const TOKEN_ID = /^[0-9a-f]{16}$/;

/** `spl_‹id›_‹secret›`, the secret being 32 random bytes as base64url. */
const TOKEN = /^spl_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/** The id that a token bears; undefined for anything else, such as the token of a home. */
export const tokenIdOf = (token: string): string | undefined => TOKEN.exec(token)?.[1];

/** In whose name the holder of a token writes. */
export const tokenActor = (id: string): Did => `did:sync:user:token-${id}` as Did;

/** The longest that a token can be made to hold: ten years. */
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
  /** From now; null for no end. */
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
  /** For people, to tell it from others. */
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
  /** In whose name its holder writes. */
  actor: v.string(),
  created_by: v.string(),
  created_unix: v.number(),
  expires_unix: v.nullable(v.number()),
  expired: v.boolean(),
});
export type TokenDocument = v.InferOutput<typeof tokenSchema>;

/** The one answer that has the token itself. */
export const tokenCreatedSchema = v.looseObject({ ...tokenSchema.entries, token: v.string() });
export type TokenCreated = v.InferOutput<typeof tokenCreatedSchema>;

export const tokensSchema = v.looseObject({ tokens: v.array(tokenSchema) });
export type TokensDocument = v.InferOutput<typeof tokensSchema>;

/** The refusal of a repeated request for a token. Its secret is never shown again. */
export function secretTold(id: string, key: string): FleetError {
  return new FleetError(
    'CONFLICT',
    `this request made the token '${id}' already, and its secret is told once`,
    {
      details: { token: id, key },
      hint: `If its secret was lost: spl token revoke ${id}, and make another one.`,
    },
  );
}
