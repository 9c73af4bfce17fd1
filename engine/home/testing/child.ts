import * as readline from 'node:readline';
import { openHome } from '../home.ts';
import type { Lease } from '../held-lease.ts';
import { acquireLease } from '../lease.ts';
import { FleetError, messageOf } from '../../errors.ts';

/**
 * A process for tests to race and to kill. Each line on stdin is a command and its argument, answered by a line:
 * `take ‹home›` → `taken` or `held`; `release` → `released`; `make ‹home›` → `made ‹did› ‹token›`;
 * `make-many ‹folder›` makes homes in it until it is killed.
 */
let lease: Lease | undefined;

async function answer(command: string, argument: string): Promise<string> {
  switch (command) {
    case 'take':
      return take(argument);
    case 'release':
      await lease?.release();
      return 'released';
    case 'make': {
      const { key, token } = await openHome(argument, { create: true, version: '0.0.0' });
      return `made ${key.did} ${token}`;
    }
    case 'make-many':
      for (let i = 0; ; i++) await openHome(`${argument}/${i}`, { create: true, version: '0.0.0' });
    default:
      throw new Error(`unknown command: ${command}`);
  }
}

async function take(home: string): Promise<string> {
  try {
    lease = await acquireLease(home);
    return 'taken';
  } catch (error) {
    if (FleetError.is(error, 'LEASE_HELD')) return 'held';
    throw error;
  }
}

process.stdout.write('ready\n');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command = '', argument = ''] = line.split(' ');
  const text = await answer(command, argument).catch((error: unknown) => `error ${messageOf(error)}`);
  process.stdout.write(text + '\n');
}
