import { FakeClient, type Answers } from '../../client/testing/fake-client.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { readPlan } from '../../plan/plan.ts';
import type { Connection, Doctor, Host, Output, Settings, Starter, Terminal, TerminalUse } from '../host.ts';
import { main } from '../program.ts';
import { coloursFor } from '../render/colours.ts';

/** An output that keeps what is written. */
export class Written implements Output {
  readonly isTTY: boolean;
  columns = 80;
  rows = 24;
  readonly colours: Output['colours'];
  text = '';

  constructor(isTTY = false, env: Host['env'] = {}) {
    this.isTTY = isTTY;
    this.colours = coloursFor(isTTY, env);
  }

  write(text: string | Uint8Array): void {
    this.text += typeof text === 'string' ? text : Buffer.from(text).toString();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

/** A terminal with simulated keys and a size that a test changes. */
export class FakeTerminal implements Terminal {
  /** The current use of the terminal; null while nothing uses it. */
  use: TerminalUse | null = null;

  take(use: TerminalUse): () => void {
    this.use = use;
    return () => {
      if (this.use !== use) return;
      this.use = null;
      use.onEnd();
    };
  }
}

export interface FakeOptions {
  readonly answers?: Answers;
  readonly env?: Host['env'];
  readonly isTTY?: boolean;
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  readonly starter?: Partial<Starter>;
  readonly doctor?: Doctor;
  /** The error to throw instead of connecting. */
  readonly unreachable?: Error;
}

/** A host without a process. It records what commands print and ask, and how they end. */
export class FakeHost implements Host {
  readonly engine: FakeClient;
  readonly out: Written;
  readonly err: Written;
  readonly env: Host['env'];
  readonly cwd: string;
  readonly stdin: Host['stdin'];
  readonly terminal: FakeTerminal | null;
  readonly interrupt = new AbortController();
  readonly signal: AbortSignal = this.interrupt.signal;
  /** Sends the signal with this exit code; does nothing while no command listens. */
  end: (exitCode: number) => void = () => undefined;
  /** The last act before a second signal ends the process. */
  atOnce: () => void = () => undefined;
  readonly starter: Starter;
  readonly settings: Settings[] = [];
  readonly doctor: Host['doctor'];
  readonly #unreachable: Error | undefined;

  constructor(options: FakeOptions = {}) {
    const { env = {}, isTTY = false } = options;
    this.engine = new FakeClient(options.answers ?? {});
    this.out = new Written(isTTY, env);
    this.err = new Written(isTTY, env);
    this.env = { HOME: '/home/ada', ...env };
    this.cwd = options.cwd ?? '/srv';
    this.stdin = chunks(options.stdin ?? '');
    this.terminal = isTTY ? new FakeTerminal() : null;
    this.starter = {
      ensureCoordinator: () => Promise.resolve({ spawned: true, pid: 11 }),
      serve: () => Promise.resolve(0),
      standBy: () => Promise.resolve(0),
      awaitGone: () => Promise.resolve(true),
      stopLeft: () => Promise.resolve([]),
      workersOf: () => Promise.resolve([]),
      ...options.starter,
    };
    this.doctor = () =>
      Promise.resolve(options.doctor ?? { checks: [], acceptLoss: () => Promise.resolve('') });
    this.#unreachable = options.unreachable;
  }

  onEnding: Host['onEnding'] = (act, atOnce) => {
    this.end = act;
    this.atOnce = atOnce;
    return () => (this.end = () => undefined);
  };

  checkJoin: Host['checkJoin'] = text =>
    Promise.resolve(text === 'all' ? null : { message: `'${text}' is not known`, position: 1, length: 2 });

  checkPlan: Host['checkPlan'] = (text, known) =>
    Promise.resolve(readPlan(text, { ...known, cel: celCompiler }));

  connect = (settings: Settings): Promise<Connection> => {
    this.settings.push(settings);
    if (this.#unreachable !== undefined) return Promise.reject(this.#unreachable);
    return Promise.resolve({
      engine: this.engine,
      actor: (settings.actor ?? 'did:sync:user:ada') as Connection['actor'],
    });
  };
}

async function* chunks(text: string | Uint8Array): AsyncGenerator<string | Uint8Array> {
  // In pieces, as a pipe delivers them.
  for (let i = 0; i < text.length; i += 7) yield await Promise.resolve(text.slice(i, i + 7));
}

/** Runs a command line against a fake host. */
export async function run(
  words: readonly string[],
  options: FakeOptions = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string; readonly host: FakeHost }> {
  const host = new FakeHost(options);
  const code = await main(words, host);
  return { code, out: host.out.text, err: host.err.text, host };
}
