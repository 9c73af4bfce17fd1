import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'mocha';
import { childEnvironment, submittersEnvironment, withoutEditor, withoutRepository } from './environment.ts';

const OWN = { PATH: '/bin', HOME: '/home/ada', SPL_ECHO_MS: '5', LANG: 'C', NODE_EXTRA_CA_CERTS: '/ca.pem' };

/** The environment that an extension host on a server inherits. */
const SERVER_HOST = {
  VSCODE_ESM_ENTRYPOINT: 'vs/workbench/api/node/extensionHostProcess',
  VSCODE_HANDLES_UNCAUGHT_ERRORS: 'true',
  VSCODE_IPC_HOOK_CLI: '/run/user/1000/vscode-ipc.sock',
  VSCODE_NLS_CONFIG: '{}',
  VSCODE_PROXY_URI: './proxy/{{port}}/',
  CODE_SERVER_PARENT_PID: '7',
  APPLICATION_INSIGHTS_NO_DIAGNOSTIC_CHANNEL: '1',
  NODE_OPTIONS: '--require /editor/bootloader.js',
};

describe('the environment of what is launched', () => {
  it('is that of a plain terminal as it is, but for the token and the namespace in use', () => {
    const env = { ...OWN, NODE_OPTIONS: '--max-old-space-size=100', GIT_ASKPASS: '/mine' };
    assert.deepEqual(withoutEditor(env), env);
    const own = { SPL_TOKEN: 'secret', SPL_NAMESPACE: 'acme' };
    assert.deepEqual(childEnvironment({ ...env, ...own }, false), env);
  });

  it('has nothing of an extension host on a server', () => {
    assert.deepEqual(childEnvironment({ ...OWN, ...SERVER_HOST }, false), OWN);
  });

  it('has nothing of an extension host on the desktop, but what makes its program a Node.js', () => {
    const host = {
      VSCODE_CRASH_REPORTER_PROCESS_TYPE: 'extensionHost',
      VSCODE_PID: '7',
      ELECTRON_NO_ATTACH_CONSOLE: '1',
      NODE_OPTIONS: '--inspect',
    };
    assert.deepEqual(childEnvironment({ ...OWN, ...host }, true), { ...OWN, ELECTRON_RUN_AS_NODE: '1' });
  });

  it('of a terminal in an editor keeps what is the user’s, and no way into the window', () => {
    const terminal = {
      VSCODE_IPC_HOOK_CLI: '/x',
      VSCODE_GIT_ASKPASS_MAIN: '/editor/askpass.js',
      GIT_ASKPASS: '/editor/askpass.sh',
    };
    const mine = { ...OWN, NODE_OPTIONS: '--max-old-space-size=100', TERM_PROGRAM: 'vscode' };
    assert.deepEqual(childEnvironment({ ...mine, ...terminal }, false), mine);
    const debugged = { ...mine, ...terminal, VSCODE_INSPECTOR_OPTIONS: ':::{}' };
    assert.equal(childEnvironment(debugged, false)['NODE_OPTIONS'], undefined);
  });

  it('chooses no repository: what git takes for its own in one is taken away, and whose work it is stays', () => {
    const listed = execFileSync('git', ['rev-parse', '--local-env-vars'], { encoding: 'utf8' })
      .trim()
      .split('\n');
    assert.ok(listed.includes('GIT_INDEX_FILE'));
    const more = ['GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0', 'GIT_QUARANTINE_PATH', 'GIT_NAMESPACE'];
    const chosen = Object.fromEntries([...listed, ...more].map(name => [name, 'x']));
    const kept = {
      ...OWN,
      GIT_AUTHOR_NAME: 'Ada',
      GIT_SSH_COMMAND: 'ssh -i key',
      GIT_CONFIG_GLOBAL: '/c',
      DIR: 'x',
    };
    for (const taken of [
      withoutRepository,
      submittersEnvironment,
      (env: NodeJS.ProcessEnv) => childEnvironment(env, false),
    ])
      assert.deepEqual(taken({ ...kept, ...chosen }), kept);
  });

  it('of a submitter is its own, without a token and what is an editor’s', () => {
    const own = { ...OWN, SPL_ACTOR: 'did:sync:user:ada', SPL_NAMESPACE: 'acme', VIRTUAL_ENV: '/venv' };
    assert.deepEqual(submittersEnvironment({ ...own, ...SERVER_HOST, SPL_TOKEN: 'secret' }), own);
  });

  it('is not changed by being taken twice', () => {
    const once = childEnvironment({ ...OWN, ...SERVER_HOST }, true);
    assert.deepEqual(childEnvironment(once, true), once);
  });
});
