import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

/**
 * Replaces curl, with the options that the pages use, so that the tests need no programs other than Node.js and git.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'unix-socket': { type: 'string' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
  },
});

const [url] = positionals;
const headers = Object.fromEntries(values.header.map(line => line.split(/: */)));
const method = values.data === undefined ? 'GET' : 'POST';
const call = request(url, { method, headers, socketPath: values['unix-socket'] });
call.end(values.data);
const [response] = await once(call, 'response');
process.stdout.write(await text(response));
