/** Set by an editor in the processes that run its extensions, and in no terminal of it. */
const EXTENSION_HOST = [
  'VSCODE_ESM_ENTRYPOINT',
  'VSCODE_AMD_ENTRYPOINT',
  'VSCODE_HANDLES_UNCAUGHT_ERRORS',
  'VSCODE_CRASH_REPORTER_PROCESS_TYPE',
];

/** The editor's own, whatever process they are found in. */
const EDITORS_OWN = /^(?:VSCODE_|CODE_SERVER_|ELECTRON_)|^APPLICATION_INSIGHTS_NO_DIAGNOSTIC_CHANNEL$/;

/** Programs that ask for passwords through the editor, and can't without its variables. */
const ASKING = ['GIT_ASKPASS', 'SSH_ASKPASS'];

/**
 * An environment without what an editor put there for itself, be this process its extension host, on the desktop or on a
 * server, or a program in its terminal. It would change what Node.js and the commands of people do: `NODE_OPTIONS` of an
 * extension host or of a debugger loads files of theirs into every Node.js, `VSCODE_IPC_HOOK_CLI` sends `code` to a
 * window that may be gone. In a plain terminal nothing is taken away.
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
 * Chooses a repository, or changes how one is read: what `git rev-parse --local-env-vars` lists, in all its versions, and
 * what git sets for the hooks of one repository alone.
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

/** An environment in which git finds the repository of the folder that it is called in, also where a hook of one started this. */
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
 * The environment of a process that is launched on this process's own Node.js. It needs no token of ours: the socket
 * suffices. An editor's own Node.js is told to be a plain one. The namespace in use where it was launched is none of its own.
 */
export function childEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  isElectron = process.versions['electron'] !== undefined,
): NodeJS.ProcessEnv {
  const { SPL_TOKEN: _token, SPL_NAMESPACE: _namespace, ...kept } = withoutRepository(withoutEditor(env));
  return isElectron ? { ...kept, ELECTRON_RUN_AS_NODE: '1' } : kept;
}
