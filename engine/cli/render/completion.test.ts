import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { task } from '../testing/documents.ts';
import { run } from '../testing/fake-host.ts';

async function script(shell: string): Promise<string> {
  const { code, out } = await run(['completion', shell]);
  assert.equal(code, 0);
  return out;
}

/** Returns bash's completions of the last word. `spl` itself is a function that lists two names. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const program = `
spl() { [ "$1" = complete-names ] && printf '%s\\n' "$2-1" "$2-2"; }
${await script('bash')}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_spl
printf '%s\\n' "\${COMPREPLY[@]}"
`;
  const out = execFileSync('bash', ['-c', program, 'bash', 'spl', ...words], { encoding: 'utf8' });
  return out.trimEnd().split('\n');
}

describe('completion', () => {
  it('is a valid bash script', async () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: await script('bash'), encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });

  it('offers commands, verbs, options, values and names in bash', async () => {
    assert.deepEqual(await offered('fl'), ['fleet']);
    assert.deepEqual(await offered('fleet', 'st'), ['start', 'stop', 'status']);
    assert.deepEqual(await offered('task', 'fan-out', '--lo'), ['--losers']);
    assert.deepEqual(await offered('task', 'fan-out', 'A', '--losers', ''), ['keep', 'drain', 'cancel']);
    assert.deepEqual(await offered('task', 'show', ''), ['tasks-1', 'tasks-2']);
    assert.deepEqual(await offered('fleet', 'stop', '--instance', 'instances-2'), ['instances-2']);
    assert.deepEqual(await offered('namespace', 'archive', 'namespaces-1'), ['namespaces-1']);
    assert.deepEqual(await offered('doctor', '--acc'), ['--accept-loss']);
  });

  it('offers nothing hidden', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const text = await script(shell);
      assert.doesNotMatch(text, /['" ]complete-names['"] *\)/);
    }
  });

  it('names every verb in every shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const text = await script(shell);
      for (const verb of ['fan-out', 'join-status', 'run-serial', 'replay', 'doctor', 'ping']) {
        assert.ok(text.includes(verb), `${shell}: ${verb}`);
      }
    }
  });

  it('closes every quote in zsh and fish', async () => {
    for (const shell of ['zsh', 'fish']) {
      const text = (await script(shell)).replaceAll(`'\\''`, '');
      for (const line of text.split('\n').filter(line => !line.startsWith('#'))) {
        assert.equal((line.match(/'/g) ?? []).length % 2, 0, line);
      }
    }
  });

  it('offers runs, by the newest of a name and by number', async () => {
    for (const verb of ['rerun', 'retry', 'output', 'archive', 'runs'])
      assert.deepEqual(await offered(verb, ''), ['runs-1', 'runs-2'], verb);
    const rows = [
      { plan: 'check', run: 4, task: 'check-4' },
      { plan: 'npm test', run: 2, task: 'TASK-2' },
      { plan: 'check', run: 3, task: 'MINE' },
    ];
    const answers = {
      runs: { runs: rows },
      tasks: {
        tasks: rows.map(({ task: alias, plan: name, run: number }) => task({ alias, run: { name, number } })),
      },
    };
    const { out } = await run(['complete-names', 'runs'], { answers });
    assert.equal(out, 'check\ncheck#4\ncheck#3\nTASK-2\nMINE\n');
  });

  it('offers scripts, subtasks and plans, also where the word run is left out', async () => {
    assert.deepEqual(await offered('wor'), ['worktree', 'work-1', 'work-2']);
    assert.deepEqual(await offered('run', 'wor'), ['work-1', 'work-2']);
    assert.deepEqual(await offered('lint', 'work-2'), ['work-2']);
    assert.deepEqual(await offered('lint', '--out'), ['--output']);
    assert.deepEqual(await offered('lint', '--output', 'g'), ['grouped']);
    const cwd = fileURLToPath(new URL('../../../', import.meta.url));
    const { out } = await run(['complete-names', 'work'], { cwd });
    for (const name of ['lint', 'types', 'check.fanout.yaml'])
      assert.ok(out.split('\n').includes(name), `${name} in\n${out}`);
  });

  it('lists names without errors, also if nothing answers', async () => {
    const { code, out, err } = await run(['complete-names', 'tasks'], { unreachable: new Error('gone') });
    assert.deepEqual([code, out, err], [0, '', '']);
  });
});
