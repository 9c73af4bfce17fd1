import type { EngineClient } from '../../engine/client/client.ts';
import type { FanOutOpen, FanOutRequest } from '../../engine/contract/commands.ts';
import type { FannedOut, FanOutOpened } from '../../engine/contract/documents.ts';
import { advisedCommand } from '../failures.ts';
import { offer } from '../messages.ts';
import { adviceless } from '../plain.ts';

/** Adds a task and fans it out. If either is refused, neither is written. */
export async function startTask(
  client: EngineClient,
  task: Omit<FanOutOpen, 'fan_out'>,
  fanOut: FanOutRequest,
): Promise<FanOutOpened> {
  const opened = await client.submit('fan-out.open', { ...task, fan_out: fanOut });
  sayNotes(opened.fan_out);
  return opened;
}

/** Fans out a task that exists. */
export async function splitTask(
  client: EngineClient,
  task: string,
  fanOut: FanOutRequest,
): Promise<FannedOut> {
  const fannedOut = await client.submit('task.fan-out', { task, ...fanOut });
  sayNotes(fannedOut);
  return fannedOut;
}

/** Shows the engine's notes about subtasks that cannot start now. */
export function sayNotes({ notes = [] }: FannedOut): void {
  for (const note of notes) {
    const way = advisedCommand(note);
    void offer('warning', adviceless(note) || note, ...(way === undefined ? [] : [way]));
  }
}
