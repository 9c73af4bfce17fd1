import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError, type ErrorCode } from '../errors.ts';
import { generateKey, keyToPem } from '../record/signing.ts';
import { MARKER } from './create.ts';
import { openHome, type Home } from './home.ts';
import { repairHint, whyUnwritable } from './create.ts';
import { homePaths, type HomePaths } from './paths.ts';
import { startChild } from './testing/children.ts';

const make = (home: string): Promise<Home> => openHome(home, { create: true, version: '0.1.0' });
const open = (home: string): Promise<Home> => openHome(home, { create: false });

describe('a home', () => {
  let folder: string;
  let paths: HomePaths;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-home-'));
    paths = homePaths(path.join(folder, 'home'));
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const mode = async (file: string): Promise<number> => (await fs.stat(file)).mode & 0o777;
  const names = async (): Promise<string[]> => (await fs.readdir(paths.home)).toSorted();
  const COMPLETE = ['home.json', 'index', 'keys', 'log', 'logs', 'output', 'run', 'token'];

  async function refuses(
    opening: () => Promise<unknown>,
    code: ErrorCode,
    message: RegExp,
    hint?: RegExp,
  ): Promise<void> {
    await assert.rejects(opening, (error: unknown) => {
      assert.ok(FleetError.is(error, code), String(error));
      assert.match(error.message, message);
      if (hint) assert.match(error.hint ?? '', hint);
      return true;
    });
  }

  it('is made whole, for this user alone, and opens as the same one', async () => {
    const made = await make(paths.home);
    assert.deepEqual(await names(), COMPLETE);
    assert.equal(await mode(paths.home), 0o700);
    for (const secret of [paths.keyFile, paths.token]) assert.equal(await mode(secret), 0o600);
    assert.equal(await mode(paths.keysDir), 0o700);
    assert.deepEqual(JSON.parse(await fs.readFile(paths.homeJson, 'utf8')), { format: 1, version: '0.1.0' });
    assert.match(made.token, /^[A-Za-z0-9_-]{43}$/);

    const opened = await open(paths.home);
    assert.equal(opened.key.did, made.key.did);
    assert.equal(opened.token, made.token);
    const later = await openHome(paths.home, { create: true, version: '9.9.9' });
    assert.equal(later.key.did, made.key.did);
    assert.equal(later.version, '0.1.0');
  });

  it('is made in an empty folder, which is closed to others then, and below folders that are missing', async () => {
    await fs.mkdir(paths.home, { mode: 0o755 });
    await make(paths.home);
    assert.equal(await mode(paths.home), 0o700);
    await make(path.join(folder, 'a', 'b', 'c'));
  });

  it('has an identity of its own', async () => {
    const [one, two] = await Promise.all([make(paths.home), make(`${paths.home}-worker-a`)]);
    assert.notEqual(one.key.did, two.key.did);
    assert.notEqual(one.token, two.token);
  });

  it('reads its config.toml', async () => {
    await make(paths.home);
    await fs.writeFile(paths.configToml, 'fleet.slots = 3\nfleet.slotz = 3');
    const { config } = await open(paths.home);
    assert.equal(config.fleet.slots, 3);
    assert.equal(config.warnings.length, 1);
  });

  it('is not made by who only opens', async () => {
    await refuses(() => open(paths.home), 'NOT_FOUND', /there is no home at/, /spl fleet start/);
    await fs.mkdir(paths.home);
    await refuses(() => open(paths.home), 'NOT_FOUND', /there is no home at/);
    assert.deepEqual(await names(), []);
  });

  it("is not made in a folder with somebody's files, which stays untouched", async () => {
    await fs.mkdir(paths.home, { mode: 0o755 });
    await fs.writeFile(path.join(paths.home, 'thesis.tex'), 'years of work');
    for (const way of [make, open]) {
      await refuses(() => way(paths.home), 'HOME_INVALID', /is not empty and is not a home/, /empty folder/);
    }
    assert.deepEqual(await names(), ['thesis.tex']);
    assert.equal(await mode(paths.home), 0o755);
  });

  it('is made in a folder with a configuration and nothing else, which it then has', async () => {
    await fs.mkdir(paths.home, { mode: 0o755 });
    await fs.writeFile(paths.configToml, '[server]\nport = 9300\n');
    assert.equal((await make(paths.home)).config.server.port, 9300);
    assert.equal(await mode(paths.home), 0o700);
    assert.equal((await open(paths.home)).config.server.port, 9300);
  });

  it('on a file system that is mounted read-only is not to be mended by its mode', () => {
    const cause = Object.assign(new Error('read-only'), { code: 'EROFS' });
    assert.match(whyUnwritable(cause), /mounted read-only$/);
    assert.match(repairHint(cause, '/h'), /^Mount it read-write/);
    const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
    assert.deepEqual([whyUnwritable(denied), repairHint(denied, '/h')], ['', 'chmod u+rwx /h']);
  });

  it('is a folder', async () => {
    await fs.writeFile(paths.home, '');
    await refuses(() => make(paths.home), 'HOME_INVALID', /is not a folder/);
    await refuses(
      () => make(path.join(paths.home, 'below')),
      'HOME_INVALID',
      /not accessible|can't be created/,
    );
  });

  it('of a newer format is refused untouched, whatever else it says', async () => {
    await make(paths.home);
    await fs.writeFile(paths.homeJson, '{"format":2,"made_by":{"name":"spl"}}');
    const before = await names();
    for (const way of [make, open]) {
      await refuses(
        () => way(paths.home),
        'HOME_NEWER',
        /has format 2, but this version supports formats up to 1/,
        /newer version/,
      );
    }
    assert.deepEqual(await names(), before);
  });

  for (const text of [
    '',
    '{"format":1',
    '[]',
    'null',
    '{"format":"1"}',
    '{"format":0,"version":"x"}',
    '{"format":1}',
  ]) {
    it(`is refused when its home.json holds '${text}'`, async () => {
      await make(paths.home);
      await fs.writeFile(paths.homeJson, text);
      await refuses(() => make(paths.home), 'HOME_INVALID', /home\.json' is damaged/, /write it again/);
    });
  }

  it('is refused without its key, or with one that is none, and no new identity is made', async () => {
    await make(paths.home);
    await fs.writeFile(paths.keyFile, 'not a key');
    await refuses(() => make(paths.home), 'HOME_INVALID', /key is not readable/);
    await fs.rm(paths.keyFile);
    await refuses(() => make(paths.home), 'HOME_INVALID', /instance\.pem' is missing/, /backup/);
    assert.deepEqual(await fs.readdir(paths.keysDir), []);
  });

  it('gets a new token for one that was removed, and is refused with a damaged one', async () => {
    const { token } = await make(paths.home);
    await fs.rm(paths.token);
    await refuses(() => open(paths.home), 'HOME_INVALID', /token' is missing/);
    const renewed = (await make(paths.home)).token;
    assert.notEqual(renewed, token);
    await fs.writeFile(paths.token, 'short');
    await refuses(() => make(paths.home), 'HOME_INVALID', /token.* is damaged/, /rm /);
  });

  for (const part of ['home', 'keysDir', 'keyFile', 'token'] as const) {
    it(`is refused when others can reach its ${part}, and its hint mends that`, async () => {
      await make(paths.home);
      const file = paths[part];
      await fs.chmod(file, (await mode(file)) | 0o040);
      await refuses(() => open(paths.home), 'HOME_INVALID', /is open to other users/, /^chmod go= \S+$/);
      await fs.chmod(file, (await mode(file)) & 0o700);
      await open(paths.home);
    });
  }

  it("of another user's is refused", async function () {
    // Only root can give a folder away, so that nobody else can make this case.
    if (process.getuid?.() !== 0) this.skip();
    await fs.mkdir(paths.home);
    await fs.chown(paths.home, 12345, 12345);
    await refuses(() => make(paths.home), 'HOME_INVALID', /belongs to user 12345, not to 0/, /chown -R 0 /);
    assert.deepEqual(await names(), []);
  });

  describe('whose making was interrupted', () => {
    const marked = async (): Promise<void> => {
      await fs.mkdir(paths.home);
      await fs.writeFile(path.join(paths.home, MARKER), '');
    };
    const key = keyToPem(generateKey());

    it('is made by whoever comes next', async () => {
      await marked();
      await refuses(() => open(paths.home), 'NOT_FOUND', /there is no home/);
      await make(paths.home);
      assert.deepEqual(await names(), COMPLETE);
    });

    it('goes on with the key that is there', async () => {
      await marked();
      await fs.mkdir(paths.keysDir, { mode: 0o700 });
      await fs.writeFile(paths.keyFile, key, { mode: 0o600 });
      const { key: kept } = await make(paths.home);
      assert.equal(keyToPem(kept), key);
      assert.deepEqual(await names(), COMPLETE);
    });

    it('opens when only the marker was left to be removed', async () => {
      await make(paths.home);
      await fs.writeFile(path.join(paths.home, MARKER), '');
      await open(paths.home);
    });

    it('loses what a dead maker left half-written', async () => {
      await marked();
      const dead = path.join(paths.home, `${MARKER}-${2 ** 31 - 1}-00000000`);
      const living = path.join(paths.home, `${MARKER}-${process.pid}-00000000`);
      for (const file of [dead, living]) await fs.writeFile(file, 'half');
      await make(paths.home);
      assert.deepEqual(await names(), [path.basename(living), ...COMPLETE]);
    });

    it('by a kill at any moment is made by whoever comes next', async () => {
      for (let round = 0; round < runs(5); round++) {
        const child = await startChild();
        const target = path.join(folder, `round-${round}`);
        await fs.mkdir(target);
        child.send(`make-many ${target}`);
        // The first few homes tell that it is at work; the kill then comes wherever it happens to be.
        for (let made = 0; made < 3;) made = (await fs.readdir(target)).length;
        await child.end();
        for (const name of await fs.readdir(target)) await make(path.join(target, name));
      }
    });
  });

  it('made by many at once is the same for all', async () => {
    const homes = await Promise.all(Array.from({ length: 8 }, () => make(paths.home)));
    assert.equal(new Set(homes.map(home => `${home.key.did} ${home.token}`)).size, 1);
    assert.deepEqual(await names(), COMPLETE);
  });

  it('made by two processes at once is the same for both', async () => {
    const makers = await Promise.all([startChild(), startChild()]);
    try {
      for (let round = 0; round < 20; round++) {
        const answers = await Promise.all(makers.map(maker => maker.ask(`make ${paths.home}-${round}`)));
        assert.match(answers[0]!, /^made /);
        assert.equal(answers[0], answers[1]);
      }
    } finally {
      await Promise.all(makers.map(maker => maker.end()));
    }
  });
});
