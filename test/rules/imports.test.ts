import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Linter } from 'eslint';
import { before, describe, it } from 'mocha';
import tseslint from 'typescript-eslint';

/** Runs the linter's own rules, as `eslint.config.mjs` sets them, on files with and without violations. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HOUSE_RULES = ['rooms/directions', 'no-restricted-imports', 'no-restricted-syntax'];

describe('the directions of imports and the purity of the rules (I43)', () => {
  let rooms: Record<string, readonly string[]>;
  let modules: Record<string, readonly string[]>;
  let neighbours: Record<string, readonly string[]>;
  let configs: Linter.Config[];

  before(async () => {
    const house = (await import(new URL('../../eslint.config.mjs', import.meta.url).href)) as {
      rooms: Record<string, readonly string[]>;
      modules: Record<string, readonly string[]>;
      neighbours: Record<string, readonly string[]>;
      default: Linter.Config[];
    };
    ({ rooms, modules, neighbours } = house);
    configs = [
      { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } },
      ...house.default.map(withoutTypes),
    ];
  });

  const refusalsOf = (file: string, code: string): string[] =>
    new Linter({ cwd: ROOT })
      .verify(code, configs, { filename: join(ROOT, file) })
      .map(({ message }) => message);

  const refused = (file: string, code: string): void =>
    assert.equal(refusalsOf(file, code).length, 1, `${file} may say: ${code}`);
  const allowed = (file: string, code: string): void =>
    assert.deepEqual(refusalsOf(file, code), [], `${file}: ${code}`);

  it('let each room import only what its row allows', () => {
    const all = Object.keys(rooms);
    for (const [room, may] of Object.entries(rooms)) {
      for (const other of [...all, 'bin']) {
        const check = other === room || may.includes(other) ? allowed : refused;
        check(`engine/${room}/made-up.ts`, `import { x } from '../${other}/made-up.ts'; x();`);
        check(`engine/${room}/deep/er/made-up.ts`, `export * from '../../../${other}/made-up.ts';`);
        check(`engine/${room}/made-up.ts`, `void import('../${other}/made-up.ts');`);
      }
      allowed(`engine/${room}/made-up.ts`, `import { FleetError } from '../errors.ts'; FleetError();`);
      refused(`engine/${room}/made-up.ts`, `import { x } from '../made-up.ts'; x();`);
    }
  });

  it('let the rooms beside the engine import only what their rows allow', () => {
    const folders = [...Object.keys(rooms), 'bin'].map(room => `engine/${room}/`);
    const others = Object.keys(neighbours).flatMap(name => (name === 'engine' ? folders : [`${name}/`]));
    for (const [name, may] of Object.entries(neighbours)) {
      const file = name === 'engine' ? 'engine/domain/made-up.ts' : `${name}/made-up/made-up.ts`;
      const imports = (path: string): string =>
        `import { x } from '../../${path.endsWith('/') ? `${path}made-up.ts` : path}'; x();`;
      for (const path of may) allowed(file, imports(path));
      for (const path of others)
        if (!may.includes(path) && !path.startsWith(`${name}/`)) refused(file, imports(path));
    }
  });

  it('have a row for every room but the entries', () => {
    const folders = readdirSync(join(ROOT, 'engine'), { withFileTypes: true }).filter(entry =>
      entry.isDirectory(),
    );
    const names = folders.map(({ name }) => name).filter(name => name !== 'bin' && name !== 'decisions');
    assert.deepEqual(Object.keys(rooms).sort(), names.sort());
  });

  it('let each module of the rules import only what its row allows', () => {
    for (const [module, may] of Object.entries(modules))
      for (const other of Object.keys(modules)) {
        const check = other === module || may.includes(other) ? allowed : refused;
        check(`engine/domain/${module}/made-up.ts`, `import { x } from '../${other}/made-up.ts'; x();`);
      }
  });

  it('have no cycles, types included', () => {
    for (const folder of ['engine', 'extension', 'webview']) assert.deepEqual(circlesIn(folder), [], folder);
  });

  it('keep the parts of the log apart', () => {
    refused('engine/log/memory/made-up.ts', `export * from '../file/made-up.ts';`);
    refused('engine/log/file/made-up.ts', `export * from '../memory/made-up.ts';`);
    refused('engine/log/file/made-up.ts', `export * from '../index/made-up.ts';`);
    allowed('engine/log/index/made-up.ts', `export * from '../file/made-up.ts';`);
  });

  it('leave tests free', () => {
    allowed('engine/record/made-up.test.ts', `import { x } from '../runtime/made-up.ts'; x();`);
  });

  it('let the environment set the runs of each property', () => {
    refused('engine/domain/made-up.test.ts', 'fc.assert(property);');
    refused('test/conformance/made-up.ts', 'fc.assert(property, { numRuns: 500 });');
    allowed('engine/domain/made-up.test.ts', 'fc.assert(property, { numRuns: runs(500) });');
  });

  it('keep the editor out of the engine', () => {
    refused('engine/runtime/made-up.ts', `import type { Uri } from 'vscode'; export type A = Uri;`);
    refused('engine/domain/made-up.ts', `import * as vscode from 'vscode'; vscode.x();`);
  });

  it('keep time, chance and waiting out of the rules', () => {
    for (const code of [
      'export const now = Date.now();',
      'export const now = new Date();',
      'export const x = Math.random();',
      'export const x = (): Promise<void> => wait();',
    ]) {
      refused('engine/domain/made-up.ts', code);
      refused('engine/plan/made-up.ts', code);
      allowed('engine/runtime/made-up.ts', code);
    }
    allowed('engine/domain/made-up.ts', 'export const then = (at: number): Date => new Date(at);');
  });

  it('keep files, sockets and processes out of the rules', () => {
    for (const module of [
      'node:fs',
      'node:fs/promises',
      'node:net',
      'node:http',
      'node:child_process',
      'node:timers',
    ]) {
      refused('engine/domain/made-up.ts', `import * as x from '${module}'; x.y();`);
      allowed('engine/runtime/made-up.ts', `import * as x from '${module}'; x.y();`);
    }
  });
});

/** Finds import cycles in the sources of a folder. Each inner list is one cycle. */
function circlesIn(folder: string): string[][] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map(name => join(ROOT, folder, name))
    .filter(file => file.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(file));
  const imports = new Map(files.map(file => [file, importsOf(file)]));
  const [done, path, circles] = [new Set<string>(), [] as string[], [] as string[][]];
  const visit = (file: string): void => {
    if (path.includes(file)) circles.push(path.slice(path.indexOf(file)).map(each => relative(ROOT, each)));
    if (done.has(file)) return;
    done.add(file);
    path.push(file);
    for (const next of imports.get(file) ?? []) visit(next);
    path.pop();
  };
  files.forEach(visit);
  return circles;
}

/** Returns the files of the repository that a source imports or exports from. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)].map(([, name]) =>
    resolve(dirname(file), name!),
  );
}

/** Returns the entry with only the project's own rules, which need no types and so no program. */
function withoutTypes({ rules = {}, plugins, files, ignores }: Linter.Config): Linter.Config {
  const kept = Object.fromEntries(Object.entries(rules).filter(([name]) => HOUSE_RULES.includes(name)));
  return {
    ...(files === undefined ? {} : { files }),
    ...(ignores === undefined ? {} : { ignores }),
    ...(plugins === undefined ? {} : { plugins }),
    rules: kept,
  };
}
