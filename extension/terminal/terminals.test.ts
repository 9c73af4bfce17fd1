import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import { task, THREAD, WORKER_A_DID } from '../../engine/cli/testing/documents.ts';
import { editor, part } from '../../test/stubs/vscode.ts';
import type { RevealedRef } from '../targets.ts';
import { useEditor } from '../testing/editor.ts';
import { useModel } from '../testing/model.ts';
import { splEnvironment, terminalEnvironment, type SplEnvironment } from './environment.ts';
import { terminalLinks } from './links.ts';
import { splTerminal } from './profile.ts';

const ENVIRONMENT: SplEnvironment = {
  SPL_NODE: '/node',
  SPL_PROGRAM: '/program/spl',
  SYNCROPEL_HOME: '/home/ada/.syncro',
  bin: '/storage/bin',
};

describe('spl in terminals', () => {
  useEditor();

  it('is started by a launcher that needs no Node.js of the user', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spl-launcher-'));
    await writeFile(join(folder, 'spl'), 'console.log(process.argv.slice(2).join())');
    const bin = join(folder, 'bin');
    await splEnvironment(bin, folder, '/home/ada/.syncro');
    // An earlier version left the file without a mode; it is written again.
    await chmod(join(bin, 'spl'), 0o600);
    const environment = await splEnvironment(bin, folder, '/home/ada/.syncro');
    assert.equal((await stat(join(bin, 'spl'))).mode & 0o777, 0o755);
    const { SPL_NODE, SPL_PROGRAM } = environment;
    const printed = execFileSync('/bin/sh', [join(bin, 'spl'), 'fleet', 'a b'], {
      env: { PATH: '/nothing', SPL_NODE, SPL_PROGRAM },
      encoding: 'utf8',
    });
    assert.equal(printed, 'fleet,a b\n');
    await rm(folder, { recursive: true });
  });

  describe('of every kind', () => {
    let variables: Record<string, string>;
    let listening: vscode.Disposable;
    let collection: vscode.EnvironmentVariableCollection;
    beforeEach(() => {
      variables = {};
      collection = part<vscode.EnvironmentVariableCollection>('EnvironmentVariableCollection', {
        persistent: true,
        description: undefined,
        clear: () => (variables = {}),
        replace: (name, value) => void (variables[name] = value),
        prepend: (name, value) => void (variables[name] = `${value}…`),
      });
      listening = terminalEnvironment(collection, ENVIRONMENT);
    });
    afterEach(() => {
      listening.dispose();
    });

    it('works on the fleet of the window, without being kept for the next one', () => {
      assert.deepEqual(variables, {
        SPL_NODE: '/node',
        SPL_PROGRAM: '/program/spl',
        SYNCROPEL_HOME: '/home/ada/.syncro',
        PATH: '/storage/bin:…',
      });
      assert.equal(collection.persistent, false);
    });

    it('works in the namespace of the workspace, while it has a valid one', () => {
      editor.settings.set('fleet.namespace', 'acme', 2);
      assert.equal(variables['SPL_NAMESPACE'], 'acme');
      editor.settings.set('fleet.namespace', 'Acme', 2);
      assert.ok(!('SPL_NAMESPACE' in variables));
    });

    it('is not there once the integration is turned off, but in the terminal made for it', () => {
      editor.settings.set('fleet.terminal.integration', false);
      assert.deepEqual(variables, {});
      editor.settings.set('fleet.namespace', 'acme', 2);
      const { name, env } = splTerminal(ENVIRONMENT);
      assert.equal(name, 'spl');
      assert.match(env?.['PATH'] ?? '', /^\/storage\/bin:/);
      assert.deepEqual([env?.['SYNCROPEL_HOME'], env?.['SPL_NAMESPACE']], ['/home/ada/.syncro', 'acme']);
      editor.settings.set('fleet.terminal.integration', undefined);
      assert.equal(variables['SPL_NODE'], '/node');
    });
  });
});

describe('links in terminals', () => {
  const on = useModel();
  let opened: RevealedRef[];
  let links: ReturnType<typeof terminalLinks>;
  beforeEach(async () => {
    opened = [];
    links = terminalLinks(on.window.model, async subject => void opened.push(subject));
    await on.window.has({ tasks: { tasks: [task()] } });
  });

  const found = (line: string): readonly vscode.TerminalLink[] =>
    links.provideTerminalLinks(
      { line } as vscode.TerminalLinkContext,
      undefined as never,
    ) as vscode.TerminalLink[];

  it('are the names that this fleet knows, at their places', async () => {
    const line = `FIRST-001 (${THREAD}) on worker-a, ${WORKER_A_DID}; not FIRST-002.`;
    assert.deepEqual(
      found(line).map(({ startIndex, length, tooltip }) => [
        line.slice(startIndex, startIndex + length),
        tooltip,
      ]),
      [
        ['FIRST-001', 'Show in Fan-Outs'],
        [THREAD, 'Show in Fan-Outs'],
        ['worker-a', 'Show in Instances'],
        [WORKER_A_DID, 'Show in Instances'],
      ],
    );
    for (const link of found(line)) await links.handleTerminalLink(link as never);
    assert.deepEqual(opened.slice(1, 3), [
      { kind: 'task', thread: THREAD },
      { kind: 'instance', did: WORKER_A_DID },
    ]);
  });

  it('are none in very long lines, while no engine answers, or if they are turned off', () => {
    assert.deepEqual(found(`FIRST-001 ${'x'.repeat(2000)}`), []);
    editor.settings.set('fleet.terminal.integration', false);
    assert.deepEqual(found('FIRST-001'), []);
    editor.settings.set('fleet.terminal.integration', true);
    assert.equal(found('FIRST-001').length, 1);
    on.window.session.none();
    assert.deepEqual(found('FIRST-001'), []);
  });
});
