import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../errors.ts';
import { homePaths } from './paths.ts';
import { MAX_SOCKET_BYTES, prepareSocket, resolveSocket } from './socket.ts';

describe('the socket', () => {
  let folder: string;
  let runtime: string | undefined;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-socket-'));
    runtime = process.env['XDG_RUNTIME_DIR'];
    process.env['XDG_RUNTIME_DIR'] = path.join(folder, 'runtime');
    await fs.mkdir(path.join(folder, 'runtime'), { mode: 0o700 });
  });
  afterEach(async () => {
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
    await fs.rm(folder, { recursive: true });
  });

  const long = () => homePaths(path.join(folder, 'ä'.repeat(60)));

  async function listensAt(socket: string): Promise<void> {
    const server = net.createServer();
    server.listen(socket);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  }

  it('lies in the home, and what a dead instance left there is removed', async () => {
    const paths = homePaths(path.join(folder, 'home'));
    const socket = await prepareSocket(paths);
    assert.equal(socket, paths.socket);
    assert.equal(await resolveSocket(paths), socket);
    await fs.writeFile(socket, 'left behind');
    await listensAt(await prepareSocket(paths));
  });

  it('moves to the runtime folder when its path is too long, and clients find it', async () => {
    const paths = long();
    const socket = await prepareSocket(paths);
    assert.equal(path.dirname(socket), path.join(folder, 'runtime', 'spl'));
    assert.ok(Buffer.byteLength(socket) <= MAX_SOCKET_BYTES);
    assert.equal((await fs.stat(path.dirname(socket))).mode & 0o777, 0o700);
    delete process.env['XDG_RUNTIME_DIR'];
    assert.equal(await resolveSocket(paths), socket);
    await listensAt(socket);
  });

  it('fits to the last byte', async () => {
    const fixed = path.join(folder, 'x', 'run', 'spl.sock').length - 1;
    const paths = homePaths(path.join(folder, 'x'.repeat(MAX_SOCKET_BYTES - fixed)));
    assert.equal(paths.socket.length, MAX_SOCKET_BYTES);
    const socket = await prepareSocket(paths);
    assert.equal(socket, paths.socket);
    await listensAt(socket);
  });

  it('of another home is another one', async () => {
    const other = homePaths(path.join(folder, 'ö'.repeat(60)));
    assert.notEqual(await prepareSocket(long()), await prepareSocket(other));
  });

  it('is not looked for where nobody said it is', async () => {
    await assert.rejects(
      () => resolveSocket(long()),
      (error: unknown) => FleetError.is(error, 'UNREACHABLE'),
    );
  });

  it('is not trusted in a folder that others can write', async () => {
    const paths = long();
    const socket = await prepareSocket(paths);
    await fs.chmod(path.dirname(socket), 0o777);
    await assert.rejects(
      () => resolveSocket(paths),
      (error: unknown) => FleetError.is(error, 'HOME_INVALID') && error.hint!.startsWith('chmod go= '),
    );
    // The instance itself passes over such a folder to the next one.
    const next = await prepareSocket(paths);
    assert.equal(path.dirname(next), path.join(os.tmpdir(), `spl-${process.getuid!()}`));
    await fs.rm(next, { force: true });
  });

  it('is not put behind a link in the place of the runtime folder', async () => {
    await fs.mkdir(path.join(folder, 'elsewhere'), { mode: 0o700 });
    await fs.symlink(path.join(folder, 'elsewhere'), path.join(folder, 'runtime', 'spl'));
    const socket = await prepareSocket(long());
    assert.notEqual(path.dirname(socket), path.join(folder, 'runtime', 'spl'));
  });

  it('is not looked for where the pointer is damaged', async () => {
    const paths = long();
    await prepareSocket(paths);
    await fs.writeFile(`${paths.socket}.path`, 'relative/path');
    await assert.rejects(
      () => resolveSocket(paths),
      (error: unknown) => FleetError.is(error, 'HOME_INVALID'),
    );
  });
});
