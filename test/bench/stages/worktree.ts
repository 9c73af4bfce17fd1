import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { discard } from '../../../engine/runtime/worktrees/closing.ts';
import { makeWorktree, worktreeSettings } from '../../../engine/runtime/worktrees/worktree.ts';
import { readNotes } from '../../../engine/runtime/worktrees/notes.ts';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { spreadOf, timed } from '../stats.ts';

/** Compares a worktree for an attempt with a bare `git worktree add`, in a repository of a common size. */
export async function worktree(stage: Stage): Promise<Figure[]> {
  const repo = join(stage.dir, 'repo');
  const folder = join(stage.dir, 'worktrees');
  await makeRepository(repo, stage.quick ? 50 : 3_000);
  const ours: number[] = [];
  const bare: number[] = [];
  const settings = worktreeSettings({ min_free_bytes: 0 });
  for (let i = 0; i < (stage.quick ? 2 : 30); i++) {
    const plain = join(stage.dir, `plain-${i}`);
    bare.push(
      await timed(
        async () => void git(repo, 'worktree', 'add', '--quiet', '-b', `plain-${i}`, plain, 'HEAD'),
      ),
    );
    const occupant = { task: 'BENCH', index: i, attempt: 1 };
    ours.push(await timed(() => makeWorktree(folder, repo, occupant, settings, Date.now())));
    git(repo, 'worktree', 'remove', '--force', plain);
    for (const [name, note] of await readNotes(folder)) await discard(folder, name, note);
  }
  const ratios = ours.map((ms, i) => ms / bare[i]!);
  const spread = spreadOf(ratios);
  return [
    {
      id: 'worktree',
      name: 'a worktree for an attempt against git worktree add',
      value: spread.median,
      unit: '×',
      better: 'lower',
      spread,
      probes: [
        {
          name: 'git worktree add against itself',
          value: 1,
          spread: spreadOf(bare.map(ms => ms / spreadOf(bare).median)),
        },
      ],
      target: targetOf(stage, { atMost: 1.3 }),
      details: { worktree_ms: spreadOf(ours).median, git_worktree_add_ms: spreadOf(bare).median },
    },
  ];
}

async function makeRepository(repo: string, files: number): Promise<void> {
  await mkdir(repo, { recursive: true });
  git(repo, 'init', '--quiet');
  for (let i = 0; i < files; i++) {
    const folder = join(repo, `folder-${i % 60}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `file-${i}.txt`), `line of file ${i}\n`.repeat(1 + (i % 400)));
  }
  git(repo, 'add', '--all');
  git(repo, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '--quiet', '-m', 'all');
}

function git(dir: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', dir, ...args], { encoding: 'utf8' });
}
