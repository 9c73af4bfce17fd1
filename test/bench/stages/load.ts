import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { homePaths } from '../../../engine/home/paths.ts';
import type { Figure, Probe, Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { AppendProbe } from '../probes/appends.ts';
import { percentile, spreadOf } from '../stats.ts';

const RECORD_BYTES = 300;
const WRITER = 'did:sync:user:load';

/** The report of the writing process about its clients. */
interface Written {
  readonly acknowledged: number;
  /** The number of acknowledged records that could not be read back. */
  readonly lost: number;
  /** The number of requests that were refused with status 429. */
  readonly refused: number;
  /** The times from each request to its answer. */
  readonly latenciesMs: readonly number[];
}

/**
 * Many clients write records over HTTP, each waiting for its answer, while one fan-out after another runs.
 * @throws if an acknowledged record is missing afterwards
 */
export async function load(stage: Stage): Promise<Figure[]> {
  const clients = stage.quick ? 8 : 64;
  const secs = stage.quick ? 1 : 30;
  const children = stage.quick ? 200 : 10_000;
  const appends = new AppendProbe(stage.dir);
  const home = join(stage.dir, 'h');
  await using fleet = await BenchFleet.start(stage.bin, home);
  const { endpoint } = await fleet.client.report('health', {});
  if (endpoint === null) throw new Error('the engine has no port');
  const token = (await readFile(homePaths(home).token, 'utf8')).trim();
  const sync = Array.from({ length: 200 }, () => appends.appendOne(RECORD_BYTES));
  const records = 100 * clients;
  const bareMs = appends.append({ bytes: records * RECORD_BYTES, records }, clients);
  const job = JSON.stringify({ endpoint, token, clients, secs } satisfies LoadJob);
  const writer = fork(stage.program, ['load-client'], {
    execArgv: [],
    env: { ...process.env, LOAD_JOB: job },
  });
  const end = Promise.race([once(writer, 'message'), once(writer, 'exit')]);
  let isOver = false;
  void end.finally(() => (isOver = true));
  const walls: number[] = [];
  while (!isOver) walls.push(await fleet.timeFanOut(children));
  const [written] = (await end) as [Written | number | null];
  appends.close();
  if (written === null || typeof written === 'number') throw new Error('the clients ended without a word');
  const { acknowledged, lost, refused, latenciesMs } = written;
  stage.say(
    `load: ${acknowledged} records acknowledged, ${lost} lost; ${refused} requests were told to come again; ${walls.length} fan-outs of ${children} meanwhile`,
  );
  if (lost > 0) throw new Error(`${lost} records were acknowledged and are not there`);
  const latency = (name: string, p: number): Figure => ({
    id: `load_${name}`,
    name: `${clients} clients write over HTTP, fan-outs meanwhile: a record, ${name}`,
    value: percentile(latenciesMs, p),
    unit: 'ms',
    better: 'lower',
    spread: spreadOfMany(latenciesMs),
    probes: [probe('write and fdatasync of 300 B', percentile(sync, p), sync)],
    target: null,
    details: {},
  });
  const rate = acknowledged / secs;
  const bare = (records / bareMs) * 1000;
  return [
    {
      id: 'load',
      name: `${clients} clients write over HTTP, fan-outs of ${children.toLocaleString('en')} meanwhile`,
      value: rate,
      unit: 'records/s',
      better: 'higher',
      spread: spreadOf([rate]),
      probes: [probe(`the same bytes, groups of ${clients}`, bare, [bare])],
      target: null,
      details: {
        acknowledged,
        fan_out_median_ms: percentile(walls, 0.5),
        children_per_sec: (walls.length * children * 1000) / walls.reduce((sum, ms) => sum + ms, 0),
      },
    },
    latency('p50', 0.5),
    latency('p99', 0.99),
  ];
}

const probe = (name: string, value: number, values: readonly number[]): Probe => ({
  name,
  value,
  spread: spreadOf(values),
});

/** Computes the spread of more values than a call takes arguments. */
function spreadOfMany(values: readonly number[]): Figure['spread'] {
  const at = (p: number): number => percentile(values, p);
  return { median: at(0.5), min: at(0), max: at(1), runs: values.length };
}

// --- the process of the clients -------------------------------------------------------------------------------------

interface LoadJob {
  readonly endpoint: string;
  readonly token: string;
  readonly clients: number;
  readonly secs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Writes for the given time, then reads back each acknowledged record. */
export async function writeAndReadBack(): Promise<Written> {
  const job = JSON.parse(process.env['LOAD_JOB']!) as LoadJob;
  const clients = await Promise.all(Array.from({ length: job.clients }, () => LoadClient.connect(job)));
  const acknowledged: string[] = [];
  const latenciesMs: number[] = [];
  let refused = 0;
  const ends = performance.now() + job.secs * 1000;
  const write = async (client: LoadClient, name: number): Promise<void> => {
    for (let clock = 0; performance.now() < ends;) {
      const begun = performance.now();
      const { status, text } = await client.ask('/v1/records', recordOf(name, clock));
      if (status === 429) {
        refused++;
        await pause(1000);
        continue;
      }
      if (status !== 200) throw new Error(`${status}: ${text}`);
      latenciesMs.push(performance.now() - begun);
      acknowledged.push((JSON.parse(text) as { id: string }).id);
      clock++;
    }
  };
  await Promise.all(clients.map(write));
  let lost = 0;
  let next = 0;
  const readBack = async (client: LoadClient): Promise<void> => {
    for (let id = acknowledged[next++]; id !== undefined; id = acknowledged[next++])
      if ((await client.ask(`/v1/records/${id}`)).status !== 200) lost++;
  };
  await Promise.all(clients.map(readBack));
  for (const client of clients) client.close();
  return { acknowledged: acknowledged.length, lost, refused, latenciesMs };
}

function recordOf(client: number, clock: number): string {
  const body = { text: `record ${clock} of client ${client}` };
  const thread = `th_load_${client}`;
  return JSON.stringify({ act: 'KNOW', actor: WRITER, thread, clock, data_type: 'SCALAR', body });
}

/**
 * A client with one connection, on which it waits for each answer. It knows only answers with a length: `node:http` takes
 * as much processor time for a request as the engine does, and both share the machine.
 */
class LoadClient {
  readonly #socket: net.Socket;
  readonly #head: string;
  #bytes = '';
  #answered: ((answer: Answer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: net.Socket, head: string) {
    this.#socket = socket;
    this.#head = head;
    // In Latin-1, a character is a byte, as the length counts.
    socket.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    socket.on('error', error => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('the engine closed the connection')));
  }

  static async connect({ endpoint, token }: LoadJob): Promise<LoadClient> {
    const { hostname, port, host } = new URL(endpoint);
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const fields = `host: ${host}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
    return new LoadClient(socket, fields);
  }

  ask(path: string, body?: string): Promise<Answer> {
    const method = body === undefined ? 'GET' : 'POST';
    const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#head}${length}\r\n${body ?? ''}`);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#bytes += text;
    const start = this.#bytes.indexOf('\r\n\r\n') + 4;
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.#bytes)?.[1];
    if (start < 4 || length === undefined || this.#bytes.length < start + Number(length)) return;
    const answer = { status: Number(this.#bytes.slice(9, 12)), text: this.#bytes.slice(start) };
    this.#bytes = '';
    this.#answered?.(answer);
  }
}
