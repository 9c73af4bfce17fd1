import { FleetError, messageOf } from '../../engine/errors.ts';
import { statusOf } from '../../engine/domain/model/tasks.ts';
import { COMMANDS, wordsOf } from './commands.ts';
import { RuleFleet } from './rule-fleet.ts';
import { messageInWords, Names, recordInWords } from './telling.ts';
import { TOPIC, topicOf } from '../../engine/domain/model/record-bodies.ts';
import type { Did } from '../../engine/record/ids.ts';

/** The topics of a worker's own log that have no equivalent in the coordinator's records. */
const OF_WORKERS: ReadonlySet<string | undefined> = new Set([TOPIC.childStarted, TOPIC.outboxAcked]);

/**
 * Runs the commands of a transcript. A line `fleet …` begins another story. @returns the commands with their results
 */
export function play(text: string): string {
  let teller = new Teller();
  const lines: string[] = [];
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('  ')) continue;
    lines.push(line);
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('fleet ')) teller = new Teller();
    lines.push(...teller.run(line));
  }
  return `${lines.join('\n')}\n`;
}

/** Prints the events of a fleet as lines. */
class Teller {
  readonly #names = new Names(() => this.#fleet.core.state);
  readonly #statuses = new Map<string, string>();
  /** Lines of earlier moments while time passes. */
  #earlier: string[] = [];
  #lines: string[] = [];
  /** The topic of the last line. Further records of that topic are added to it. */
  #topic: string | undefined;
  #fleet = new RuleFleet({
    recorded: record => this.#record(recordInWords(record, this.#names)),
    recordedByWorker: (member, record) => {
      const words = OF_WORKERS.has(topicOf(record)) ? recordInWords(record, this.#names) : null;
      if (words !== null) this.#tell(`${member.alias} writes ${words.join(' ')}`);
    },
    sent: (member, message) => {
      const words = messageInWords(message, this.#names);
      if (words !== null) this.#tell(`${member.alias} <- ${words}`);
    },
    started: (member, { ref }) => this.#tell(`${member.alias} runs ${this.#names.delivery(ref)}`),
    ended: (member, { ref }, reason) =>
      this.#tell(`${member.alias} ends ${this.#names.delivery(ref)}: ${reason}`),
    exited: member => this.#tell(`${member.alias} exits`),
    processEnded: member => this.#tell(`the process of ${member.alias} is to be ended`),
  });

  run(line: string): readonly string[] {
    const words = wordsOf(line);
    const [name, ...plain] = words.plain;
    const command = COMMANDS[name!];
    if (command === undefined) throw new Error(`'${name}' is no command of a transcript`);
    const { key, by: user = 'tester' } = words.keyed;
    const digest = line.replaceAll(/ (?:key|by)=\S+/g, '');
    const stage = {
      fleet: this.#fleet,
      tell: (text: string) => this.#tell(text),
      by: (now: number) => ({ actor: `did:sync:user:${user}` as Did, key, digest, now }),
      moment: (passedMs: number) => this.#moment(passedMs),
    };
    try {
      command(stage, { ...words, plain });
    } catch (error) {
      const why = FleetError.is(error) ? `refused: ${error.code}` : 'impossible';
      this.#tell(`${why}: ${messageOf(error)}`);
    }
    // The command already shows the admission.
    const lines = name === 'fleet' ? [] : this.#take();
    if (name === 'fleet') this.#take();
    return lines.map(text => `  ${text}`);
  }

  #moment(passedMs: number): void {
    const at = `after ${Math.round(passedMs / 100) / 10}s, `;
    for (const [i, line] of this.#fresh().entries())
      this.#earlier.push((i === 0 ? at : ' '.repeat(at.length)) + line);
  }

  #take(): string[] {
    const lines = [...this.#earlier, ...this.#fresh()];
    this.#earlier = [];
    return lines;
  }

  /** Returns the lines since the last moment, with the changed statuses. */
  #fresh(): readonly string[] {
    const { core, now } = this.#fleet;
    for (const task of core.state.tasks.values()) {
      const status = statusOf(core.state, task, now);
      const before = this.#statuses.get(task.thread) ?? 'inbox';
      this.#statuses.set(task.thread, status);
      if (status !== before) this.#tell(`${task.alias} is ${status}`);
    }
    const lines = this.#lines;
    this.#lines = [];
    this.#topic = undefined;
    return lines;
  }

  #record(words: readonly [topic: string, text: string] | null): void {
    if (words === null) return;
    const [topic, text] = words;
    if (topic === this.#topic) this.#lines.push(`${this.#lines.pop()!}; ${text}`);
    else this.#tell(`${topic} ${text}`);
    this.#topic = topic;
  }

  #tell(line: string): void {
    this.#lines.push(line);
    this.#topic = undefined;
  }
}
