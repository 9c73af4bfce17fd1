import * as crypto from 'node:crypto';

/** Returns the SHA-256 as lowercase hex, with the faster `crypto.hash` if the runtime has it. */
export const hash: (data: string | Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? data => crypto.hash('sha256', data, 'hex')
    : data => crypto.createHash('sha256').update(data).digest('hex');
