import * as http from 'node:http';
import * as https from 'node:https';

const TIMEOUT_MS = 5000;

/** Asks an instance for its health over HTTP. @returns the status of the answer, however slowly the rest of it comes. */
export function healthOf(endpoint: string): Promise<number> {
  const url = `${endpoint}/health`;
  return new Promise((resolve, reject) => {
    const take = (response: http.IncomingMessage): void => {
      clearTimeout(timer);
      resolve(response.statusCode ?? 0);
      request.destroy();
    };
    // It is only asked whether it answers, and told nothing: whose certificate it shows is all the same.
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
