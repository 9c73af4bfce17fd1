import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { defineVerb } from '../verb.ts';

export const version = defineVerb({
  path: 'version',
  summary: 'Print the versions',
  examples: [['spl version', 'print the versions of spl, its protocol and Node.js']],
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
