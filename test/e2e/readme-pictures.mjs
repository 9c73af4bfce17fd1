import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Copies the pictures for the README and its pages from the last run of the browser tests and of
 * `npm run soak -- editor`.
 */

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pictures = {
  'panel/02-measured.png': 'report-light.png',
  'namespaces/03-policy.png': 'namespaces-light.png',
  'plan/02-ran.png': 'plan-light.png',
  'plans/04-tests.png': 'tests-light.png',
  'tutorial/06-running.png': 'running-dark.png',
};

mkdirSync(join(root, 'media', 'screenshots'), { recursive: true });
for (const [from, to] of Object.entries(pictures))
  copyFileSync(join(root, 'out', 'screenshots', from), join(root, 'media', 'screenshots', to));
