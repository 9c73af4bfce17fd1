import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { FleetError } from '../errors.ts';
import { listeningOf } from './listening.ts';

const PEMS = fileURLToPath(new URL('../http/testing/tls/', import.meta.url));

describe('where a port listens', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-listening-'));
    for (const name of ['cert.pem', 'key.pem']) await copyFile(join(PEMS, name), join(folder, name));
    await chmod(join(folder, 'key.pem'), 0o600);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const refused = (host: string, server: Parameters<typeof listeningOf>[1], message: RegExp, hint: RegExp) =>
    assert.rejects(
      listeningOf(host, server, folder),
      (thrown: unknown) =>
        FleetError.is(thrown, 'HOME_INVALID') && message.test(thrown.message) && hint.test(thrown.hint ?? ''),
      String(message),
    );
  const OWN = { tls_cert: 'cert.pem', tls_key: 'key.pem' };

  it('is this machine alone where there is no TLS', async () => {
    for (const host of ['127.0.0.1', 'localhost', '::1']) {
      const { tls, notes, isOwnName } = await listeningOf(host, {}, folder);
      assert.deepEqual([tls, notes, isOwnName('fleet.example')], [null, [], false]);
    }
    for (const host of ['0.0.0.0', '::', '192.0.2.7', 'fleet.example', '127.0.0.1.evil.example'])
      await refused(
        host,
        {},
        /is reachable from other machines/,
        /tls_cert and tls_key in config\.toml, or proxy/,
      );
  });

  it('is anywhere with a certificate, whose names are ours then', async () => {
    const { host, tls, notes, isOwnName } = await listeningOf('0.0.0.0', OWN, folder);
    assert.deepEqual([host, tls === null, notes], ['0.0.0.0', false, []]);
    const names = [
      'fleet.example',
      'FLEET.example',
      'localhost',
      '127.0.0.1',
      'evil.example',
      '192.0.2.7',
      '[::1]',
    ];
    assert.deepEqual(names.map(isOwnName), [true, true, true, true, false, false, false]);
  });

  it('is behind a proxy that ends TLS, of which it says so', async () => {
    const { tls, notes, isOwnName } = await listeningOf(
      '0.0.0.0',
      { proxy: 'https://fleet.example' },
      folder,
    );
    assert.deepEqual([tls, isOwnName('Fleet.Example'), isOwnName('evil.example')], [null, true, false]);
    assert.match(notes.join(), /without TLS: make it reachable only from the proxy https:\/\/fleet\.example/);
    const local = await listeningOf('127.0.0.1', { proxy: 'https://fleet.example' }, folder);
    assert.deepEqual([local.notes, local.isOwnName('fleet.example')], [[], true]);
  });

  it('is nowhere with what does not go together', async () => {
    await refused('127.0.0.1', { tls_cert: 'cert.pem' }, /must be set together/, /both, or neither/);
    await refused(
      '127.0.0.1',
      { ...OWN, proxy: 'https://a.example' },
      /exclude each other/,
      /Set proxy if the proxy terminates TLS/,
    );
    await refused('0.0.0.0', { proxy: 'http://a.example' }, /not an https URL/, /terminates TLS/);
  });

  it('is nowhere with a key that others can read, that is missing, or another’s', async () => {
    const key = join(folder, 'open.pem');
    await copyFile(join(PEMS, 'key.pem'), key);
    await chmod(key, 0o640);
    await refused('::', { ...OWN, tls_key: 'open.pem' }, /is open to other users/, /^chmod go= /);
    await refused('::', { ...OWN, tls_key: 'none.pem' }, /'.*none\.pem' is not readable/, /config\.toml/);
    await refused('::', { ...OWN, tls_cert: 'none.pem' }, /'.*none\.pem' is not readable/, /config\.toml/);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(folder, 'other.pem'), other, { mode: 0o600 });
    await refused('::', { ...OWN, tls_key: 'other.pem' }, /can't be used/, /Both must be PEM/);
  });
});
