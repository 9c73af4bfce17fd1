import type { ControlDocument } from '../../contract/documents.ts';
import type { Colours } from './colours.ts';

/** Returns the line that `kill` and `unkill` print once the record is written. */
export function killedLine({ topic, namespace, level }: ControlDocument, colours: Colours): string {
  const what = {
    freeze: `${level} freeze of '${namespace}'`,
    unfreeze: `unfreeze of '${namespace}'`,
    emergency_stop: 'emergency stop',
    emergency_clear: 'end of the emergency stop',
  }[topic];
  return `${colours.green('✓')} ${what} recorded`;
}
