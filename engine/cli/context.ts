import { terminalJson } from '../contract/format.ts';
import { FleetError } from '../errors.ts';
import type { CallContext } from '../contract/engine.ts';
import type { Connection, Host, Output, Settings } from './host.ts';
import type { Context, Verb } from './verb.ts';

/** A context that may own a connection. */
export interface OwnedContext extends Context {
  close(): Promise<void>;
}

export function createContext(
  host: Host,
  settings: Settings,
  verbs: () => Promise<readonly Verb[]>,
): OwnedContext {
  let connection: Promise<Connection> | undefined;
  const say = (line: string): void => {
    if (!settings.json) printLines(host.err, [line]);
  };
  const client = () =>
    (connection ??= host.connect(settings, say).catch((thrown: unknown) => {
      // A fleet may be started meanwhile.
      connection = undefined;
      return explain(thrown, settings);
    }));
  return {
    ...host,
    settings,
    verbs,
    client,
    async submit(name, input) {
      const { engine, actor } = await client();
      const call: CallContext = { actor, signal: host.signal };
      return engine.submit(name, input, call).catch((thrown: unknown) => explain(thrown, settings));
    },
    async report(name, input) {
      const { engine } = await client();
      return engine.report(name, input, host.signal).catch((thrown: unknown) => explain(thrown, settings));
    },
    print(document, lines) {
      if (settings.json) printJson(host.out, document);
      else printLines(host.out, lines());
    },
    async close() {
      if (connection === undefined) return;
      const opened = await connection.catch(() => undefined);
      await opened?.engine.close();
    },
  };
}

/** Reports that no fleet is running if nothing answers at the home's socket. */
function explain(thrown: unknown, { url, home }: Settings): never {
  if (!FleetError.is(thrown, 'UNREACHABLE') || url !== null || thrown.details['lost'] === true) throw thrown;
  throw new FleetError('UNREACHABLE', `no fleet is running at '${home}': ${thrown.message}`, {
    details: { home, ...thrown.details },
    hint: 'Start one: spl fleet start --workers 2',
    cause: thrown,
  });
}

export function printLines(out: Output, lines: readonly string[]): void {
  if (lines.length > 0) out.write(`${lines.join('\n')}\n`);
}

/** Prints a document on one line, so that a stream of documents is NDJSON. */
export function printJson(out: Output, document: unknown): void {
  out.write(`${terminalJson(document)}\n`);
}
