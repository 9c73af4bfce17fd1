import { pingSchema, type PingDocument } from '../../contract/documents.ts';
import { messageOf } from '../../errors.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const ping = report({
  name: 'ping',
  about: 'ask an instance for its health',
  method: 'POST',
  path: '/v1/fleet/instances/:instance/ping',
  scope: 'read',
  output: pingSchema,
  needsFleet: true,
  confine: refused('reach instances'),
  answer: async ({ instance }, { domain, coordinator, healthOf }) => {
    const { did, alias, endpoint } = domain.resolveInstance(coordinator.state, instance);
    const unreachable = (reason: string): PingDocument => ({
      did,
      alias,
      reachable: false,
      rtt_ms: null,
      status: null,
      reason,
    });
    if (endpoint === null) return unreachable('it has no endpoint');
    const begun = performance.now();
    try {
      const status = await healthOf(endpoint);
      return {
        did,
        alias,
        reachable: status === 200,
        rtt_ms: Math.round((performance.now() - begun) * 10) / 10,
        status,
        reason: status === 200 ? null : `status ${status}`,
      };
    } catch (error) {
      return unreachable(messageOf(error));
    }
  },
});
