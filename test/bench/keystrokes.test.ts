import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { BIN, ended, scenario } from '../harness/fleet.ts';
import { JOBS } from './keystroke-jobs.ts';

/** Stand-ins for agents. */
const PROGRAMS = fileURLToPath(new URL('../scenarios/programs/', import.meta.url));
const PATH = [BIN, PROGRAMS, dirname(process.execPath), process.env['PATH']].join(delimiter);

describe('the commands of the table of keystrokes', function () {
  this.timeout(180_000);

  it(
    'do the jobs',
    scenario({ env: { PATH }, fleet: ['[worktree]', 'min_free_bytes = 0'] }, async fleet => {
      const scripts = { lint: 'true', types: 'true', test: 'exit 1' };
      await fleet.write('package.json', JSON.stringify({ name: 'example', scripts }));
      await fleet.write('files', 'package.json\nfiles\n');
      const git = ['-C', fleet.cwd, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
      execFileSync('git', [...git, 'init', '--quiet', '--initial-branch=main']);
      execFileSync('git', [...git, 'add', '--all']);
      execFileSync('git', [...git, 'commit', '--quiet', '--message', 'first']);
      const env = { ...fleet.env, npm_config_cache: fleet.at('.npm') };
      let command = '';
      for (const { name, spl } of JOBS) {
        if (spl.command === '^C') continue;
        if (spl.command !== '↑') command = spl.command;
        const shell = spawn('bash', ['-c', command], { cwd: fleet.cwd, env });
        const { code, out, err } = await ended(shell);
        assert.equal(code, spl.exitCode, `${name}: ${command}\n${out}${err}`);
        assert.doesNotMatch(`${out}${err}`, /^error: /m, name);
      }
    }),
  );
});
