import type { FleetError } from '../../errors.ts';
import { budgetAmount, CURRENCIES, type Currency } from '../../contract/format.ts';
import type { Budgeted } from '../model/budgets.ts';
import { didYouMean, likeness, nearestName } from '../model/did-you-mean.ts';
import { resultRefsOf } from '../model/matrices.ts';
import { walk } from '../model/subtask-graph.ts';
import { isAgent, isFollowUp } from '../model/subtask.ts';
import { DecodedSubtask, decodeSubtask } from '../../subtask/decode.ts';
import { nameOf, refuse, show } from '../../subtask/fault.ts';
import { NONE } from '../../subtask/subtask-ref.ts';
import type { CompleteSubtask, Subtask } from '../../subtask/subtask.ts';
import type { Isolation } from '../../subtask/table.ts';
import { matrixKeysIn, MAX_MATRICES, variableOf } from '../../subtask/matrix.ts';
import { textsWithMatrix } from '../../subtask/matrix-filling.ts';
import { resultRefsIn } from '../../subtask/results.ts';
import { FREE_CHOICE, LEAST_LOADED, ROUND_ROBIN, SPECIFIC, type Target } from '../../subtask/target.ts';

/** The defaults that complete a fan-out's subtasks, and the facts that they are checked against. */
export interface SubtaskContext {
  /** The folder of subtasks that name none: the fan-out's, the task's or the caller's. */
  readonly dir: string | null;
  /** The executor of subtasks that name none and have no `run`. */
  readonly defaultExecutor: string;
  /** The workers that a target may name. A worker with the alias `coordinator` runs no subtasks and does not match. */
  readonly instances: readonly { readonly did: string; readonly alias: string }[];
  readonly executors: readonly string[];
  /** The time-out of subtasks that name none; null for no time-out. */
  readonly defaultTimeoutSecs: number | null;
  /** Returns why an executor can't run a subtask, or null when it can; called once the executor is known to exist. */
  readonly refusal?: (executor: string, subtask: { readonly run: string | null }) => string | null;
  /** The fan-out's limits. Each subtask must name its share of each. */
  readonly limits?: Budgeted;
}

const COORDINATOR = 'coordinator';
/** A longer cycle is described in the message by its two ends, and listed completely in the details. */
const MAX_NAMED_IN_CYCLE = 100;

/**
 * Decodes and completes the subtasks of a fan-out, and makes all checks that must precede the first write. Linear in
 * the number of subtasks and dependencies.
 *
 * @throws INVALID_RECORD for the first subtask with a fault, naming the subtask, the key and the position; `details`
 * are `{subtask, name, key, position}`, where `position` is that inside the key's list, or null
 */
export function completeSubtasks(
  inputs: readonly unknown[],
  context: SubtaskContext,
): readonly CompleteSubtask[] {
  const lookup = lookupOf(context);
  const decoded = inputs.map(decodeSubtask);
  const named = dependenciesByName(decoded);
  const subtasks = decoded.map((subtask, index) => complete(subtask, index, named, lookup));
  refuseRepeatedNames(subtasks);
  refuseCycles(subtasks, decoded);
  refuseLoneFollowUps(subtasks);
  refuseUnknownResults(subtasks);
  refuseUnknownMatrices(subtasks);
  if (context.limits !== undefined) refuseUnbudgeted(subtasks, context.limits);
  return subtasks;
}

/** Returns the executors of subtasks that were decoded ahead, each once. */
export function executorsAmong(
  decoded: readonly unknown[],
  { defaultExecutor }: Pick<SubtaskContext, 'defaultExecutor'>,
): readonly string[] {
  const subtasks = decoded.flatMap(each => (each instanceof DecodedSubtask ? each.subtask : []));
  return [...new Set(subtasks.map(subtask => executorFor(subtask, defaultExecutor)))];
}

/** Returns the names of the members that were decoded ahead; empty where one has none. */
export function memberNamesAmong(decoded: readonly unknown[]): readonly string[] {
  return decoded.flatMap(each =>
    each instanceof DecodedSubtask && !isFollowUp(each.subtask) ? (each.subtask.name ?? '') : [],
  );
}

const executorFor = ({ executor, run }: Subtask, defaultExecutor: string): string =>
  executor ?? (run === null ? defaultExecutor : 'shell');

/** Returns the folders of the repositories in which complete subtasks have worktrees, each once. */
export function foldersWithWorktrees(subtasks: readonly CompleteSubtask[]): readonly string[] {
  const isolated = subtasks.filter(({ isolation }) => isolation === 'worktree');
  return [...new Set(isolated.flatMap(({ dir }) => dir ?? []))];
}

/**
 * Returns the folders whose repositories will have worktrees of these subtasks. Skips subtasks with a fault, which are
 * refused later.
 */
export function worktreeFolders(
  decoded: readonly unknown[],
  { dir, defaultExecutor, executors }: Pick<SubtaskContext, 'dir' | 'defaultExecutor' | 'executors'>,
): readonly string[] {
  const folders = new Set<string>();
  for (const each of decoded) {
    if (!(each instanceof DecodedSubtask)) continue;
    const { isolation, dir: own } = each.subtask;
    const chosen = executorFor(each.subtask, defaultExecutor);
    const folder = own ?? dir;
    if (chosen === 'echo' || !executors.includes(chosen)) continue;
    if (folder !== null && (isolation ?? (isAgent(chosen) ? 'worktree' : 'folder')) === 'worktree')
      folders.add(folder);
  }
  return [...folders];
}

/** The context with indexes for fast lookups. */
interface Lookup extends SubtaskContext {
  readonly dids: ReadonlySet<string>;
  readonly aliases: ReadonlySet<string>;
  readonly executorNames: ReadonlySet<string>;
}

function lookupOf(context: SubtaskContext): Lookup {
  const workers = context.instances.filter(instance => instance.alias !== COORDINATOR);
  return {
    ...context,
    dids: new Set(workers.map(worker => worker.did)),
    aliases: new Set(workers.map(worker => worker.alias)),
    executorNames: new Set(context.executors),
  };
}

function complete(
  subtask: Subtask,
  index: number,
  named: ReadonlyMap<number, readonly number[]>,
  lookup: Lookup,
): CompleteSubtask {
  const executor = chooseExecutor(subtask, index, lookup);
  const isolation = chooseIsolation(subtask, index, executor, lookup);
  refuseUnreusable(subtask, index, { executor, isolation, dir: subtask.dir ?? lookup.dir });
  return {
    ...subtask,
    target: parseTarget(subtask, index, lookup),
    errexit: subtask.run !== null && hasSeveralLines(subtask.run),
    executor,
    dir: subtask.dir ?? lookup.dir,
    timeout_secs: subtask.timeout_secs ?? lookup.defaultTimeoutSecs,
    depends_on: named.get(index) ?? NONE,
    isolation,
  };
}

function chooseExecutor(subtask: Subtask, index: number, lookup: Lookup): string {
  const { run } = subtask;
  const executor = subtask.executor ?? (run === null ? lookup.defaultExecutor : 'shell');
  const at = { index, input: subtask };
  if (!lookup.executorNames.has(executor)) {
    const known = `The executors are ${lookup.executors.join(', ')}.`;
    const near = didYouMean(executor, lookup.executors);
    throw refuse(at, 'executor', `executor ${show(executor)} is unknown${near}`, { hint: known });
  }
  if (executor === 'shell' && run === null) {
    const whose = subtask.executor === null ? 'executor shell, the default here,' : 'executor shell';
    throw refuse(at, 'run', `run is missing: ${whose} needs a command line`, {
      hint: "Give the command as run='…'; a goal is never run.",
    });
  }
  const refusal = lookup.refusal?.(executor, { run }) ?? null;
  if (refusal !== null)
    throw refuse(at, 'executor', `executor ${executor} can't run it: ${refusal}`, {
      ...(run === null ? {} : { hint: 'Without executor, a subtask with run has the shell.' }),
    });
  return executor;
}

function chooseIsolation(subtask: Subtask, index: number, executor: string, lookup: Lookup): Isolation {
  const isolation = subtask.isolation ?? (isAgent(executor) ? 'worktree' : 'folder');
  if (isolation === 'folder') return isolation;
  const at = { index, input: subtask };
  if (executor === 'echo')
    throw refuse(
      at,
      'isolation',
      'isolation = worktree is for what runs in a folder, and executor echo does not',
    );
  if ((subtask.dir ?? lookup.dir) === null)
    throw refuse(
      at,
      'dir',
      `dir is missing: ${subtask.isolation === null ? `executor ${executor}, which runs in a worktree of its own,` : 'isolation = worktree'} needs a folder in a git repository`,
      {
        hint: "Give the folder as dir='…', or with the task, or add isolation=folder.",
      },
    );
  return isolation;
}

/** Refuses inputs and outputs of a subtask whose attempts can't be reused. */
function refuseUnreusable(
  subtask: Subtask,
  index: number,
  { executor, isolation, dir }: Pick<CompleteSubtask, 'executor' | 'isolation' | 'dir'>,
): void {
  const at = { index, input: subtask };
  if (subtask.inputs === null) {
    if (subtask.outputs === null) return;
    throw refuse(at, 'outputs', 'outputs needs inputs: the files that it reads', {
      hint: 'Add inputs, or leave outputs out.',
    });
  }
  if (executor !== 'shell')
    throw refuse(
      at,
      'inputs',
      `inputs is for commands, and executor ${executor} runs none that can be reused`,
      {
        hint: 'Leave inputs and outputs out, or give a command as run.',
      },
    );
  if (isolation === 'worktree')
    throw refuse(at, 'inputs', 'inputs is for commands in the folder itself, and isolation is worktree', {
      hint: 'Leave inputs and outputs out, or change to isolation=folder.',
    });
  if (dir === null)
    throw refuse(at, 'dir', 'dir is missing: inputs are files in a folder', {
      hint: "Give the folder as dir='…', or with the task.",
    });
}

/** Returns true for a command with two or more non-empty lines. Its later lines should not run after a failed one. */
export function hasSeveralLines(command: string): boolean {
  return command.split('\n').filter(line => line.trim() !== '').length > 1;
}

function parseTarget(subtask: Subtask, index: number, lookup: Lookup): Target {
  const text = subtask.target;
  if (text === LEAST_LOADED) return FREE_CHOICE;
  if (text === ROUND_ROBIN) return { kind: 'round-robin' };
  if (text.startsWith(SPECIFIC)) {
    const did = text.slice(SPECIFIC.length);
    if (lookup.dids.has(did)) return { kind: 'specific', did };
  } else if (lookup.aliases.has(text)) {
    return { kind: 'alias', alias: text };
  }
  throw unmatchedTarget(subtask, index, lookup);
}

function unmatchedTarget(subtask: Subtask, index: number, lookup: Lookup): FleetError {
  const text = subtask.target;
  const named = text.startsWith(SPECIFIC) ? text.slice(SPECIFIC.length) : text;
  const coordinator = lookup.instances.some(
    ({ alias, did }) => alias === COORDINATOR && (named === alias || named === did),
  );
  const why =
    coordinator || named === COORDINATOR
      ? 'is the coordinator, which runs no subtasks'
      : `matches no worker${suggestTarget(text, named, lookup)}`;
  const workers =
    lookup.aliases.size === 0
      ? 'The fleet has no worker; start some.'
      : `The workers are ${[...lookup.aliases].join(', ')}.`;
  return refuse({ index, input: subtask }, 'target', `target ${show(text)} ${why}`, {
    hint: `${workers} Other targets: ${SPECIFIC}did:sync:instance:…, ${LEAST_LOADED}, ${ROUND_ROBIN}.`,
  });
}

function suggestTarget(text: string, named: string, lookup: Lookup): string {
  if (lookup.dids.has(named)) return ` (did you mean '${SPECIFIC}${named}'?)`;
  if (lookup.aliases.has(named)) return ` (did you mean '${named}'?)`;
  const did = nearestName(named, lookup.dids);
  if (did !== undefined) return ` (did you mean '${SPECIFIC}${did}'?)`;
  return didYouMean(text, [LEAST_LOADED, ROUND_ROBIN, ...lookup.aliases]);
}

/** Returns the dependencies of each subtask that has any, as ascending indices. */
function dependenciesByName(subtasks: readonly Subtask[]): ReadonlyMap<number, readonly number[]> {
  const dependencies = new Map<number, readonly number[]>();
  const names = new Map<string, number>();
  subtasks.forEach(({ name }, index) => name !== null && !names.has(name) && names.set(name, index));
  subtasks.forEach((subtask, index) => {
    if (subtask.depends_on.length === 0) return;
    const given = subtask.depends_on.flatMap((ref, position) =>
      typeof ref === 'number' ? [ref] : namedBy(ref, { subtask, index, position }, names),
    );
    dependencies.set(index, checkDependencies(subtask, given, index, subtasks.length));
  });
  return dependencies;
}

interface DependencyAt {
  readonly subtask: Subtask;
  readonly index: number;
  readonly position: number;
}

/** Returns the subtasks that a name, an index as text, or a pattern names. */
function namedBy(
  ref: string,
  { subtask, index, position }: DependencyAt,
  names: ReadonlyMap<string, number>,
): readonly number[] {
  const named = names.get(ref);
  if (named !== undefined) return [named];
  if (/^\d{1,15}$/.test(ref)) return [Number(ref)];
  const isMeant = likeness(ref);
  const like = ref.includes('*') ? [...names].filter(([name]) => isMeant(name)) : [];
  const others = like.map(([, at]) => at).filter(at => at !== index);
  if (others.length > 0) return others;
  const what = `depends_on[${position}] = ${show(ref)} names no other subtask${didYouMean(ref, names.keys())}`;
  throw refuse({ index, input: subtask }, 'depends_on', what, { position });
}

function checkDependencies(
  subtask: Subtask,
  given: readonly number[],
  index: number,
  total: number,
): readonly number[] {
  const ascending = given.length === 1 ? given : [...given].sort((a, b) => a - b);
  for (let i = 0; i < ascending.length; i++) {
    const dependency = ascending[i]!;
    const sound = dependency < total && dependency !== index && dependency !== ascending[i - 1];
    if (!sound) throw faultyDependency(subtask, given, index, total);
  }
  return ascending;
}

/** Finds the first fault in the given order. It runs only when there is a fault. */
function faultyDependency(
  subtask: Subtask,
  given: readonly number[],
  index: number,
  total: number,
): FleetError {
  const position = given.findIndex(
    (dependency, i) => dependency >= total || dependency === index || given.indexOf(dependency) < i,
  );
  const dependency = given[position]!;
  const fault =
    dependency >= total
      ? `is out of range (0 to ${total - 1})`
      : dependency === index
        ? 'is the subtask itself'
        : `repeats depends_on[${given.indexOf(dependency)}]`;
  const what = `depends_on[${position}] = ${dependency} ${fault}`;
  return refuse({ index, input: subtask }, 'depends_on', what, { position });
}

function refuseRepeatedNames(subtasks: readonly CompleteSubtask[]): void {
  const holders = new Map<string, number>();
  subtasks.forEach((subtask, index) => {
    if (subtask.name === null) return;
    const holder = holders.get(subtask.name);
    if (holder !== undefined) {
      throw refuse(
        { index, input: subtask },
        'name',
        `name ${show(subtask.name)} is already that of subtask ${holder}`,
      );
    }
    holders.set(subtask.name, index);
  });
}

function refuseCycles(subtasks: readonly CompleteSubtask[], given: readonly Subtask[]): void {
  const { cycle } = walk(subtasks);
  if (cycle === null) return;
  const [index, next] = [cycle[0]!, cycle[1]!];
  // The completed list is ascending; `position` refers to the list as it was given.
  const names = [next, String(next), subtasks[next]!.name];
  const position = Math.max(
    0,
    given[index]!.depends_on.findIndex(ref => names.includes(ref)),
  );
  const what = `depends_on[${position}] = ${next} closes a cycle: ${nameCycle(cycle)} (each depends on the next)`;
  throw refuse({ index, input: subtasks[index] }, 'depends_on', what, { position, details: { cycle } });
}

/** Refuses follow-ups without dependencies, members that depend on a follow-up, and fan-outs without members. */
function refuseLoneFollowUps(subtasks: readonly CompleteSubtask[]): void {
  subtasks.forEach((subtask, index) => {
    const at = { index, input: subtask };
    if (isFollowUp(subtask)) {
      if (subtask.depends_on.length === 0)
        throw refuse(at, 'when', `when = ${subtask.when} needs depends: the subtasks that it follows`);
      return;
    }
    const position = subtask.depends_on.findIndex(on => isFollowUp(subtasks[on]!));
    if (position === -1) return;
    const on = subtask.depends_on[position]!;
    throw refuse(
      at,
      'depends_on',
      `it depends on ${nameOf(subtasks[on]) ?? `subtask ${on}`}, which is outside the join`,
      {
        position,
        hint: 'Give it when = always as well, or let it depend on a subtask without when.',
      },
    );
  });
  if (subtasks.every(isFollowUp))
    throw refuse(
      { index: 0, input: subtasks[0] },
      'when',
      'no subtask is left for the join: all have a when',
    );
}

/** Refuses variables that refer to the result of a subtask that is no dependency: it may not have ended. */
function refuseUnknownResults(subtasks: readonly CompleteSubtask[]): void {
  subtasks.forEach((subtask, index) => {
    const refs = resultRefsIn(subtask.env);
    if (refs.length === 0) return;
    const names = subtask.depends_on.flatMap(on => subtasks[on]!.name ?? []);
    const ref = refs.find(each => !names.includes(each.subtask));
    if (ref === undefined) return;
    const what = `env refers to a result of ${show(ref.subtask)}, which it does not depend on${didYouMean(ref.subtask, names)}`;
    throw refuse({ index, input: subtask }, 'env', what, {
      hint: 'Name that subtask in depends as well.',
    });
  });
}

/** Refuses matrices over results of a subtask that is no dependency, and texts that their values can't fill in. */
function refuseUnknownMatrices(subtasks: readonly CompleteSubtask[]): void {
  let count = 0;
  subtasks.forEach((subtask, index) => {
    if (subtask.matrix === null) return;
    const at = { index, input: subtask };
    if (++count > MAX_MATRICES)
      throw refuse(at, 'matrix', `more than ${MAX_MATRICES} subtasks have a matrix over results`);
    if (isFollowUp(subtask))
      throw refuse(at, 'matrix', `a subtask with when = ${subtask.when} can't have a matrix over results`, {
        hint: 'A follow-up also starts where its dependencies gave no result.',
      });
    const names = subtask.depends_on.flatMap(on => subtasks[on]!.name ?? []);
    const ref = resultRefsOf(subtask).find(each => !names.includes(each.subtask));
    if (ref !== undefined) {
      const what = `matrix has a result of ${show(ref.subtask)}, which it does not depend on${didYouMean(ref.subtask, names)}`;
      throw refuse(at, 'matrix', what, { hint: 'Name that subtask in depends as well.' });
    }
    const keys = Object.keys(subtask.matrix);
    const variables = new Set(keys.map(variableOf));
    if (variables.size < keys.length)
      throw refuse(at, 'matrix', `two keys of the matrix are one variable to a command: ${keys.join(', ')}`);
    refuseUnfillable(subtask, index, keys);
  });
}

/** @param keys the keys of the matrix over results */
function refuseUnfillable(subtask: CompleteSubtask, index: number, keys: readonly string[]): void {
  const at = { index, input: subtask };
  for (const [field, text] of textsWithMatrix(subtask)) {
    const unknown = matrixKeysIn(text).find(key => !keys.includes(key));
    if (unknown !== undefined)
      throw refuse(
        at,
        field,
        `${field} has a placeholder of ${show(unknown)}, and the matrix has ${keys.join(', ')}${didYouMean(unknown, keys)}`,
      );
  }
  const [inCommand] = matrixKeysIn(subtask.run ?? '');
  if (inCommand !== undefined)
    throw refuse(at, 'run', 'run has a placeholder of the matrix', {
      hint: `A command finds the value in a variable: "$${variableOf(inCommand)}".`,
    });
  const missing = keys.find(key => subtask.name !== null && !matrixKeysIn(subtask.name).includes(key));
  if (missing !== undefined)
    throw refuse(
      at,
      'name',
      `name is that of every subtask of the matrix: add \${{ matrix.${missing} }} to it`,
    );
}

/** Refuses subtasks without a share of a limit: each share must be known before the start. */
function refuseUnbudgeted(subtasks: readonly CompleteSubtask[], limits: Budgeted): void {
  for (const currency of CURRENCIES) {
    const key = `budget_${currency}` as const;
    const limit = limits[key];
    if (limit == null) continue;
    const index = subtasks.findIndex(subtask => !((subtask[key] ?? Infinity) <= limit));
    if (index !== -1) throw unbudgeted(subtasks[index]!, index, currency, limit);
  }
}

function unbudgeted(subtask: CompleteSubtask, index: number, currency: Currency, limit: number): FleetError {
  const key = `budget_${currency}` as const;
  const share = subtask[key];
  const whole = `the fan-out may take ${budgetAmount(currency, limit)} in all`;
  const what =
    share === null
      ? `${key} is missing: ${whole}, and each subtask names its share`
      : `${key} = ${share} can never fit: ${whole}`;
  return refuse({ index, input: subtask }, key, what, {
    hint: `Give each subtask a ${key} of at most ${limit}, or the fan-out no limit in it.`,
  });
}

function nameCycle(cycle: readonly number[]): string {
  if (cycle.length <= MAX_NAMED_IN_CYCLE) return cycle.join(' → ');
  const half = MAX_NAMED_IN_CYCLE / 2;
  const left = cycle.length - MAX_NAMED_IN_CYCLE;
  return `${cycle.slice(0, half).join(' → ')} → … ${left} more … → ${cycle.slice(-half).join(' → ')}`;
}
