import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { TokenCreate } from '../../contract/tokens.ts';
import { FleetError } from '../../errors.ts';
import type { Did } from '../../record/ids.ts';
import { Tokens } from './tokens.ts';

const ROOT = 'did:sync:user:root' as Did;
const READER: TokenCreate = { scopes: ['read'], namespace: null, expires_secs: null, label: null };

describe('the tokens of a home', () => {
  let folder: string;
  let file: string;
  let now: number;
  const opened: Tokens[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-tokens-'));
    file = join(folder, 'tokens.json');
    now = 1_800_000_000_000;
  });
  afterEach(async () => {
    for (const tokens of opened.splice(0)) tokens.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(): Promise<Tokens> {
    const tokens = await Tokens.open({ file, now: () => now });
    opened.push(tokens);
    return tokens;
  }

  it('keep their grant, also after the home is reopened', async () => {
    const tokens = await open();
    const made = await tokens.create(
      { scopes: ['control', 'read'], namespace: 'acme', expires_secs: 60, label: 'ci' },
      ROOT,
    );
    for (const each of [tokens, await open()]) {
      const { ended, ...grant } = each.grantOf(made.token)!;
      assert.deepEqual(grant, {
        id: made.id,
        scopes: ['read', 'control'],
        namespace: 'acme',
        actor: `did:sync:user:token-${made.id}`,
        expiresAt: now + 60_000,
      });
      assert.equal(ended.aborted, false);
      const { token: _, ...told } = made;
      assert.deepEqual(each.list(), { tokens: [told] });
    }
  });

  it('are stored as hashes, in a file that only its owner can read', async () => {
    const { token } = await (await open()).create(READER, ROOT);
    const [, , secret] = /^spl_([0-9a-f]{16})_(.{43})$/.exec(token)!;
    assert.equal((await readFile(file, 'utf8')).includes(secret!), false);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('do not match similar strings', async () => {
    const tokens = await open();
    const { id, token } = await tokens.create(READER, ROOT);
    const other = await tokens.create(READER, ROOT);
    const secretOf = (each: string): string => each.slice(-43);
    const near = [
      '',
      id,
      token.slice(0, -1),
      `${token}x`,
      token.toUpperCase(),
      `spl_${id}_${secretOf(other.token)}`,
      `spl_${id}_${'A'.repeat(43)}`,
    ];
    for (const each of near) assert.equal(tokens.grantOf(each), undefined, each);
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'aB0_-'), (at, char) => {
        const changed = token.slice(0, at) + char + token.slice(at + 1);
        assert.equal(tokens.grantOf(changed) === undefined, changed !== token);
      }),
      { numRuns: runs(100) },
    );
  });

  it('end immediately and permanently when they are revoked', async () => {
    const tokens = await open();
    const { id, token } = await tokens.create(READER, ROOT);
    const { ended } = tokens.grantOf(token)!;
    const revoked = tokens.revoke(id);
    assert.equal(ended.aborted, true);
    await revoked;
    for (const each of [tokens, await open()]) {
      assert.equal(each.grantOf(token), undefined);
      assert.deepEqual(each.list(), { tokens: [] });
    }
    await assert.rejects(tokens.revoke(id), (thrown: unknown) => FleetError.is(thrown, 'NOT_FOUND'));
  });

  it('expire on time', async () => {
    const tokens = await open();
    const made = await tokens.create({ ...READER, expires_secs: 60 }, ROOT);
    now += 59_999;
    assert.ok(tokens.grantOf(made.token));
    now += 1;
    assert.equal(tokens.grantOf(made.token), undefined);
    assert.equal(tokens.list().tokens[0]!.expired, true);
    assert.equal((await open()).grantOf(made.token), undefined);
  });

  it('abort their streams when they expire', async () => {
    const tokens = await open();
    const { token } = await tokens.create({ ...READER, expires_secs: 0.001 }, ROOT);
    const { ended } = tokens.grantOf(token)!;
    // The timer runs by elapsed time, and compares the expiry with the wall clock.
    now += 1;
    await once(ended, 'abort');
  });

  it('are all written, also when created concurrently', async () => {
    const tokens = await open();
    const made = await Promise.all(Array.from({ length: 20 }, () => tokens.create(READER, ROOT)));
    await Promise.all(made.slice(0, 10).map(({ id }) => tokens.revoke(id)));
    const after = await open();
    assert.deepEqual(
      made.map(({ token }) => after.grantOf(token) !== undefined),
      made.map((_, i) => i >= 10),
    );
  });

  it('are refused beyond a thousand', async () => {
    const tokens = await open();
    await tokens.create(READER, ROOT);
    const written = JSON.parse(await readFile(file, 'utf8')) as { tokens: { id: string }[] };
    const { id: _, ...kept } = written.tokens[0]!;
    const many = Array.from({ length: 1_000 }, (_, i) => ({ id: i.toString(16).padStart(16, '0'), ...kept }));
    await writeFile(file, JSON.stringify({ format: 1, tokens: many }), { mode: 0o600 });
    const full = await open();
    await assert.rejects(full.create(READER, ROOT), (thrown: unknown) => FleetError.is(thrown, 'CONFLICT'));
    await full.revoke(many[0]!.id);
    await full.create(READER, ROOT);
  });

  it('are not read from a damaged file or one that others can read; the error does not quote it', async () => {
    const { token } = await (await open()).create(READER, ROOT);
    await chmod(file, 0o644);
    await assert.rejects(
      open(),
      (thrown: unknown) => FleetError.is(thrown, 'HOME_INVALID') && thrown.hint === `chmod go= ${file}`,
    );
    await chmod(file, 0o600);
    for (const text of [token, '{', '{"format":2,"tokens":[]}', '{"format":1,"tokens":[{}]}']) {
      await writeFile(file, text);
      await assert.rejects(
        open(),
        (thrown: unknown) =>
          FleetError.is(thrown, 'HOME_INVALID') &&
          thrown.message === `the token file '${file}' is damaged` &&
          thrown.cause === undefined &&
          thrown.hint?.endsWith(`rm ${file}`) === true,
      );
    }
  });
});
