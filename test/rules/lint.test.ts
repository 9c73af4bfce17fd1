import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, it } from 'mocha';

/**
 * `npm run check` lints the TypeScript, which takes a minute. Other files are linted here, because they need no types.
 */
describe('the linter', () => {
  it('has a configuration for each kind of file, and finds no fault in the scripts', async () => {
    const linter = new ESLint({ cwd: fileURLToPath(new URL('../../', import.meta.url)) });
    const results = await linter.lintFiles(['**/*.{mjs,cjs,js}']);
    assert.ok(results.some(({ filePath }) => filePath.endsWith('.mjs')));
    assert.deepEqual(
      results.flatMap(({ filePath, messages }) => messages.map(({ message }) => `${filePath}: ${message}`)),
      [],
    );
  });
});
