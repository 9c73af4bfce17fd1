import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { FleetDocument } from '../../engine/contract/documents.ts';
import { scenario, type Scenario } from './harness.ts';

/**
 * The tutorial as a reader types it. What its lines must be at least is written down here by hand; the transcript in
 * `tutorial.txt` holds the rest still. UPDATE_GOLDEN=1 writes the transcript anew.
 */

const GOLDEN = new URL('./tutorial.txt', import.meta.url);
/** An echo takes a second; a look that came later than this need not have met it under way. */
const LATE_MS = 800;

describe('the tutorial', function () {
  this.timeout(120_000);

  it(
    'shows at least the lines that the tutorial shows, and otherwise what the transcript holds',
    scenario({ heartbeatSecs: 5, env: { SPL_ECHO_MS: undefined } }, async fleet => {
      const tutorial = new Tutorial(fleet);
      await startAndList(tutorial);
      await fanOutAndJoin(tutorial);
      await speedup(tutorial);
      await lookBack(tutorial);
      await tutorial.compare();
    }),
  );
});

async function startAndList(tutorial: Tutorial): Promise<void> {
  const started = await tutorial.type('fleet', 'start', '--workers', '2');
  shows(started, [
    'Starting local fleet: 1 coordinator + 2 workers',
    '  [coordinator] spawned PID ‹n› on :‹n› (home=‹path›/h)',
    '  [worker-a]    spawned PID ‹n› on :‹n› (home=‹path›/h-worker-a)',
    '  [worker-b]    spawned PID ‹n› on :‹n› (home=‹path›/h-worker-b)',
    'fleet converged',
    '  coordinator ‹did› on :‹n›',
    '  worker-a    ‹did› on :‹n›',
    '  worker-b    ‹did› on :‹n›',
  ]);
  const listed = await tutorial.type('fleet', 'list');
  shows(listed, [
    'DID ENDPOINT STATUS VERSION UPTIME HEALTH ALIAS LOAD',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  coordinator  0/1',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  worker-a  0/1',
    '‹did›  http://127.0.0.1:‹n›  live  ‹version›  ‹secs›  healthy  worker-b  0/1',
    '3 live · 0 stale · 0 archived',
  ]);
  const { a } = await tutorial.dids();
  shows(await tutorial.type('fleet', 'ping', a), ['✓ ‹did› reachable in ‹n›ms (200 OK)']);
}

async function fanOutAndJoin(tutorial: Tutorial): Promise<void> {
  const { a, b } = await tutorial.dids();
  const added = await tutorial.type('task', 'add', 'My first fan-out', '--alias', 'FIRST-001');
  shows(added, ['◇ Task created: My first fan-out', '  thread: ‹th›', '  alias:  FIRST-001']);
  const begun = performance.now();
  const fannedOut = await tutorial.type(
    ...['task', 'fan-out', 'FIRST-001'],
    ...['--subtask', `goal=Say hello from worker A,target=specific:${a}`],
    ...['--subtask', `goal=Say hello from worker B,target=specific:${b}`],
    ...['--join', 'all'],
  );
  shows(fannedOut, [
    '◇ Fan-out parent INTEND created',
    '  thread:   ‹th›',
    '  record:   ‹id›',
    '  subtasks: 2',
    '  join:     all',
  ]);
  const underWay = await tutorial.look(begun, 'task', 'join-status', 'FIRST-001');
  if (underWay !== null) {
    shows(underWay, [
      ...headOfJoin(0, 'no'),
      '  Per-subtask:',
      `    [0] Say hello from worker A → specific:${a}`,
      '        in progress (worker-a, ‹secs›)',
      `    [1] Say hello from worker B → specific:${b}`,
      '        in progress (worker-b, ‹secs›)',
    ]);
  }
  const joined = [
    ...headOfJoin(2, 'yes'),
    '  Per-subtask:',
    `    [0] Say hello from worker A → specific:${a}`,
    '        accept ($0.00, ‹one›s)',
    `    [1] Say hello from worker B → specific:${b}`,
    '        accept ($0.00, ‹one›s)',
  ];
  shows(await tutorial.type('task', 'join-status', 'FIRST-001', '--watch'), joined);
  shows(await tutorial.type('task', 'join-status', 'FIRST-001'), joined);
}

async function speedup(tutorial: Tutorial): Promise<void> {
  const report = [
    'Fan-out speedup report: ‹th›',
    '  Parallel run:',
    '    subtasks:          2',
    '    per-subtask walls: [‹one›, ‹one›]',
    '    parallel wall:     ‹one›s  (critical path = max)',
    '    measured wall:     ‹secs›',
    '    total cost:        $0.0000',
    '  Weak estimate (single-run, sanity check only):',
    '    serial estimate:   ‹two›s (sum of subtask walls)',
    '    estimated speedup: ‹twice›×',
    '    caveat: ‹text›',
  ];
  shows(await tutorial.type('task', 'speedup', 'FIRST-001'), report);
  const serial = await tutorial.type(
    ...['task', 'run-serial', 'FIRST-001', '--worker', 'worker-a', '--wait'],
  );
  shows(serial, ['◇ Fan-out parent INTEND created', '  Join complete:   yes']);
  const thread = /thread: +(th_\w+)/.exec(serial)?.[1] ?? '';
  shows(await tutorial.type('task', 'speedup', 'FIRST-001', '--vs-serial', thread), [
    ...report,
    '  Measured against a serial run:',
    `    serial thread:     ${thread}`,
    '    serial wall:       ‹secs›',
    '    speedup:           ‹ratio›×  (serial wall ÷ measured wall)',
    '    ceiling:           ‹ratio›×  (serial wall ÷ critical path)',
    '    efficiency:        ‹n›%  (speedup ÷ 2 slots)',
    '    cost ratio:        –',
    '    overhead:          ‹secs›  (measured wall − critical path)',
  ]);
}

async function lookBack(tutorial: Tutorial): Promise<void> {
  shows(await tutorial.type('debug', 'replay', 'FIRST-001'), [
    'CLOCK ACT ACTOR STATUS BODY',
    '0 INTEND did:sync:user:tester → inbox ‹text›',
    '1 INTEND did:sync:user:tester → active ‹text›',
    '‹n› KNOW ‹did› → approved ‹text›',
    'final status: approved · 7 records',
  ]);
  shows(await tutorial.type('task', 'list', '--all'), [
    'ALIAS STATUS PRIORITY SUBTASKS GOAL',
    'FIRST-001 approved medium 2/2 My first fan-out',
    'FIRST-001-serial approved medium 2/2 My first fan-out',
  ]);
  shows(await tutorial.type('fleet', 'stop', '--all'), [
    '✓ worker-a stopped (drained)',
    '✓ worker-b stopped (drained)',
    '✓ coordinator stopped',
  ]);
}

function headOfJoin(completed: number, complete: 'yes' | 'no'): string[] {
  return [
    'Fan-out join status: ‹th›',
    '  Subtasks:        2',
    '  Spawned:         2 / 2',
    `  Completed:       ${completed} / 2`,
    '  Join predicate:  all',
    `  Join complete:   ${complete}`,
  ];
}

/** What stands for a value that varies. */
const VALUES: Readonly<Record<string, string>> = {
  did: 'did:sync:instance:[0-9a-f]{16}',
  th: 'th_[0-9a-f]{64}',
  id: '[0-9a-f]{64}',
  n: String.raw`\d+`,
  secs: String.raw`\d+(?:\.\d+)?s`,
  ratio: String.raw`\d+\.\d\d`,
  // The echo's second and what is made of it: a busy machine's timers are late, and the walls then honestly say so.
  one: String.raw`1(?:\.\d+)?`,
  two: String.raw`[23](?:\.\d+)?`,
  twice: String.raw`(?:1\.[5-9]\d|2\.00)`,
  version: String.raw`\d+\.\d+\.\d+`,
  path: String.raw`\S+`,
  text: '.+',
};

/** Proves that the lines are there, in this order, others between them; spacing inside a line is free. */
function shows(output: string, lines: readonly string[]): void {
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

/** Types commands, and keeps what they print with every value that varies replaced. */
class Tutorial {
  readonly #fleet: Scenario;
  readonly #sections: string[] = [];
  readonly #names = new Map<string, string>();

  constructor(fleet: Scenario) {
    this.#fleet = fleet;
  }

  /** Types a command that must succeed. @returns what it printed. */
  async type(...words: readonly string[]): Promise<string> {
    const out = await this.#run(words);
    this.#keep(words, out);
    return out;
  }

  /** As `type`, of something that is over soon. @returns null when the look came so late that it may be over. */
  async look(begun: number, ...words: readonly string[]): Promise<string | null> {
    const out = await this.#run(words);
    if (performance.now() - begun > LATE_MS) {
      this.#sections.push(await this.#goldenOf(words));
      return null;
    }
    this.#keep(words, out);
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
    const transcript = sortedRuns(lines, ...ENDING_TOGETHER).join('\n');
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN, transcript);
    assert.equal(transcript, await readFile(GOLDEN, 'utf8'));
  }

  async #run(words: readonly string[]): Promise<string> {
    const { code, out, err } = await this.#fleet.spl(...words);
    assert.equal(code, 0, `spl ${words.join(' ')} ended with ${code}: ${err}`);
    assert.equal(err, '');
    return out;
  }

  #keep(words: readonly string[], out: string): void {
    const typed = words.map(word => (/[\s,]/.test(word) ? `"${word}"` : word)).join(' ');
    this.#sections.push(`$ spl ${typed}\n${settled(out)}`);
  }

  async #goldenOf(words: readonly string[]): Promise<string> {
    const sections = (await readFile(GOLDEN, 'utf8')).split(/^(?=\$ spl )/m);
    return sections.find(section => section.startsWith(`$ spl ${words.join(' ')}\n`))?.trimEnd() + '\n';
  }

  /** Names for what is made up anew in each run, in the order in which they are met. */
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

/**
 * The output without what depends on the time and the machine: figures, ports that were taken, how far a run had come
 * at a moment, and bodies, which are cut after so many characters.
 */
function settled(out: string): string {
  const lines = out
    .replace(/PID \d+/g, 'PID ‹pid›')
    .replace(/:\d{4,5}\b/g, ':‹port›')
    .replace(/\b\d+ms\b/g, '‹ms›')
    .replace(/\b\d+(?:\.\d+)?s\b/g, '‹secs›')
    .replace(/walls: \[[^\]]*\]/, 'walls: [‹secs›, ‹secs›]')
    .replace(/\b\d+\.\d\d×/g, '‹ratio›×')
    .replace(/\b\d+%/g, '‹n›%')
    .replace(/\b\d+\.\d+\.\d+(?= )/g, '‹version›')
    .replace(/ \{".*$/gm, ' {‹body›}')
    .split('\n')
    .filter(line => !/^→ \[|^ +⚠ port /.test(line))
    .map(line => line.replace(/(?<=\S) {2,}/g, '  '));
  return lines.join('\n');
}

/** Lines of things that end together, whose order is anybody's guess. */
const ENDING_TOGETHER = [/^✓ \[/, / fanout_child_done /];

/** Each run of lines that one of the patterns matches, sorted. */
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
