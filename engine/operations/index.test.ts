import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { COMMANDS, loadOperations, REPORTS } from './index.ts';

const HERE = new URL('./', import.meta.url);
const { commands, reports, all } = await loadOperations();

describe('the list of operations', () => {
  it('lists each under its own name', () => {
    assert.deepEqual(
      commands.map(({ name }) => name),
      Object.keys(COMMANDS),
    );
    assert.deepEqual(
      reports.map(({ name }) => name),
      Object.keys(REPORTS),
    );
  });

  it('has each in a file of its name, except the task verbs', () => {
    const fileOf = (name: string): string => `${name.replaceAll('.', '-')}.ts`;
    const own = (folder: string, names: readonly string[]): string[] =>
      names.map(fileOf).filter(file => existsSync(new URL(`${folder}/${file}`, HERE)));
    const files = (folder: string): string[] => readdirSync(new URL(folder, HERE)).sort();
    assert.deepEqual(
      files('commands'),
      [...own('commands', Object.keys(COMMANDS)), 'task-actions.ts'].sort(),
    );
    assert.deepEqual(files('reports'), own('reports', Object.keys(REPORTS)).sort());
  });

  it('offers each at its own route', () => {
    const routes = all.map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(routes).size, routes.length);
  });

  it('loads neither the rules nor the log', () => {
    for (const folder of ['commands/', 'reports/', './'])
      for (const file of readdirSync(new URL(folder, HERE)).filter(name => /(?<!\.test)\.ts$/.test(name)))
        for (const [line] of readFileSync(new URL(folder + file, HERE), 'utf8').matchAll(
          /^import (?!type )[^;]*;/gm,
        ))
          assert.doesNotMatch(line, /\/(?:domain|log)\//, file);
  });
});
