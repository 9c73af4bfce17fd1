import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import ts from 'typescript';

/** Checks the words of what a person reads first: the commands of every day, plans, and the errors of both. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const READ_FIRST = [
  ...['run', 'render/runs.ts', 'render/error.ts', 'program.ts', 'context.ts', 'plans.ts', 'subtasks.ts'],
  ...['run', 'rerun', 'retry', 'runs', 'output', 'archive', 'status', 'doctor'].map(
    verb => `verbs/${verb}.ts`,
  ),
  'verbs/plan',
].map(path => `engine/cli/${path}`);
const PLANS_AND_ERRORS = ['engine/plan', 'engine/client', 'engine/domain/join', 'engine/domain/commands'];
const WAITS = ['engine/domain/policy', 'engine/domain/views/hold-words.ts'];

/** The engine's words. `losers` is a key of plans, and `round-robin` a target. */
const ENGINE_WORDS =
  /\b(?:predicates?|unsatisfiable|census|losers?(?!:)|rounds?(?!-)|DIDs?|threads?(?! of (?:its records|the coordinator)))\b/;

/** The command group `thread`, and the heads of its help. */
const NAMED = /^(?:Read, save and restore the records of threads)$/;

describe('what a person reads first', () => {
  it('has none of the words that only the engine has', () => {
    const files = [...READ_FIRST, ...PLANS_AND_ERRORS, ...WAITS].flatMap(filesAt);
    assert.ok(files.length > 80, `${files.length} files`);
    assert.deepEqual(files.flatMap(faultsIn), []);
  });
});

function filesAt(path: string): readonly string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('testing/'))
    .map(name => join(path, name));
}

function faultsIn(file: string): readonly string[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(ROOT, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isLiteralTypeNode(node)) return;
    // One word is a key, a topic or a value; people read sentences.
    if (isText(node) && /\S\s|\s\S/.test(node.text) && ENGINE_WORDS.test(node.text) && !NAMED.test(node.text))
      faults.push(`${file}: ${node.text}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return faults;
}

const isText = (node: ts.Node): node is ts.LiteralLikeNode =>
  ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
