import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before, describe, it } from 'mocha';
import ts from 'typescript';

/**
 * Checks that only one module has each effect: the process table, waiting without an event, git, a repository's lock.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Effect {
  readonly name: string;
  /** Returns true if a piece of code has the effect. */
  readonly isIn: (source: ts.SourceFile) => boolean;
  /** The sources to check; all by default. */
  readonly held?: RegExp;
  /** The files that may have the effect, each with the reason. */
  readonly places: Readonly<Record<string, string>>;
  /** Examples of code with and without the effect. */
  readonly offends: readonly string[];
  readonly passes: readonly string[];
}

const EFFECTS: readonly Effect[] = [
  {
    name: 'the process table is read',
    isIn: source =>
      textsOf(source).some(text => /\/proc(?:\/(?!self\/|sys\/)|$)/.test(text) || /^ps$/.test(text)),
    places: {
      'engine/system/process-table.ts': 'the reader',
      'engine/runtime/processes/guarded-group.ts': 'the guard, a shell script that outlives this process',
      'engine/runtime/processes/launcher-script.ts':
        'the launcher, a Perl program that outlives this process',
    },
    offends: ["readdirSync('/proc');", 'readFileSync(`/proc/${pid}/stat`);', "execFileSync('ps', ['-A']);"],
    passes: ["readFileSync('/proc/self/cgroup');", '/** Reads `/proc/1/stat`. */ const ps = 1;'],
  },
  {
    name: 'a loop waits for a process to end',
    isIn: source => loopsIn(source).some(loop => callsIn(loop).some(name => LIFE.has(name))),
    places: {},
    offends: [
      'while (isAlive(pid, start)) await delay(5);',
      'for (;;) { if (processStart(pid) === null) return; await pause(); }',
    ],
    passes: ['await waitUntilGone(id, 5); for (const pid of pids) sendSignal(pid, "SIGTERM");'],
  },
  {
    name: 'a loop pauses',
    // Clients pause before they connect again.
    held: /^engine\/(?!api\/|client\/|cli\/|http\/)/,
    isIn: source => {
      const pauses = pausesOf(source);
      return loopsIn(source).some(loop => callsIn(loop).some(name => pauses.has(name)));
    },
    places: {
      'engine/system/wait.ts': 'the wait for a condition without an event',
      'engine/bin/hang.ts': 'asks a silent engine for its health',
      'engine/runtime/coordinator/shared-threads.ts': 'rests between two writes of a busy thread',
    },
    offends: [
      "import { setTimeout as delay } from 'node:timers/promises'; while (isBusy()) await delay(10);",
      'for (;;) await new Promise(resolve => setTimeout(resolve, 10));',
    ],
    passes: ["import { setTimeout as delay } from 'node:timers/promises'; await delay(10); while (a) b();"],
  },
  {
    name: 'git is started',
    isIn: source =>
      textsOf(source).some(text => /^\s*exec git /m.test(text)) ||
      source.text.search(/\b(?:spawn|exec|run)\w*\(\s*['"`]git\b/) !== -1,
    places: { 'engine/runtime/git/git.ts': 'runs git behind a guard' },
    offends: ["spawn('git', ['status']);", "execFileSync('git', []);", 'exec(`git status`);'],
    passes: ["await git(dir, 'status');"],
  },
  {
    name: "a repository's lock is taken",
    isIn: source => textsOf(source).some(text => text.includes('spl-worktrees.lock')),
    places: { 'engine/runtime/git/repository-lock.ts': 'the lock' },
    offends: ["open(join(common, 'spl-worktrees.lock'), 'wx');"],
    passes: ['await withRepositoryLock(common, work);'],
  },
];

/** The functions that check whether a process runs. */
const LIFE = new Set(['isAlive', 'processStart', 'isRunning']);

describe('effects have one module each', () => {
  const sources = new Map<string, ts.SourceFile>();
  before(() => {
    for (const file of ['engine', 'extension', 'webview'].flatMap(sourcesUnder))
      sources.set(file, parsed(file, readFileSync(join(ROOT, file), 'utf8')));
  });

  for (const { name, isIn, held = /^/, places, offends, passes } of EFFECTS) {
    it(`${name} only where it may be`, () => {
      const found = [...sources]
        .filter(([file, source]) => held.test(file) && isIn(source))
        .map(([file]) => file);
      assert.deepEqual(found.sort(), Object.keys(places).sort());
    });

    it(`${name}: the rule knows it`, () => {
      for (const code of offends) assert.ok(isIn(parsed('made-up.ts', code)), code);
      for (const code of passes) assert.ok(!isIn(parsed('made-up.ts', code)), code);
    });
  }
});

/** Returns the product's sources, without tests and test helpers. */
function sourcesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map(name => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter(file => file.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(file));
}

function parsed(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/** Returns the node and all nodes below it. */
function nodesOf(node: ts.Node): readonly ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (each: ts.Node): void => {
    found.push(each);
    each.forEachChild(visit);
  };
  visit(node);
  return found;
}

/** Returns the texts in quotes or backticks, without comments. */
function textsOf(source: ts.SourceFile): string[] {
  return nodesOf(source).flatMap(node =>
    ts.isLiteralExpression(node) || ts.isTemplateHead(node) ? [node.text] : [],
  );
}

/** Returns the loops with condition and body, except loops over a list. */
function loopsIn(source: ts.SourceFile): ts.Node[] {
  return nodesOf(source).filter(
    node =>
      ts.isIterationStatement(node, false) &&
      !(ts.isForOfStatement(node) && node.awaitModifier === undefined),
  );
}

/** Returns the names of the functions that a node calls. */
function callsIn(node: ts.Node): string[] {
  return nodesOf(node).flatMap(each =>
    ts.isCallExpression(each) && ts.isIdentifier(each.expression) ? [each.expression.text] : [],
  );
}

/** Returns the names with which a source pauses: `setTimeout`, and imports of it under other names. */
function pausesOf(source: ts.SourceFile): ReadonlySet<string> {
  const names = nodesOf(source).flatMap(node =>
    ts.isImportSpecifier(node) && node.propertyName?.text === 'setTimeout' ? [node.name.text] : [],
  );
  return new Set(['setTimeout', ...names]);
}
