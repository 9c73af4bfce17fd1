import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { defineVerb } from '../verb.ts';

export const version = defineVerb({
  path: 'version',
  summary: 'print the versions',
  examples: [['spl version', 'of spl, of its protocol, and of Node.js']],
  positionals: {},
  flags: {},
  run(context) {
    const node = process.versions.node;
    context.print({ version: VERSION, protocol: PROTOCOL, node }, () => [
      `spl ${VERSION} (protocol ${PROTOCOL}, Node.js ${node})`,
    ]);
    return Promise.resolve();
  },
});
