/** Variables that an editor sets in the processes of its extensions, and not in its terminals. */
const EXTENSION_HOST = [
  'VSCODE_ESM_ENTRYPOINT',
  'VSCODE_AMD_ENTRYPOINT',
  'VSCODE_HANDLES_UNCAUGHT_ERRORS',
  'VSCODE_CRASH_REPORTER_PROCESS_TYPE',
];

/** Matches variables of editors in any process. */
const EDITORS_OWN = /^(?:VSCODE_|CODE_SERVER_|ELECTRON_)|^APPLICATION_INSIGHTS_NO_DIAGNOSTIC_CHANNEL$/;

/** Programs that ask for passwords through the editor, and need its variables. */
const ASKING = ['GIT_ASKPASS', 'SSH_ASKPASS'];

/**
 * Removes the variables that an editor set for its own use, whether this process is an extension host, on the desktop
 * or on a server, or a program in a terminal of the editor. They would change Node.js and people's commands:
 * `NODE_OPTIONS` of an extension host or a debugger loads files into every Node.js, and `VSCODE_IPC_HOOK_CLI` sends
 * `code` to a window that may be closed. An environment of a plain terminal stays as it is.
 */
export function withoutEditor(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const taken = new Set<string>();
  const isHost = EXTENSION_HOST.some(name => env[name] !== undefined);
  if (isHost || env['VSCODE_INSPECTOR_OPTIONS'] !== undefined) taken.add('NODE_OPTIONS');
  if (env['VSCODE_GIT_ASKPASS_MAIN'] !== undefined) for (const name of ASKING) taken.add(name);
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !taken.has(name) && !EDITORS_OWN.test(name)),
  );
}

/**
 * Matches variables that choose a repository, or change the way one is read: those that any version of `git rev-parse
 * --local-env-vars` lists, and those that git sets for the hooks of a repository.
 */
const CHOOSES_REPOSITORY = new RegExp(
  `^GIT_(?:${[
    'ALTERNATE_OBJECT_DIRECTORIES',
    'COMMON_DIR',
    'CONFIG',
    'CONFIG_COUNT',
    'CONFIG_KEY_\\d+',
    'CONFIG_PARAMETERS',
    'CONFIG_VALUE_\\d+',
    'DIR',
    'GRAFT_FILE',
    'IMPLICIT_WORK_TREE',
    'INDEX_FILE',
    'INTERNAL_SUPER_PREFIX',
    'NAMESPACE',
    'NO_REPLACE_OBJECTS',
    'OBJECT_DIRECTORY',
    'PREFIX',
    'QUARANTINE_PATH',
    'REPLACE_REF_BASE',
    'SHALLOW_FILE',
    'WORK_TREE',
  ].join('|')})$`,
);

/**
 * Removes the variables that choose a repository, so that git finds the one of its folder, also in a process that a
 * hook started.
 */
export function withoutRepository(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CHOOSES_REPOSITORY.test(name)));
}

/** Returns the submitter's environment without its token, and without the variables of an editor or a hook. */
export function submittersEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const { SPL_TOKEN: _token, ...kept } = withoutRepository(withoutEditor(env));
  return Object.fromEntries(
    Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * Returns the environment of a process that runs on this process's own Node.js. It needs no token, because it uses the
 * socket. An editor's Node.js is told to be a plain one. The namespace in use is removed.
 */
export function childEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  isElectron = process.versions['electron'] !== undefined,
): NodeJS.ProcessEnv {
  const { SPL_TOKEN: _token, SPL_NAMESPACE: _namespace, ...kept } = withoutRepository(withoutEditor(env));
  return isElectron ? { ...kept, ELECTRON_RUN_AS_NODE: '1' } : kept;
}
