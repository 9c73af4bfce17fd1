import type { RunDocument } from '../../contract/documents.ts';
import { runText } from '../../contract/run-name.ts';
import { FleetError } from '../../errors.ts';
import type { FleetState, Run, Task } from './state.ts';

/**
 * Numbered runs. Fan-outs that carry the same name are the runs of that name. Each one gets the next number of its name
 * in its namespace.
 */

/** Returns the number of the next run of a name in a namespace. */
export function nextNumber({ runs }: FleetState, name: string, namespace: string): number {
  const last = runs.get(name)?.findLast(run => run.namespace === namespace);
  return (last?.number ?? 0) + 1;
}

/** Adds a run to the index. */
export function rememberRun({ runs }: FleetState, run: Run): void {
  const known = runs.get(run.name);
  if (known === undefined) runs.set(run.name, [run]);
  else known.push(run);
}

/** `release#4` or `release #4`. */
const REFERENCE = /^(?<name>.+?)\s*#(?<number>\d{1,9})$/;

/**
 * Returns the task of a run: `release#4`, or `release` for the newest one. Undefined for a text that names no run.
 * @throws NOT_FOUND for a number that a known name does not have; CONFLICT for one that several namespaces have
 */
export function taskOfRun(state: FleetState, text: string): Task | undefined {
  const newest = state.runs.get(text)?.at(-1);
  if (newest !== undefined) return state.tasks.get(newest.thread);
  const { name, number } = REFERENCE.exec(text)?.groups ?? {};
  const runs = name === undefined ? undefined : state.runs.get(name);
  if (runs === undefined) return undefined;
  const found = runs.filter(run => run.number === Number(number));
  if (found.length === 1) return state.tasks.get(found[0]!.thread);
  throw found.length === 0 ? noSuchRun(text, runs.at(-1)!) : ambiguous(state, text, found);
}

function noSuchRun(text: string, newest: Run): FleetError {
  return new FleetError('NOT_FOUND', `no run is named '${text}'; the newest is ${runText(newest)}`, {
    details: { task: text, newest: newest.number },
    hint: `List the runs with: spl runs '${newest.name}'`,
  });
}

function ambiguous(state: FleetState, text: string, found: readonly Run[]): FleetError {
  const candidates = found.map(({ thread }) => state.tasks.get(thread)!.alias);
  const namespaces = found.map(({ namespace }) => namespace).join(', ');
  return new FleetError('CONFLICT', `'${text}' is a run in several namespaces: ${namespaces}`, {
    details: { task: text, candidates },
    hint: `Name its task: ${candidates.join(', ')}`,
  });
}

/** The most characters of a run's name in the alias of its task, which people type. */
const MAX_ALIAS_NAME = 24;

/** Returns the alias of a new run's task: `release-4` for `release #4`. */
export function aliasOfRun({ name, number }: RunDocument): string {
  const words = name.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^[.-]+/, '');
  const short = words.slice(0, MAX_ALIAS_NAME).replace(/[.-]+$/, '');
  return `${short || 'run'}-${number}`;
}
