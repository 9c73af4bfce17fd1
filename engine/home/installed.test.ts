import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { isInstalled } from './installed.ts';

describe('a program', () => {
  it('is installed where a folder of PATH has it, and it may be run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spl-installed-'));
    try {
      const [tool, text] = [join(folder, 'tool'), join(folder, 'text')];
      for (const file of [tool, text]) await writeFile(file, '#!/bin/sh\n');
      await chmod(tool, 0o755);
      await chmod(text, 0o644);
      await mkdir(join(folder, 'folder'));
      const env = { PATH: `/nowhere:${folder}` };
      assert.deepEqual(
        await Promise.all(['tool', 'text', 'folder', 'none', tool].map(program => isInstalled(program, env))),
        [true, false, false, false, true],
      );
      assert.equal(await isInstalled('tool', {}), false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
