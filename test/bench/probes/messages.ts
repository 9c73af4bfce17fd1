import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** The number of messages under way to one peer, and the number in one write. */
const WINDOW = 512;
const BATCH = 128;

/** Probes the exchange between processes: lines of JSON over a socket, to two peers and back. */
export class MessageProbe {
  readonly #server: Server;
  readonly #path: string;
  readonly #peers: readonly Peer[];

  private constructor(server: Server, path: string, peers: readonly Peer[]) {
    this.#server = server;
    this.#path = path;
    this.#peers = peers;
  }

  /** @param program a file that runs `answerMessages` for the argument `peer` */
  static async start(program: string, dir: string, peers = 2): Promise<MessageProbe> {
    const path = join(dir, 'm.sock');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const started: Peer[] = [];
    for (let i = 0; i < peers; i++) {
      const child = fork(program, ['peer', path], { execArgv: [] });
      const [socket] = (await once(server, 'connection')) as [Socket];
      started.push(new Peer(child, socket));
    }
    return new MessageProbe(server, path, started);
  }

  /** Sends `count` messages in total, and waits for an answer to each. @returns the time in ms */
  async exchange(count: number, size: { out: number; back: number }): Promise<number> {
    const begun = performance.now();
    const share = Math.ceil(count / this.#peers.length);
    await Promise.all(this.#peers.map(peer => peer.exchange(share, size)));
    return performance.now() - begun;
  }

  /** Sends one message to one peer and back. @returns the time in ms */
  async roundTrip(size: { out: number; back: number }): Promise<number> {
    const begun = performance.now();
    await this.#peers[0]!.exchange(1, size);
    return performance.now() - begun;
  }

  async close(): Promise<void> {
    await Promise.all(this.#peers.map(peer => peer.close()));
    this.#server.close();
    await rm(this.#path, { force: true });
  }
}

class Peer {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  #onAnswer: () => void = () => {};
  #onGone: () => void = () => {};

  constructor(child: ChildProcess, socket: Socket) {
    this.#child = child;
    this.#socket = socket;
    onLines(socket, line => {
      JSON.parse(line);
      this.#onAnswer();
    });
    socket.once('close', () => this.#onGone());
  }

  exchange(count: number, size: { out: number; back: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onGone = () => reject(new Error('a process of the message probe has ended'));
      let sent = 0;
      let answered = 0;
      const send = (): void => {
        while (sent < count && sent - answered + BATCH <= WINDOW) {
          let text = '';
          for (const end = Math.min(count, sent + BATCH); sent < end; sent++)
            text += message(sent, size.out, size.back);
          this.#socket.write(text);
        }
      };
      this.#onAnswer = () => {
        answered++;
        if (answered === count) resolve();
        else if (answered % BATCH === 0) send();
      };
      send();
    });
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#socket.end();
    await gone;
  }
}

/** Answers every message until the connection ends. */
export async function answerMessages(path: string): Promise<void> {
  const socket = connect(path);
  let answers = '';
  onLines(
    socket,
    line => {
      const { n, back } = JSON.parse(line) as { n: number; back: number };
      answers += message(n, back, 0);
    },
    () => {
      socket.write(answers);
      answers = '';
    },
  );
  await once(socket, 'close');
}

function message(n: number, bytes: number, back: number): string {
  const bare = 32;
  return JSON.stringify({ n, back, fill: 'x'.repeat(Math.max(0, bytes - bare)) }) + '\n';
}

function onLines(socket: Socket, onLine: (line: string) => void, onChunk = (): void => {}): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
    onChunk();
  });
}
