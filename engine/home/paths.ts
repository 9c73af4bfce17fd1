import * as os from 'node:os';
import * as path from 'node:path';

/** The absolute paths of everything in a home. */
export interface HomePaths {
  readonly home: string;
  /** `{format, version}`; a folder with this file is a home. */
  readonly homeJson: string;
  readonly configToml: string;
  /** The settings of an editor, which count where `config.toml` says nothing. */
  readonly editorSettings: string;
  /** The id of the namespace that is used by commands that name none. */
  readonly usedNamespace: string;
  readonly logDir: string;
  readonly indexDir: string;
  readonly outputDir: string;
  readonly keysDir: string;
  /** The instance's private key, PKCS#8 PEM. */
  readonly keyFile: string;
  /** The bearer token of the HTTP port. */
  readonly token: string;
  /** The file of the tokens that people made. */
  readonly tokensFile: string;
  readonly runDir: string;
  /** A link to the folder of the environments in which subtasks run; the folder is outside the home. */
  readonly environmentsLink: string;
  /** The path of the socket, unless it is too long: use `resolveSocket` or `prepareSocket`. */
  readonly socket: string;
  readonly pidFile: string;
  /** The folder in which a worker notes each running command, with the files that the command uses. */
  readonly commandsDir: string;
  /** Exists from the request to stop the coordinator until the next one opens the home. */
  readonly stopMark: string;
  readonly logsDir: string;
  /** The folder of the threads that every command may read. */
  readonly sharedDir: string;
  /** The folder of the worktrees of a worker's attempts, each beside a note of the same name. */
  readonly worktreesDir: string;
}

/** Returns the paths inside a home, which need not exist. A relative path starts at the current folder. */
export function homePaths(home: string): HomePaths {
  const root = path.resolve(home);
  const at = (...parts: string[]): string => path.join(root, ...parts);
  return {
    home: root,
    homeJson: at('home.json'),
    configToml: at('config.toml'),
    editorSettings: at('editor.json'),
    usedNamespace: at('namespace'),
    logDir: at('log'),
    indexDir: at('index'),
    outputDir: at('output'),
    keysDir: at('keys'),
    keyFile: at('keys', 'instance.pem'),
    token: at('token'),
    tokensFile: at('tokens.json'),
    runDir: at('run'),
    environmentsLink: at('run', 'environments'),
    socket: at('run', 'spl.sock'),
    pidFile: at('run', 'spl.pid'),
    commandsDir: at('run', 'commands'),
    stopMark: at('run', 'stopped'),
    logsDir: at('logs'),
    sharedDir: at('shared'),
    worktreesDir: at('worktrees'),
  };
}

/** `$SYNCROPEL_HOME`, else `~/.syncro`. An empty variable counts as unset. */
export function defaultHome(env: NodeJS.ProcessEnv): string {
  const given = env['SYNCROPEL_HOME'];
  return given ? path.resolve(given) : path.join(os.homedir(), '.syncro');
}

/** The letters of worker `i` (0-based): a, b, … z, aa, ab, … */
export function workerLetters(i: number): string {
  if (!Number.isSafeInteger(i) || i < 0) throw new RangeError(`not a worker's number: ${i}`);
  const last = String.fromCharCode(97 + (i % 26));
  return i < 26 ? last : workerLetters(Math.floor(i / 26) - 1) + last;
}

/** The alias of worker `i` (0-based): `worker-a`, `worker-b`, … */
export const workerAlias = (i: number): string => `worker-${workerLetters(i)}`;

/** The home of worker `i` (0-based) of the coordinator whose home is `home`: `‹home›-worker-a`, … */
export const workerHome = (home: string, i: number): string => `${path.resolve(home)}-${workerAlias(i)}`;
