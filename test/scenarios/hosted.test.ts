import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { on } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { after, before, describe, it } from 'mocha';
import { installProgram } from '../../engine/home/program.ts';
import { HEAP_FLAGS } from '../../engine/runtime/heap.ts';
import { BIN, echoes, ended, isThere, scenario, type Scenario } from '../harness/fleet.ts';

/** The variables that an editor's extension host on a server inherits, and that no process of ours may inherit. */
const EDITOR = {
  VSCODE_ESM_ENTRYPOINT: 'vs/workbench/api/node/extensionHostProcess',
  VSCODE_HANDLES_UNCAUGHT_ERRORS: 'true',
  VSCODE_IPC_HOOK_CLI: '/run/vscode-ipc.sock',
  NODE_OPTIONS: '--no-deprecation',
};

/** The path of the built `host.ts`. */
let hostFile = '';

/** A process that hosts the coordinator. */
class EditorHost {
  readonly process: ChildProcess;
  readonly end: ReturnType<typeof ended>;
  readonly #messages: AsyncIterator<unknown[]>;

  constructor(fleet: Scenario, program: string) {
    const options = { execArgv: ['--max-old-space-size=300'], ipc: true };
    this.process = fleet.startProgram(hostFile, [program], EDITOR, options);
    this.end = ended(this.process, 120_000);
    this.#messages = on(this.process, 'message');
  }

  /** Returns its next message. */
  async heard(): Promise<Record<string, unknown>> {
    const { value } = (await this.#messages.next()) as { value: [Record<string, unknown>] };
    return value[0];
  }

  /** Returns its next message, which must not be an error. */
  async said(): Promise<Record<string, unknown>> {
    const message = await this.heard();
    assert.equal(message['error'], undefined, String(message['error']));
    return message;
  }

  ask(act: 'open' | 'close' | 'quit' | 'block', argument = ''): Promise<Record<string, unknown>> {
    this.process.send({ act, argument });
    return this.said();
  }
}

async function hosted(fleet: Scenario): Promise<{ host: EditorHost; program: string }> {
  const program = await installProgram(BIN, fleet.at('program'));
  const host = new EditorHost(fleet, program);
  const { before, after } = await host.ask('open');
  assert.deepEqual(after, before, 'it listens to no event of its process');
  return { host, program };
}

describe('a coordinator in an editor’s process', function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-host-'));
    hostFile = join(folder, 'host.cjs');
    const entry = fileURLToPath(new URL('./host.ts', import.meta.url));
    await build({
      entryPoints: [entry],
      outfile: hostFile,
      bundle: true,
      platform: 'node',
      target: 'node20',
    });
  });
  after(() => rm(folder, { recursive: true }));

  it(
    'runs fan-outs from an installed program; workers and commands inherit nothing of the editor',
    scenario({}, async fleet => {
      const { host, program } = await hosted(fleet);
      const { instances, spawned } = await fleet.startFleet(2);
      assert.equal(instances[0]!.pid, host.process.pid);
      for (const { pid } of spawned) {
        const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
        const expected = [process.execPath, ...HEAP_FLAGS, join(program, 'worker.js')];
        assert.deepEqual(words.slice(0, expected.length), expected);
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
        for (const name of Object.keys(EDITOR)) assert.ok(!environment.includes(`${name}=`), name);
      }
      const run = 'env | grep -E "^(VSCODE_|NODE_OPTIONS|ELECTRON_)" | wc -l';
      await fleet.fanOut('HOSTED', [{ goal: 'looks', run, executor: 'shell' }, ...echoes(6)]);
      const { outcome, children } = await fleet.joined('HOSTED');
      assert.deepEqual([outcome, children[0]!.summary?.trim()], ['satisfied', '0']);
      const query = await fleet.json('query', 'SELECT count(*) FROM records');
      assert.ok((query['rows'] as number[][])[0]![0]! > 0, 'the index is found beside it');

      assert.deepEqual((await host.ask('close'))['closed'], true);
      await host.ask('quit');
      assert.deepEqual(
        await host.end,
        { code: 0, out: '', err: '' },
        'it ends by itself, and nothing was printed',
      );
      for (const { pid } of spawned) assert.ok(isThere(pid), 'the workers go on');
      assert.equal((await fleet.startFleet(2)).adopted.length, 2);
    }),
  );

  it(
    'leaves its workers alive when that process is killed, and they are adopted',
    scenario({ echoMs: 200 }, async fleet => {
      const { host } = await hosted(fleet);
      const { spawned } = await fleet.startFleet(2);
      await fleet.fanOut('KILLED', echoes(12));
      await fleet.joinWhen('KILLED', 'some are done', ({ completed }) => completed >= 2);
      await fleet.kill(host.process.pid!);
      for (const { pid } of spawned) assert.ok(isThere(pid));
      const { adopted, resumed } = await fleet.startFleet(2);
      assert.deepEqual([adopted.length, resumed.length], [2, 1]);
      assert.equal((await fleet.joined('KILLED')).counts.accepted, 12);
      for (const { pid } of spawned) assert.ok(isThere(pid));
    }),
  );

  it(
    'continues while the event loop of that process is blocked',
    scenario({}, async fleet => {
      const { host } = await hosted(fleet);
      await fleet.startFleet(2);
      const goOn = fleet.at('go-on');
      assert.deepEqual(await host.ask('block', goOn), { blocks: true });
      await fleet.fanOut('BLOCKED', echoes(6));
      assert.equal((await fleet.joined('BLOCKED')).counts.accepted, 6);
      await writeFile(goOn, '');
      assert.deepEqual(await host.said(), { goesOn: true });
      await fleet.kill(host.process.pid!);
    }),
  );

  it(
    'is refused the home of another, and opens it after that released it',
    scenario({}, async fleet => {
      const { host, program } = await hosted(fleet);
      const second = new EditorHost(fleet, program);
      assert.deepEqual(await second.ask('open'), { refused: 'LEASE_HELD' });
      assert.equal((await host.ask('close'))['closed'], true);
      assert.equal((await second.ask('open'))['opened'], true);
      for (const { process } of [host, second]) await fleet.kill(process.pid!);
    }),
  );

  it(
    'reports why it cannot go on when its home is removed',
    scenario({}, async fleet => {
      const { host } = await hosted(fleet);
      await rename(fleet.home, fleet.at('elsewhere'));
      const heard: string[] = [];
      for (let word = await host.heard(); ; word = await host.heard()) {
        heard.push(String(word['error'] ?? word['cause']));
        if (word['stopped'] === true) break;
      }
      assert.match(heard.at(-1)!, /^the home '.*' was removed/);
      await host.ask('quit');
      assert.equal((await host.end).code, 0);
      return { damaged: true };
    }),
  );

  it(
    'stops on request of a terminal, while that process continues and is never signalled',
    scenario({}, async fleet => {
      const { host } = await hosted(fleet);
      await fleet.startFleet(1);
      const stopping = fleet.spl('fleet', 'stop', '--all', '--grace', '0');
      assert.deepEqual((await host.said())['stopped'], true);
      const { code, out } = await stopping;
      assert.equal(code, 0);
      assert.match(out, /coordinator stopped/);
      assert.equal((await fleet.spl('serve', '--status')).code, 5);
      // The process still works, and may host the home again.
      assert.equal((await host.ask('open'))['opened'], true);
      assert.equal((await fleet.startFleet(1)).instances[0]!.pid, host.process.pid);
      const again = fleet.spl('fleet', 'stop', '--all');
      assert.deepEqual((await host.said())['stopped'], true);
      assert.equal((await again).code, 0);
      await host.ask('quit');
      assert.equal((await host.end).code, 0);
    }),
  );
});
