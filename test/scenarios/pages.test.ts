import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { sampled } from '../runs.ts';
import { blocksIn, type Block } from '../rules/markdown.ts';
import { PAGES } from '../rules/pages.ts';
import { BIN, ended, scenario, type Scenario } from '../harness/fleet.ts';
import { shows } from './transcript.ts';

/**
 * Runs the pages for users as a reader would, in a git repository with a few scripts. Each block with a file's name is
 * written to that file, and each `console` block is typed, in the order of the page. A page that starts no fleet gets
 * one with two workers. `…` stands for omitted lines; ids, ports and times may differ.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Stand-ins for programs that a machine may lack. */
const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url));
/** Tests require no free space. */
const WORKTREES = ['[worktree]', 'min_free_bytes = 0'];
const PATH = [BIN, PROGRAMS, dirname(process.execPath), process.env['PATH']].join(delimiter);

describe('the commands of the pages', function () {
  this.timeout(180_000);

  // Each page takes seconds, so a run types some of them, and the next run others.
  for (const page of sampled(PAGES, 5)) {
    it(
      `print what the page shows, with the stated exit codes: ${page}`,
      scenario({ env: { PATH }, fleet: WORKTREES }, async fleet => {
        const blocks = blocksIn(readFileSync(join(ROOT, page), 'utf8'));
        const typed = blocks.filter(({ language }) => language === 'console');
        assert.ok(typed.length > 0, 'the page shows no command');
        await furnish(fleet);
        if (!typed.some(({ text }) => /^\$ spl fleet start/m.test(text))) await fleet.startFleet(2);
        for (const block of blocks) await follow(fleet, block);
        await rm(usersHome(fleet));
      }),
    );
  }
});

// --- where the reader types --------------------------------------------------------------------------------------

const SCRIPTS = { lint: 'echo linted', test: 'echo tested', typecheck: 'echo checked' };

/** Makes a repository with a commit, and the home that pages call `~/.syncro`. */
async function furnish(fleet: Scenario): Promise<void> {
  const git = (...words: readonly string[]): void => {
    execFileSync('git', [
      '-C',
      fleet.cwd,
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.org',
      ...words,
    ]);
  };
  git('init', '--quiet', '--initial-branch=main');
  await fleet.write('package.json', JSON.stringify({ name: 'example', scripts: SCRIPTS }));
  git('add', '--all');
  git('commit', '--quiet', '--message', 'first');
  await symlink(fleet.home, usersHome(fleet));
}

const usersHome = (fleet: Scenario): string => join(fleet.env['HOME']!, '.syncro');

// --- what the page says ------------------------------------------------------------------------------------------

interface Step {
  readonly command: string;
  readonly shown: readonly string[];
}

async function follow(fleet: Scenario, { language, file, text }: Block): Promise<void> {
  if (file !== '' && file !== 'config.toml') await fleet.write(file, text);
  if (language !== 'console') return;
  const steps = stepsIn(text);
  const ends = await typeIn(
    fleet,
    steps.map(({ command }) => command),
  );
  for (const [i, step] of steps.entries()) check(step, ends[i]);
}

/**
 * Returns the commands of a block, each with the lines below it. A backslash at the end of a line continues a command.
 */
function stepsIn(text: string): Step[] {
  return text
    .replaceAll('\\\n', '')
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      return { command, shown: lines.filter(line => line.trim() !== '…' && line.trim() !== '') };
    });
}

interface End {
  readonly code: number;
  readonly output: string;
}

/** Types commands into one shell. @returns the end of each */
async function typeIn(fleet: Scenario, commands: readonly string[]): Promise<End[]> {
  const port = /:(\d+)$/.exec((await endpoint(fleet)) ?? '')?.[1] ?? '9100';
  const script = commands
    .map(command => `{ ${command.replace(/(localhost|127\.0\.0\.1):9100/g, `$1:${port}`)}\n} 2>&1\n`)
    .join(`printf '${MARK}%d\\n' $?\n`);
  const env = { ...fleet.env, npm_config_cache: fleet.at('.npm') };
  const child = spawn('/bin/sh', ['-c', `${script}printf '${MARK}%d\\n' $?`], { cwd: fleet.cwd, env });
  const { out } = await ended(child, BLOCK_MS);
  return [...out.matchAll(new RegExp(`([^]*?)${MARK}(\\d+)\n`, 'g'))].map(([, output, code]) => ({
    code: Number(code),
    output: output!,
  }));
}

/** The time limit for all commands of a block together. */
const BLOCK_MS = 120_000;
const MARK = '\u0001ended ';

async function endpoint(fleet: Scenario): Promise<string | null | undefined> {
  const { code, out } = await fleet.spl('fleet', 'list', '--json');
  if (code !== 0) return undefined;
  const { instances } = JSON.parse(out) as { instances: { role: string; endpoint: string | null }[] };
  return instances.find(({ role }) => role === 'coordinator')?.endpoint;
}

function check({ command, shown }: Step, end: End | undefined): void {
  assert.ok(end !== undefined, `'${command}' did not end`);
  const { code, output } = end;
  const said = /# .*\bends with (\d+)/.exec(command)?.[1];
  const isRefused = shown.some(line => line.startsWith('error: '));
  const isAsSaid = said === undefined ? (code !== 0) === isRefused : code === Number(said);
  assert.ok(isAsSaid, `'${command}' ended with ${code}:\n${output}`);
  const patterns = shown.map(patternOf);
  // Concurrent subtasks end in any order.
  const isAnywhere = (line: string): boolean => line.startsWith('✓ [');
  for (const line of patterns.filter(isAnywhere)) shows(output, [line]);
  shows(
    output,
    patterns.filter(line => !isAnywhere(line)),
  );
}

/** Returns a line with variable values replaced. */
function patternOf(line: string): string {
  return line
    .replace(/did:sync:instance:[0-9a-f]{16}/g, '‹did›')
    .replace(/\bth_[0-9a-f]{64}\b/g, '‹th›')
    .replace(/\bPID \d+/g, 'PID ‹n›')
    .replace(/:\d{4}\b/g, ':‹n›')
    .replace(/\(home=[^)]*\)/g, '(home=‹path›)')
    .replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '‹time›')
    .replace(/\b\d+(?:\.\d+)?m?s\b/g, '‹duration›')
    .replace(/\b\d+\.\d\d×/g, '‹ratio›×')
    .replace(/\b\d+%/g, '‹n›%');
}
