import * as assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError } from '../errors.ts';
import { isDid } from '../record/ids.ts';
import { parseConfig } from './config.ts';
import { defaultActor, settings } from './settings.ts';

const nothing = parseConfig('', 'config.toml');
const config = parseConfig(
  'identity.actor = "did:sync:user:file"\nserver.port = 9300\n[fleet]\ncoordinator_url = "http://file:1"\nslots = 3',
  'config.toml',
);

describe('settings', () => {
  it('have defaults', () => {
    const { actor, ...rest } = settings({}, {}, nothing);
    assert.ok(isDid(actor));
    assert.deepEqual(rest, {
      displayName: null,
      serveUrl: null,
      token: null,
      coordinatorUrl: null,
      advertisedEndpoint: null,
      host: '127.0.0.1',
      port: null,
      executor: 'echo',
      slots: 1,
      heartbeatIntervalMs: 5000,
      workerIdleExitMs: 600_000,
      stall: { afterMs: 300_000, policy: 'notify' },
      timeoutSecs: null,
      outputCapBytes: 67_108_864,
    });
  });

  it('come from the flag, else the environment, else config.toml', () => {
    const env = {
      SPL_ACTOR: 'did:sync:user:env',
      SPL_FLEET_COORDINATOR_URL: 'http://env:2',
      SPL_SERVE_URL: 'http://env:3/',
      SPL_TOKEN: 'secret',
    };
    const fromFile = settings({}, {}, config);
    assert.deepEqual(
      [fromFile.actor, fromFile.coordinatorUrl, fromFile.port, fromFile.slots],
      ['did:sync:user:file', 'http://file:1', 9300, 3],
    );
    const fromEnv = settings({}, env, config);
    assert.deepEqual(
      [fromEnv.actor, fromEnv.coordinatorUrl, fromEnv.serveUrl, fromEnv.token],
      ['did:sync:user:env', 'http://env:2', 'http://env:3', 'secret'],
    );
    const flags = {
      actor: 'did:sync:agent:flag',
      coordinatorUrl: 'https://flag',
      port: 0,
      slots: 9,
    };
    const fromFlags = settings(flags, env, config);
    assert.deepEqual(
      [fromFlags.actor, fromFlags.coordinatorUrl, fromFlags.port, fromFlags.slots],
      ['did:sync:agent:flag', 'https://flag', 0, 9],
    );
  });

  it('take an empty variable for an unset one', () => {
    const env = { SPL_ACTOR: '', SPL_TOKEN: '', SPL_SERVE_URL: '' };
    assert.deepEqual(settings({}, env, config), settings({}, {}, config));
  });

  it('are refused by the name of the flag or the variable', () => {
    const says = (message: string) => (error: unknown) =>
      FleetError.is(error, 'USAGE') && error.message === message;
    assert.throws(
      () => settings({ actor: 'ada' }, {}, nothing),
      says('--actor must be a DID such as did:sync:user:ada'),
    );
    assert.throws(
      () => settings({}, { SPL_ACTOR: 'x' }, nothing),
      says('SPL_ACTOR must be a DID such as did:sync:user:ada'),
    );
    assert.throws(() => settings({ slots: 65 }, {}, nothing), says('--slots must be at most 64'));
    assert.throws(() => settings({ port: NaN }, {}, nothing), says('--port must be a number'));
  });

  it('name the user as a DID whatever the user is called', () => {
    assert.ok(isDid(defaultActor({})));
  });
});
