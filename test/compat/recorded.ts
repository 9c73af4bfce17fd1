import { chmod, cp, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { isInSnapshots } from '../../engine/contract/snapshot.ts';
import type { Engine } from '../../engine/operations/engine.ts';
import type { ReportName, Reports } from '../../engine/operations/index.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { Worker } from '../../engine/domain/worker/worker.ts';
import type { DeliveryRef, ToCoordinator } from '../../engine/domain/model/messages.ts';
import { readSegments } from '../../engine/log/file/reader.ts';
import type { FleetRecord } from '../../engine/record/record.ts';
import { TOPIC, topicOf } from '../../engine/domain/model/record-bodies.ts';

/** A recording: a coordinator's home, a worker's log, and the answers from when they were made. */

/** The folder of all recordings. */
export const RECORDED = fileURLToPath(new URL('./recorded', import.meta.url));

/** An answer of an engine, or the members of it that stay true without a worker. */
export interface Answer<N extends ReportName = ReportName> {
  readonly report: N;
  readonly input: Reports[N]['input'];
  readonly output: Partial<Reports[N]['output']>;
}

/** The messages of a worker that is started on its log: its deliveries and its reports. */
export interface WorkerWords {
  readonly held: readonly DeliveryRef[];
  readonly reports: readonly FleetRecord['body'][];
}

/** Asks for everything that the log determines and that does not change with time. */
export async function answersOf(engine: Pick<Engine, 'report'>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const ask = async <N extends ReportName>(
    report: N,
    input: Reports[N]['input'],
    keep = (output: Reports[N]['output']): Partial<Reports[N]['output']> => output,
  ): Promise<Reports[N]['output']> => {
    const output = await engine.report(report, input);
    answers.push({ report, input, output: keep(output) });
    return output;
  };
  await ask('fleet', {}, ({ freezes, emergency, shared, default_executor }) => ({
    ...{ freezes, emergency, shared, default_executor },
  }));
  for (const instance of ['coordinator', 'worker-a', 'worker-b'])
    await ask('instance', { instance }, ({ did, alias, role }) => ({ did, alias, role }));
  await ask('rules', {});
  const { namespaces } = await ask('namespaces', { all: true });
  for (const { id } of namespaces) await ask('namespace.effective', { namespace: id });
  const { tasks } = await engine.report('tasks', { all: true });
  const { tasks: archived } = await engine.report('tasks', { all: true, archived: true });
  await ask('runs', { limit: 1_000 });
  for (const { thread } of [...tasks, ...archived]) {
    const { fan_out: fanOut } = await ask('task', { task: thread });
    if (fanOut === null) continue;
    await ask('join', { task: thread, summary: false });
    await ask('speedup', { task: thread, vsSerial: null });
  }
  const { threads } = await engine.report('threads', { limit: 1000 });
  for (const { thread, kind } of threads) {
    if (kind === 'subtask' || !isInSnapshots(thread)) continue;
    await ask('thread.state', { thread });
    await ask('replay', { thread });
  }
  return answers;
}

/** Members with text for people. a later version may improve better where they stand in no record. */
const WORDS: ReadonlySet<string> = new Set(['caveat', 'notes', 'reason', 'needs_you']);

/**
 * Returns the members of an answer that a kept answer has. A later version may add members, and removes none. Of words for people
 * that no record has, only their presence is compared.
 *
 * @param recorded the words for people that records have
 */
export function membersOf(answer: unknown, kept: unknown, recorded: ReadonlySet<unknown>): unknown {
  if (Array.isArray(answer) && Array.isArray(kept))
    return answer.map((each, i) => membersOf(each, kept[i], recorded));
  if (!isObject(answer) || !isObject(kept)) return answer;
  const names = Object.keys(answer).filter(name => name in kept);
  return Object.fromEntries(
    names.map(name => {
      const isWorded = WORDS.has(name) && !recorded.has(kept[name]);
      const isThere = typeof answer[name] === typeof kept[name];
      return [name, isWorded && isThere ? kept[name] : membersOf(answer[name], kept[name], recorded)];
    }),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Folds a worker's log with the worker's rules, and connects it. */
export async function wordsOfWorker(home: string): Promise<WorkerWords> {
  const records = await recordsIn(home);
  const self = records.find(record => topicOf(record) === TOPIC.childStarted)!.actor;
  const worker = new Worker({ self, slots: 1, hasSideEffects: () => true });
  for (const record of records) worker.replay(record);
  worker.recover();
  worker.connected();
  const messages = worker.take().effects.flatMap(effect => (effect.type === 'send' ? effect.message : []));
  return {
    held: messages.flatMap(message => (message.type === 'hello' ? message.held : [])),
    reports: messages.flatMap(message => (message.type === 'report' ? message.records.map(bodyOf) : [])),
  };
}

const bodyOf = ({ record }: Extract<ToCoordinator, { type: 'report' }>['records'][number]) => record.body;

/** Returns the records in the log of a home, oldest first. */
export async function recordsIn(home: string): Promise<readonly FleetRecord[]> {
  const records: FleetRecord[] = [];
  for await (const { record } of readSegments(homePaths(home).logDir, { fromPosition: 0 }))
    records.push(record.record);
  return records;
}

/** Copies a home, and sets the permissions that a repository does not keep. */
export async function copyHome(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  const { home, keysDir, keyFile } = homePaths(to);
  for (const folder of [home, keysDir]) await chmod(folder, 0o700);
  await chmod(keyFile, 0o600);
}

/** Returns the folders of a recording. */
export const placesOf = (name: string) => ({
  home: join(RECORDED, name, 'home'),
  worker: join(RECORDED, name, 'worker'),
  answers: join(RECORDED, name, 'answers.ndjson'),
});

/** Returns the text of a recording's answers, one per line, to be read and compared. */
export function writtenAnswers(answers: readonly Answer[], worker: WorkerWords): string {
  const lines = [...answers.map(answer => JSON.stringify(answer)), JSON.stringify({ worker })];
  return `${lines.join('\n')}\n`;
}

export async function readAnswers(
  file: string,
): Promise<{ answers: readonly Answer[]; worker: WorkerWords }> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const { worker } = JSON.parse(lines.pop()!) as { worker: WorkerWords };
  return { answers: lines.map(line => JSON.parse(line) as Answer), worker };
}
