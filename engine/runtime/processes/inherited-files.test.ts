import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';

describe('the files that a process has of its starter', () => {
  it('are closed, but for its streams, and it goes on with its own', async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), 'spl-inherited-'));
    const held = await fs.open(join(folder, 'lock'), 'w');
    try {
      const program = [
        `import { closeInheritedFiles } from ${JSON.stringify(new URL('./inherited-files.ts', import.meta.url).href)};`,
        `import * as fs from 'node:fs';`,
        'closeInheritedFiles();',
        `const names = fs.readdirSync('/proc/self/fd').map(fd => { try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } });`,
        `setTimeout(() => console.log(names.includes(process.argv[1]) ? 'held' : 'free'), 1);`,
      ].join('\n');
      const file = await fs.realpath(join(folder, 'lock'));
      const words = ['--import=tsx/esm', '--input-type=module', '-e', program, file];
      // Node.js itself sees to what lies below 17.
      const between = Array.from({ length: 17 }, () => 'ignore' as const);
      const stdio = ['ignore' as const, 'pipe' as const, 'inherit' as const, ...between, held.fd];
      const child = spawn(process.execPath, words, { stdio });
      let out = '';
      child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text));
      assert.deepEqual(await once(child, 'close'), [0, null]);
      assert.equal(out, 'free\n');
    } finally {
      await held.close();
      await fs.rm(folder, { recursive: true, force: true });
    }
  });
});
