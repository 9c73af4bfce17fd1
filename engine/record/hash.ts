import * as crypto from 'node:crypto';

/** Returns the SHA-256 as lowercase hex, with the faster `crypto.hash` if the runtime has it. */
export const hash = (data: string | Uint8Array): string => (hashOnce ??= fastest())(data);

let hashOnce: typeof hash | undefined;

/** Chosen at the first use, because a short command loads `node:crypto` only if it needs it. */
function fastest(): typeof hash {
  return typeof crypto.hash === 'function'
    ? data => crypto.hash('sha256', data, 'hex')
    : data => crypto.createHash('sha256').update(data).digest('hex');
}
