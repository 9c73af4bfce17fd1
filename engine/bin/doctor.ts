import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import { dirname } from 'node:path';
import { connect } from '../client/client.ts';
import type { Check, CheckResult, Doctor, Settings } from '../cli/host.ts';
import type { HealthDocument } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';
import { readConfig } from '../home/config.ts';
import { openHome } from '../home/home.ts';
import { acquireLease } from '../home/lease.ts';
import { homePaths } from '../home/paths.ts';
import { resolveSocket } from '../home/socket.ts';
import { acceptLoss, logChecks } from './doctor-log.ts';

const MIN_NODE = [20, 19] as const;
const DEFAULT_PORT = 9100;
const HEALTH_MS = 5_000;
/** The free space below which the home's disk gets a warning. */
const LITTLE_ROOM_BYTES = 256 * 1024 ** 2;

/**
 * Makes the doctor's checks. They need no coordinator, and are in an order in which a fault explains those after it.
 */
export function processDoctor(): Doctor {
  return {
    checks: [
      { name: 'node', run: checkNode },
      { name: 'shell', run: checkShell },
      { name: 'home', run: checkHome },
      { name: 'config', run: checkConfig },
      { name: 'socket', run: checkSocket },
      { name: 'coordinator', run: checkCoordinator },
      { name: 'port', run: checkPort },
      ...logChecks,
      { name: 'disk', run: checkDisk },
    ] satisfies Check[],
    acceptLoss,
  };
}

const pass = (detail: string): CheckResult => ({ level: 'PASS', detail });
const warn = (detail: string, hint: string): CheckResult => ({ level: 'WARN', detail, hint });
const fail = (detail: string, hint: string): CheckResult => ({ level: 'FAIL', detail, hint });

function checkNode(): Promise<CheckResult> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  const needed = MIN_NODE.join('.');
  return Promise.resolve(
    enough
      ? pass(`Node.js ${process.versions.node}`)
      : fail(
          `Node.js ${process.versions.node} is older than ${needed}`,
          `Install Node.js ${needed} or later.`,
        ),
  );
}

async function checkShell(): Promise<CheckResult> {
  try {
    await fs.access('/bin/sh', fs.constants.X_OK);
    return pass('/bin/sh, for the shell executor');
  } catch {
    return warn(
      'there is no /bin/sh: the shell executor can’t run',
      'Use the echo executor, or install a shell.',
    );
  }
}

async function checkHome({ home }: Settings): Promise<CheckResult> {
  try {
    const { version } = await openHome(home, { create: false });
    return pass(`${home}, made by version ${version}`);
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND'))
      return warn(
        (await isThere(home)) ? `${home} has nothing of a fleet yet` : `${home} does not exist yet`,
        'spl fleet start makes it.',
      );
    throw thrown;
  }
}

async function checkConfig({ home }: Settings): Promise<CheckResult> {
  const { configToml } = homePaths(home);
  const { warnings } = await readConfig(configToml);
  if (!(await isThere(configToml))) return pass(`no ${configToml}: the defaults hold`);
  return warnings.length === 0
    ? pass(configToml)
    : warn(warnings.join('; '), 'Correct the key, or remove it.');
}

async function checkSocket({ home }: Settings): Promise<CheckResult> {
  try {
    const socket = await resolveSocket(homePaths(home));
    return pass((await isThere(socket)) ? socket : `none yet; it will be ${socket}`);
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE'))
      return pass('its path is too long for the home; a runtime folder will hold it');
    throw thrown;
  }
}

async function checkCoordinator({ home }: Settings, signal: AbortSignal): Promise<CheckResult> {
  const answering = await askCoordinator(home, signal);
  if (answering !== undefined) {
    const { pid, version, endpoint } = answering;
    return pass(`PID ${pid}, version ${version}, on ${endpoint ?? 'its socket only'}`);
  }
  try {
    const lease = await acquireLease(home);
    await lease.release();
    return warn('none is running', 'Start one: spl fleet start');
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND')) return warn('none is running', 'Start one: spl fleet start');
    if (!FleetError.is(thrown, 'LEASE_HELD')) throw thrown;
    const pid = typeof thrown.details['pid'] === 'number' ? thrown.details['pid'] : null;
    return fail(
      `${thrown.message}, which does not answer`,
      pid === null ? 'Find it, and end it.' : `Where no editor runs it, end it: kill -9 ${pid}`,
    );
  }
}

async function askCoordinator(home: string, signal: AbortSignal): Promise<HealthDocument | undefined> {
  try {
    const client = connect({ socketPath: await resolveSocket(homePaths(home)) }, { timeoutMs: HEALTH_MS });
    try {
      return await client.report('health', {}, signal);
    } finally {
      await client.close();
    }
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE') || FleetError.is(thrown, 'TIMED_OUT')) return undefined;
    throw thrown;
  }
}

async function checkPort({ home }: Settings, signal: AbortSignal): Promise<CheckResult> {
  const answering = await askCoordinator(home, signal);
  if (answering?.endpoint === null) return pass('none: the coordinator answers on its socket only');
  if (answering !== undefined) return pass(`${answering.endpoint}, of the coordinator`);
  const port = (await readConfig(homePaths(home).configToml)).server.port ?? DEFAULT_PORT;
  return (await isFree(port))
    ? pass(`${port} is free`)
    : warn(
        `${port} is taken by another program`,
        'The next free port will be used; spl fleet list names it.',
      );
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function checkDisk({ home }: Settings): Promise<CheckResult> {
  const folder = await nearestFolder(home);
  const { bavail, bsize } = await fs.statfs(folder);
  const free = bavail * bsize;
  return free >= LITTLE_ROOM_BYTES
    ? pass(`${mebibytes(free)} free`)
    : warn(`${mebibytes(free)} free`, 'Make room: when the disk is full, the coordinator stops.');
}

const isThere = (path: string): Promise<boolean> =>
  fs.stat(path).then(
    () => true,
    () => false,
  );

/** Returns the home, or the nearest folder above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  try {
    await fs.stat(path);
    return path;
  } catch {
    const parent = dirname(path);
    return parent === path ? path : nearestFolder(parent);
  }
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
