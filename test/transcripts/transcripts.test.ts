import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { play } from './transcript.ts';

/**
 * Stories of the rules, in `*.txt`. A line is a command; the indented lines below it are its results. The test runs the
 * commands and compares the results. UPDATE_GOLDEN=1 writes the files.
 */
const FOLDER = fileURLToPath(new URL('.', import.meta.url));

describe('the rules, told as stories', () => {
  for (const name of readdirSync(FOLDER).filter(file => file.endsWith('.txt')))
    it(name.replace(/\.txt$/, '').replaceAll('-', ' '), async () => {
      const file = join(FOLDER, name);
      const written = await readFile(file, 'utf8');
      const played = play(written);
      assert.doesNotMatch(played, /^ +impossible: /m, 'a command asks for what is not there');
      if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, played);
      else assert.equal(played, written);
    });
});
