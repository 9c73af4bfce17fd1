import type { WriteStream } from 'node:tty';
import { readConfig } from '../home/config.ts';
import { homePaths } from '../home/paths.ts';
import { settings as resolveSettings } from '../home/settings.ts';
import { resolveSocket } from '../home/socket.ts';
import { connect, type Target } from '../api/client.ts';
import type { Connection, Host, Output, Settings } from '../cli/host.ts';
import { coloursFor } from '../cli/render/colours.ts';
import { readFile } from 'node:fs/promises';
import { FleetError, systemCodeOf } from '../errors.ts';
import { processStarter } from './starter.ts';

/** Everything that the commands need, taken from this process. */
export function processHost(signal: AbortSignal): Host {
  const { env } = process;
  return {
    out: outputTo(process.stdout),
    err: outputTo(process.stderr),
    env,
    cwd: process.cwd(),
    stdin: process.stdin,
    signal,
    starter: processStarter,
    doctor: async () => (await import('./doctor.ts')).processDoctor(),
    connect: connectTo,
  };
}

/** @throws UNREACHABLE, AUTH_REQUIRED, USAGE, HOME_INVALID. */
async function connectTo(given: Settings): Promise<Connection> {
  const paths = homePaths(given.home);
  const [target, config] = await Promise.all([targetOf(given), readConfig(paths.configToml)]);
  const { actor } = resolveSettings({ actor: given.actor ?? undefined }, process.env, config);
  return { engine: connect(target, { actor }), actor };
}

async function targetOf({ url, token, home }: Settings): Promise<Target> {
  const paths = homePaths(home);
  if (url === null) return { socketPath: await resolveSocket(paths) };
  return { url, token: token ?? (await readToken(paths.token)) };
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const missing = systemCodeOf(cause) === 'ENOENT';
    throw new FleetError(
      'AUTH_REQUIRED',
      `a URL needs a token, and '${file}' ${missing ? 'is missing' : 'is not readable'}`,
      {
        hint: 'Give the token of that coordinator’s home: --token, or SPL_TOKEN.',
        cause,
      },
    );
  }
}

function outputTo(stream: NodeJS.WriteStream): Output {
  const isTTY = stream.isTTY === true;
  return {
    write: data => void stream.write(data),
    // Called back when all before it is out; a reader that is slow leaves some of it to us, however little.
    flush: () => new Promise(resolve => stream.write('', () => resolve())),
    isTTY,
    get columns() {
      // A terminal that does not know its width says 0.
      return (stream as Partial<WriteStream>).columns || 80;
    },
    colours: coloursFor(isTTY, process.env),
  };
}
