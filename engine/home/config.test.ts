import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { parseConfig, readConfig } from './config.ts';

const refusal = (text: string): FleetError => {
  try {
    parseConfig(text, 'config.toml');
  } catch (error) {
    assert.ok(FleetError.is(error, 'HOME_INVALID'));
    return error;
  }
  return assert.fail(`accepted: ${text}`);
};

describe('config.toml', () => {
  let folder: string;
  beforeEach(async () => (folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-config-'))));
  afterEach(() => fs.rm(folder, { recursive: true }));

  it('is decoded, every key of it', () => {
    const config = parseConfig(
      `[identity]
       actor = "did:sync:user:ada"
       display_name = "Ada"
       [server]
       host = "127.0.0.1"
       port = 9300
       [fleet]
       coordinator_url = "http://127.0.0.1:9100/"
       heartbeat_interval_secs = 0.25
       advertised_endpoint = "http://127.0.0.1:9201"
       executor = "shell"
       slots = 4
       worker_idle_exit_secs = 30
       output_cap_bytes = 1024
       [worktree]
       dirty = "carry"
       include = [".env"]
       setup = "npm ci"
       escape = "note"
       min_free_bytes = 0
       timeout_secs = 60
       [agents.reviewer]
       command = ["review", "{prompt_file}"]
       resume = ["review", "--resume", "{session}"]
       prompt = "file"
       output = "text"`,
      'config.toml',
    );
    assert.deepEqual(config, {
      identity: { actor: 'did:sync:user:ada', display_name: 'Ada' },
      server: { host: '127.0.0.1', port: 9300 },
      fleet: {
        coordinator_url: 'http://127.0.0.1:9100',
        heartbeat_interval_secs: 0.25,
        advertised_endpoint: 'http://127.0.0.1:9201',
        executor: 'shell',
        slots: 4,
        worker_idle_exit_secs: 30,
        output_cap_bytes: 1024,
      },
      worktree: {
        dirty: 'carry',
        include: ['.env'],
        setup: 'npm ci',
        escape: 'note',
        min_free_bytes: 0,
        timeout_secs: 60,
      },
      agents: {
        reviewer: {
          command: ['review', '{prompt_file}'],
          resume: ['review', '--resume', '{session}'],
          prompt: 'file',
          output: 'text',
        },
      },
      warnings: [],
    });
  });

  it('may be missing or empty', async () => {
    const nothing = { identity: {}, server: {}, fleet: {}, worktree: {}, agents: {}, warnings: [] };
    assert.deepEqual(await readConfig(path.join(folder, 'config.toml')), nothing);
    await fs.writeFile(path.join(folder, 'config.toml'), '');
    assert.deepEqual(await readConfig(path.join(folder, 'config.toml')), nothing);
  });

  it('is warned about where it says what nobody reads', () => {
    const text = 'colour = 1\n[fleet]\nslotz = 2\nslots = 2\n[constructor]\nx = 1\n[agents.a]\nrun = 1';
    const { warnings } = parseConfig(text, 'c');
    assert.deepEqual(warnings, [
      "'c': unknown key colour is ignored",
      "'c': unknown key fleet.slotz (did you mean 'slots'?) is ignored",
      "'c': unknown key constructor is ignored",
      "'c': unknown key agents.a.run is ignored",
    ]);
  });

  it('is refused by line and column when it is not TOML', async () => {
    assert.match(
      refusal('[fleet]\nslots = = 2').message,
      /^'config\.toml' is not TOML at line 2, column \d+: /,
    );
    await fs.mkdir(path.join(folder, 'config.toml'));
    await assert.rejects(
      () => readConfig(path.join(folder, 'config.toml')),
      (error: unknown) => FleetError.is(error, 'HOME_INVALID') && error.message.includes('is not readable'),
    );
  });

  for (const [text, says] of [
    ['fleet.slots = 0', 'fleet.slots must be at least 1'],
    ['fleet.slots = 65', 'fleet.slots must be at most 64'],
    ['fleet.slots = 1.5', 'fleet.slots must be a whole number'],
    ['fleet.slots = "2"', 'fleet.slots must be a number'],
    ['fleet.heartbeat_interval_secs = 0.01', 'fleet.heartbeat_interval_secs must be at least 0.05'],
    ['fleet.heartbeat_interval_secs = nan', 'fleet.heartbeat_interval_secs must be a number'],
    ['fleet.heartbeat_interval_secs = inf', 'fleet.heartbeat_interval_secs must be at most 3600'],
    ['fleet.output_cap_bytes = 3', 'fleet.output_cap_bytes must be at least 4'],
    ['fleet.coordinator_url = "ftp://x"', 'fleet.coordinator_url must be an http or https URL'],
    ['server.port = 65536', 'server.port must be at most 65535'],
    ['identity.actor = "ada"', 'identity.actor must be a DID such as did:sync:user:ada'],
    ['fleet.executor = ""', 'fleet.executor must not be empty'],
    ['worktree.timeout_secs = 0', 'worktree.timeout_secs must be at least 1'],
    ['worktree.dirty = "ask"', 'worktree.dirty must be refuse, stash or carry'],
    ['worktree.include = ["../up"]', 'worktree.include.0 must be a path from the top of the repository'],
    ['agents.a.command = "claude -p"', 'agents.a.command must be a list of words'],
    ['agents.a.command = []', 'agents.a.command must name a program'],
    ['[agents."A b"]', 'agents.A b is no name for an agent: 1 to 32 of a-z 0-9 _ -'],
    ['fleet = 3', 'fleet must be a table'],
    ['fleet = [1]', 'fleet must be a table'],
  ] as const) {
    it(`is refused where it says ${text}`, () => {
      const error = refusal(text);
      assert.equal(error.message, `'config.toml': ${says}`);
      assert.ok(error.hint);
    });
  }

  it('is decoded or refused, whatever it holds (I38)', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          parseConfig(text, 'config.toml');
        } catch (error) {
          assert.ok(FleetError.is(error, 'HOME_INVALID'));
        }
      }),
      { numRuns: runs(100) },
    );
  });
});
