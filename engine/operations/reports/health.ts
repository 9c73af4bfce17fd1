import { healthSchema, type HealthDocument } from '../../contract/documents.ts';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { open } from '../confinement.ts';
import { HEALTH_PATH } from '../http-format.ts';
import { report } from '../operation.ts';

export const health = report({
  name: 'health',
  about: 'the name and version of the instance; open to everyone on the machine',
  method: 'GET',
  path: HEALTH_PATH,
  scope: null,
  output: healthSchema,
  needsFleet: true,
  confine: open,
  answer: (_input, { facts, log, home, now }): HealthDocument => ({
    status: 'ok',
    did: facts.did,
    alias: 'coordinator',
    role: 'coordinator',
    version: VERSION,
    protocol: PROTOCOL,
    uptime_secs: (now - facts.startedAt) / 1000,
    pid: process.pid,
    home,
    endpoint: facts.url.startsWith('http') ? facts.url : null,
    records: log.end,
  }),
});
