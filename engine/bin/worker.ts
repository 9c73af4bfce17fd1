import { parseArgs } from 'node:util';
import { messageOf } from '../errors.ts';
import { runWorker } from '../open-worker.ts';
import { isInstanceDid } from '../record/ids.ts';
import { closeInheritedFiles } from '../runtime/processes/inherited-files.ts';
import { streamLogger } from '../runtime/logger.ts';

/** Runs a worker, which its coordinator launches with these arguments. */
async function main(): Promise<void> {
  closeInheritedFiles();
  const { values } = parseArgs({
    options: {
      home: { type: 'string' },
      alias: { type: 'string' },
      port: { type: 'string' },
      coordinator: { type: 'string' },
      'coordinator-home': { type: 'string' },
      slots: { type: 'string' },
    },
  });
  const { home, alias, port, coordinator, 'coordinator-home': coordinatorHome, slots } = values;
  if (
    home === undefined ||
    alias === undefined ||
    coordinatorHome === undefined ||
    coordinator === undefined ||
    !isInstanceDid(coordinator)
  ) {
    throw new Error('a worker is launched by its coordinator: spl fleet start');
  }
  const logger = streamLogger(process.stdout, Date.now);
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => stop.abort());
  const reason = await runWorker(
    {
      ...{ home, alias, port: Number(port ?? 0), coordinator, coordinatorHome, env: process.env, logger },
      ...(slots !== undefined && { slots: Number(slots) }),
    },
    stop.signal,
  );
  logger.info(`ended: ${reason}`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${new Date().toISOString()} error ${messageOf(error)}\n`);
    process.exit(1);
  },
);
