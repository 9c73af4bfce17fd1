import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import type { FleetDocument } from '../../engine/contract/documents.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { ended, linesOf, type Ran, type Scenario } from '../harness/fleet.ts';

/** An echo takes a second. A look after this time may find it ended. */
const LATE_MS = 800;

/** The patterns for values that vary. */
const VALUES: Readonly<Record<string, string>> = {
  did: 'did:sync:instance:[0-9a-f]{16}',
  th: 'th_[0-9a-f]{64}',
  id: '[0-9a-f]{64}',
  n: String.raw`\d+`,
  duration: String.raw`\d+(?:\.\d+)?m?s`,
  secs: String.raw`\d+(?:\.\d+)?s`,
  ratio: String.raw`\d+\.\d\d`,
  // The echo's second and values derived from it. Timers are late on a busy machine, and the walls show that.
  one: String.raw`1(?:\.\d+)?`,
  two: String.raw`[23](?:\.\d+)?`,
  twice: String.raw`(?:1\.[5-9]\d|2\.00)`,
  time: String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`,
  version: String.raw`\d+\.\d+\.\d+`,
  path: String.raw`\S+`,
  text: '.+',
};

/** Asserts that the lines occur in this order, with other lines between. Spacing inside a line may differ. */
export function shows(output: string, lines: readonly string[]): void {
  const printed = output.split('\n');
  let from = 0;
  for (const line of lines) {
    const wanted = new RegExp(`^${patternOf(line)}$`);
    const at = printed.findIndex((text, i) => i >= from && wanted.test(text));
    assert.ok(at >= 0, `'${line}' is missing from line ${from + 1} on in:\n${output}`);
    from = at + 1;
  }
}

function patternOf(line: string): string {
  return line
    .split(/(‹\w+›)/)
    .map(part => VALUES[part.slice(1, -1)] ?? part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('')
    .replace(/ +/g, ' +');
}

/**
 * Types commands, and compares their output with a golden file. Every variable value is replaced. UPDATE_GOLDEN=1
 * writes the file.
 */
export class Transcript {
  readonly #fleet: Scenario;
  readonly #golden: URL;
  readonly #spl: (...words: readonly string[]) => Promise<Ran>;
  readonly #sections: string[] = [];
  readonly #names = new Map<string, string>();

  /** @param processes true to run commands in separate processes */
  constructor(fleet: Scenario, golden: URL, processes = false) {
    this.#fleet = fleet;
    this.#golden = golden;
    this.#spl = (...words) => (processes ? fleet.splProcess(...words) : fleet.spl(...words));
  }

  /** Types a command that must succeed. @returns its output */
  async type(...words: readonly string[]): Promise<string> {
    const out = await this.#run(words);
    this.#keep(words, out);
    return out;
  }

  /** Types a command that must be refused with this exit code. @returns its error output */
  async refused(code: number, ...words: readonly string[]): Promise<string> {
    const { code: ended, out, err } = await this.#spl(...words);
    assert.deepEqual([ended, out], [code, ''], `spl ${words.join(' ')} ended with ${ended}: ${err}`);
    this.#keep(words, err);
    return err;
  }

  /** Posts a record over the home's socket, as any program may. @returns status and answer */
  async post(record: object): Promise<Posted> {
    const posted = await post(homePaths(this.#fleet.home).socket, record);
    const { status, answer } = posted;
    const lines =
      answer['object'] === 'error'
        ? [`${String(answer['code'])}: ${String(answer['message'])}`, `  → ${String(answer['hint'])}`]
        : [`record ${String(answer['id'])}`];
    const shown = ['POST /v1/records', ...Object.values(record).map(each => JSON.stringify(each))].join(' ');
    this.#sections.push(`> ${shown}\n${[`< ${status}`, ...lines].join('\n')}\n`);
    return posted;
  }

  /**
   * Like `type`, for the state of work that ends soon. @returns null if the look came so late that the work may be over
   */
  async look(begun: number, ...words: readonly string[]): Promise<string | null> {
    const out = await this.#run(words);
    if (performance.now() - begun > LATE_MS) {
      this.#sections.push(await this.#goldenOf(words));
      return null;
    }
    this.#keep(words, out);
    return out;
  }

  /**
   * Types a command that keeps running. Once it has printed a line like `begun`, calls a function that lets it end; or
   * interrupts it at a line like `leaveAt`. It must succeed.
   * @returns its output
   */
  async follow(
    words: readonly string[],
    begun: RegExp,
    meanwhile: () => Promise<unknown>,
    leaveAt?: RegExp,
  ): Promise<string> {
    const child = this.#fleet.start(words);
    const run = ended(child);
    const line = linesOf(child);
    await line(text => begun.test(text));
    await meanwhile();
    if (leaveAt !== undefined) {
      await line(text => leaveAt.test(text));
      child.kill('SIGINT');
    }
    const out = this.#succeeded(words, await run);
    this.#keep(words, leaveAt === undefined ? out : `${out}^C\n`);
    return out;
  }

  async dids(): Promise<{ a: string; b: string }> {
    const { instances } = await this.#fleet.json<FleetDocument>('fleet', 'list');
    for (const { alias, did } of instances) this.#names.set(did, `‹did-${alias.replace('worker-', '')}›`);
    const didOf = (alias: string): string => instances.find(instance => instance.alias === alias)!.did;
    return { a: didOf('worker-a'), b: didOf('worker-b') };
  }

  async compare(): Promise<void> {
    const lines = this.#sections
      .map(section => this.#named(section))
      .join('\n')
      .split('\n');
    const transcript = sortedRuns(lines, ...TOGETHER).join('\n');
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(this.#golden, transcript);
    assert.equal(transcript, await readFile(this.#golden, 'utf8'));
  }

  async #run(words: readonly string[]): Promise<string> {
    return this.#succeeded(words, await this.#spl(...words));
  }

  #succeeded(words: readonly string[], { code, out, err }: Ran): string {
    assert.equal(code, 0, `spl ${words.join(' ')} ended with ${code}: ${err}`);
    assert.equal(err, '');
    return out;
  }

  #keep(words: readonly string[], out: string): void {
    this.#sections.push(`$ spl ${words.map(quoted).join(' ')}\n${settled(out)}`);
  }

  async #goldenOf(words: readonly string[]): Promise<string> {
    const sections = (await readFile(this.#golden, 'utf8')).split(/^(?=\$ spl )/m);
    return sections.find(section => section.startsWith(`$ spl ${words.join(' ')}\n`))?.trimEnd() + '\n';
  }

  /** Replaces values that are new in each run with names, in the order in which they occur. */
  #named(section: string): string {
    return section
      .replaceAll(this.#fleet.root, '‹root›')
      .replace(/did:sync:instance:[0-9a-f]{16}/g, did => this.#names.get(did) ?? '‹did›')
      .replace(/th_[0-9a-f]{64}/g, thread => this.#nameOf(thread, 'th'))
      .replace(/\b[0-9a-f]{64}\b/g, id => this.#nameOf(id, 'id'));
  }

  #nameOf(value: string, kind: string): string {
    const known = [...this.#names.values()].filter(name => name.startsWith(`‹${kind}-`)).length;
    const name = this.#names.get(value) ?? `‹${kind}-${known + 1}›`;
    this.#names.set(value, name);
    return name;
  }
}

/** An engine's answer to a record. */
export interface Posted {
  readonly status: number;
  readonly answer: Readonly<Record<string, unknown>>;
}

async function post(socketPath: string, record: object): Promise<Posted> {
  const headers = { 'content-type': 'application/json' };
  const call = request({ socketPath, path: '/v1/records', method: 'POST', headers });
  call.end(JSON.stringify(record));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const answer = (await json(response)) as Posted['answer'];
  return { status: response.statusCode!, answer };
}

/** Quotes a word as typed in a shell. */
function quoted(word: string): string {
  if (word.includes('"')) return `'${word}'`;
  return /[\s,]/.test(word) ? `"${word}"` : word;
}

/**
 * Returns the output without values that depend on the time and the machine: figures, taken ports, the progress at a
 * moment, and bodies, which are cut after some characters.
 */
function settled(out: string): string {
  const lines = out
    .replace(/PID \d+/g, 'PID ‹pid›')
    .replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '‹time›')
    .replace(/:\d{4,5}\b/g, ':‹port›')
    .replace(/\b\d+ms\b/g, '‹ms›')
    .replace(/\b\d+(?:\.\d+)?s\b/g, '‹secs›')
    .replace(/walls: \[[^\]]*\]/, 'walls: [‹secs›, ‹secs›]')
    .replace(/\b\d+\.\d\d×/g, '‹ratio›×')
    .replace(/\b\d+%/g, '‹n›%')
    .replace(/\b\d+\.\d+\.\d+(?= )/g, '‹version›')
    .replace(/ \{".*$/gm, ' {‹body›}')
    .split('\n')
    .filter(line => !/^→ \[|^ +⚠ ports? /.test(line))
    .map(line => line.replace(/(?<=\S) {2,}/g, '  '));
  return lines.join('\n');
}

/** Lines of things that begin or end together, in any order. */
const TOGETHER = [/^→ .* runs on /, /^✓ \[/, / fanout_child_done /];

/** Sorts each run of lines that one of the patterns matches. */
function sortedRuns(lines: readonly string[], ...patterns: readonly RegExp[]): string[] {
  const sorted: string[] = [];
  for (let start = 0, end = 0; start < lines.length; start = end) {
    const pattern = patterns.find(one => one.test(lines[start]!));
    end = start + 1;
    while (pattern !== undefined && end < lines.length && pattern.test(lines[end]!)) end++;
    sorted.push(...lines.slice(start, end).sort());
  }
  return sorted;
}
