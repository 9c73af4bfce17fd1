import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stateOf } from '../../../engine/runtime/worktrees/checkout.ts';
import { closeWorktree, markStarted } from '../../../engine/runtime/worktrees/closing.ts';
import { makeWorktree, worktreeSettings } from '../../../engine/runtime/worktrees/worktree.ts';
import { targetOf, type Figure, type Stage, type Target } from '../figure.ts';
import { spreadOf, timed } from '../stats.ts';

/** Compares the set-up of an attempt's worktree with a bare `git worktree add`, and its end with a bare removal. */
export async function worktree(stage: Stage): Promise<Figure[]> {
  const sizes = stage.quick ? [50] : [3_000, 50_000];
  const figures: Figure[] = [];
  for (const files of sizes) figures.push(...(await figuresOf(stage, files)));
  return figures;
}

/** The times of a round, in ms. */
interface Round {
  readonly add: number;
  readonly remove: number;
  /** Until the attempt could begin. */
  readonly setUp: number;
  /** From the end of an attempt without changes until its worktree is removed. */
  readonly end: number;
}

async function figuresOf(stage: Stage, files: number): Promise<Figure[]> {
  const repo = join(stage.dir, `repo-${files}`);
  await makeRepository(repo, files);
  const rounds: Round[] = [];
  for (let i = 0; i < (stage.quick ? 2 : files > 10_000 ? 6 : 30); i++)
    rounds.push({ ...(await bareRound(repo)), ...(await ownRound(repo, i)) });
  const name = `in a repository of ${files.toLocaleString('en')} files`;
  const suffix = files > 10_000 ? '_large' : '';
  return [
    figure(`worktree${suffix}`, `a worktree for an attempt ${name} against git worktree add`, {
      ours: rounds.map(({ setUp }) => setUp),
      bare: rounds.map(({ add }) => add),
      target: targetOf(stage, { atMost: files > 10_000 ? 1.1 : 1.3 }),
    }),
    figure(`worktree_end${suffix}`, `its end without changes ${name} against git worktree remove`, {
      ours: rounds.map(({ end }) => end),
      bare: rounds.map(({ remove }) => remove),
      target: null,
    }),
  ];
}

async function bareRound(repo: string): Promise<Pick<Round, 'add' | 'remove'>> {
  const plain = `${repo}-plain`;
  const words = ['worktree', 'add', '--quiet', '-b', 'plain', plain, 'HEAD'];
  const add = await timed(async () => void git(repo, ...words));
  const remove = await timed(async () => void git(repo, 'worktree', 'remove', '--force', plain));
  git(repo, 'branch', '-D', '--quiet', 'plain');
  return { add, remove };
}

async function ownRound(repo: string, index: number): Promise<Pick<Round, 'setUp' | 'end'>> {
  const folder = `${repo}-worktrees`;
  const settings = worktreeSettings({ min_free_bytes: 0 });
  const owner = { task: 'BENCH', index, attempt: 1 };
  const begun = performance.now();
  const { name, before, checkout } = await makeWorktree(folder, repo, owner, settings, Date.now());
  await before;
  await markStarted(folder, name, false, Date.now());
  const setUp = performance.now() - begun;
  const end = await timed(() =>
    Promise.all([closeWorktree(folder, name), stateOf(checkout.top, checkout.common)]),
  );
  return { setUp, end };
}

function figure(
  id: string,
  name: string,
  given: {
    readonly ours: readonly number[];
    readonly bare: readonly number[];
    readonly target: Target | null;
  },
): Figure {
  const { ours, bare, target } = given;
  const spread = spreadOf(ours.map((ms, i) => ms / bare[i]!));
  const itself = spreadOf(bare.map(ms => ms / spreadOf(bare).median));
  return {
    ...{ id, name, value: spread.median, unit: '×', better: 'lower', spread, target },
    probes: [{ name: 'git against itself', value: 1, spread: itself }],
    details: { ours_ms: spreadOf(ours).median, git_ms: spreadOf(bare).median },
  };
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
