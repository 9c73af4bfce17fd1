import * as http from 'node:http';
import * as https from 'node:https';

const TIMEOUT_MS = 5000;

/** Requests an instance's health over HTTP. @returns the status, without waiting for the body */
export function healthOf(endpoint: string): Promise<number> {
  const url = `${endpoint}/health`;
  return new Promise((resolve, reject) => {
    const take = (response: http.IncomingMessage): void => {
      clearTimeout(timer);
      resolve(response.statusCode ?? 0);
      request.destroy();
    };
    // Only the status matters and the request has no secrets, so any certificate is accepted.
    const request = url.startsWith('https:')
      ? https.get(url, { agent: false, rejectUnauthorized: false }, take)
      : http.get(url, { agent: false }, take);
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000}s`)),
      TIMEOUT_MS,
    );
    request.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
