import * as crypto from 'node:crypto';

/** Lowercase hex SHA-256. `crypto.hash` is the fast one-shot form, where the runtime has it. */
export const hash: (data: string | Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? data => crypto.hash('sha256', data, 'hex')
    : data => crypto.createHash('sha256').update(data).digest('hex');
