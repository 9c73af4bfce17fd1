import { randomBytes, timingSafeEqual } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import {
  SCOPES,
  secretShownBefore,
  TOKEN_ID,
  tokenActor,
  tokenIdOf,
  type Grant,
  type TokenCreate,
  type TokenCreated,
  type TokenDocument,
  type TokensDocument,
} from '../../contract/tokens.ts';
import { FleetError, messageOf, systemCodeOf } from '../../errors.ts';
import { requirePrivate } from '../../home/access.ts';
import { shellQuoted, writeAtomically } from '../../home/files.ts';
import { hash } from '../../record/hash.ts';
import type { Did } from '../../record/ids.ts';

/** The limit that stops a faulty program from making tokens without end. */
const MAX_TOKENS = 1_000;
/** The interval of checks for expired tokens: a timer's longest delay is 2^31 ms. */
const LOOK_MS = 86_400_000;

const keptSchema = v.strictObject({
  id: v.pipe(v.string(), v.regex(TOKEN_ID)),
  /** SHA-256 of the whole token, as hex. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  scopes: v.array(v.picklist(SCOPES)),
  namespace: v.nullable(v.string()),
  label: v.nullable(v.string()),
  created_by: v.string(),
  created_unix: v.number(),
  expires_unix: v.nullable(v.number()),
});
const fileSchema = v.strictObject({ format: v.literal(1), tokens: v.array(keptSchema) });
type Kept = v.InferOutput<typeof keptSchema>;

interface Held {
  readonly kept: Kept;
  readonly grant: Grant;
  readonly end: () => void;
}

export interface TokensOptions {
  readonly file: string;
  /** Returns milliseconds since 1970 by the wall clock: an expiry is a date. */
  readonly now: () => number;
}

/**
 * The tokens of a home besides its own, which allows everything. The file contains the grant and a hash of each. A fast
 * hash suffices, because a token is 32 random bytes and can't be guessed.
 */
export class Tokens {
  readonly #options: TokensOptions;
  readonly #held = new Map<string, Held>();
  #timer: NodeJS.Timeout | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

  private constructor(options: TokensOptions, kept: readonly Kept[]) {
    this.#options = options;
    for (const each of kept) this.#hold(each);
    this.#endExpired();
  }

  /**
   * Reads the tokens of a home; a missing file has none. Call it while holding the home's lease.
   * @throws HOME_INVALID when the file is damaged, or open to other users
   */
  static async open(options: TokensOptions): Promise<Tokens> {
    return new Tokens(options, await readTokens(options.file));
  }

  /** Returns the grant of a token; undefined when it is unknown, revoked or expired. */
  grantOf(presented: string): Grant | undefined {
    const held = this.#held.get(tokenIdOf(presented) ?? '');
    if (held === undefined || !sameDigest(hash(presented), held.kept.hash)) return undefined;
    return this.#isExpired(held.kept) ? undefined : held.grant;
  }

  /**
   * Creates a token and returns it, only this once; resolves when it is on the disk.
   * @param key the caller's idempotency key. The token's id is derived from it, so that a repeated request finds the
   * token even when the coordinator died before it stored the answer.
   * @throws CONFLICT when there are a thousand, and for a request that has already created its token
   */
  async create({ expires_secs: secs, ...asked }: TokenCreate, by: Did, key?: string): Promise<TokenCreated> {
    const id = key === undefined ? randomBytes(8).toString('hex') : idFor(by, key);
    if (key !== undefined && this.#held.has(id)) throw secretShownBefore(id, key);
    if (this.#held.size >= MAX_TOKENS) {
      throw new FleetError('CONFLICT', `there are ${MAX_TOKENS} tokens already`, {
        details: { limit: MAX_TOKENS },
        hint: 'Revoke tokens that are not needed: spl token list, spl token revoke ‹id›',
      });
    }
    const token = `spl_${id}_${randomBytes(32).toString('base64url')}`;
    const created = this.#options.now() / 1000;
    const kept: Kept = {
      id,
      hash: hash(token),
      ...asked,
      scopes: SCOPES.filter(scope => asked.scopes.includes(scope)),
      created_by: by,
      created_unix: created,
      expires_unix: secs === null ? null : created + secs,
    };
    this.#hold(kept);
    try {
      await this.#write();
    } catch (thrown) {
      this.#drop(id);
      throw thrown;
    }
    this.#endExpired();
    return { ...this.#document(kept), token };
  }

  list(): TokensDocument {
    return { tokens: Array.from(this.#held.values(), ({ kept }) => this.#document(kept)) };
  }

  /** Revokes a token and closes its streams; resolves when that is on the disk. @throws NOT_FOUND */
  async revoke(id: string): Promise<TokenDocument> {
    const held = this.#held.get(id);
    if (held === undefined) {
      throw new FleetError('NOT_FOUND', `there is no token '${id}'`, {
        details: { token: id },
        hint: 'List them with: spl token list',
      });
    }
    this.#drop(id);
    await this.#write();
    return this.#document(held.kept);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #hold(kept: Kept): void {
    const controller = new AbortController();
    const { id, scopes, namespace, expires_unix: expires } = kept;
    const expiresAt = expires === null ? null : expires * 1000;
    const grant = { id, scopes, namespace, actor: tokenActor(id), expiresAt, ended: controller.signal };
    this.#held.set(id, { kept, grant, end: () => controller.abort() });
  }

  #drop(id: string): void {
    this.#held.get(id)?.end();
    this.#held.delete(id);
  }

  /** Writes the file, one write after the other. Each write contains the tokens present at its start. */
  #write(): Promise<void> {
    const write = async (): Promise<void> => {
      const tokens = Array.from(this.#held.values(), ({ kept }) => kept);
      await writeAtomically(this.#options.file, `${JSON.stringify({ format: 1, tokens }, null, 2)}\n`, 0o600);
    };
    this.#lastWrite = this.#lastWrite.then(write, write);
    return this.#lastWrite;
  }

  #isExpired({ expires_unix: expires }: Kept): boolean {
    return expires !== null && expires * 1000 <= this.#options.now();
  }

  /** Closes the streams of expired tokens, and schedules the next check. */
  #endExpired(): void {
    clearTimeout(this.#timer);
    let next = Infinity;
    for (const { kept, grant, end } of this.#held.values()) {
      if (this.#isExpired(kept)) end();
      else next = Math.min(next, grant.expiresAt ?? Infinity);
    }
    if (next === Infinity) return;
    const wait = Math.min(next - this.#options.now() + 1, LOOK_MS);
    this.#timer = setTimeout(() => this.#endExpired(), wait).unref();
  }

  #document(kept: Kept): TokenDocument {
    const { hash: _, ...shown } = kept;
    return { ...shown, actor: tokenActor(kept.id), expired: this.#isExpired(kept) };
  }
}

/** Returns the id of the token that a request with this key creates. */
const idFor = (by: Did, key: string): string => hash(`token ${by} ${key}`).slice(0, 16);

const sameDigest = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b));

async function readTokens(file: string): Promise<readonly Kept[]> {
  let text: string;
  try {
    requirePrivate('the file of tokens', file, await fs.stat(file));
    text = await fs.readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    if (systemCodeOf(cause) === 'ENOENT') return [];
    throw damaged(file, `is not readable: ${messageOf(cause)}`, cause);
  }
  const result = v.safeParse(fileSchema, parsed(text, file));
  if (!result.success) throw damaged(file, 'is damaged');
  return result.output.tokens;
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the file, which may contain a secret.
    throw damaged(file, 'is damaged');
  }
}

function damaged(file: string, what: string, cause?: unknown): FleetError {
  return new FleetError('HOME_INVALID', `the token file '${file}' ${what}`, {
    details: { path: file },
    hint: `Remove it; this revokes all tokens: rm ${shellQuoted(file)}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
