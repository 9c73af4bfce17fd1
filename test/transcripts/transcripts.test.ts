import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { play } from './transcript.ts';

/**
 * Stories of the rules, in `*.txt`: a line is a command, and the lines below it that are indented are what came of it. A
 * file is compared with what happens when its commands are given; UPDATE_GOLDEN=1 writes down what happens instead.
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
