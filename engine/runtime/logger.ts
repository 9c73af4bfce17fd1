/** The log of an engine, for people. Contains no secrets and no bodies of records. */
export interface Logger {
  info(message: string): void;
  error(message: string): void;
}

/** Makes a logger that writes lines with a time to a stream. */
export function streamLogger(stream: { write(text: string): unknown }, now: () => number): Logger {
  const write = (level: string, message: string): void =>
    void stream.write(`${new Date(now()).toISOString()} ${level} ${message}\n`);
  return { info: message => write('info', message), error: message => write('error', message) };
}
