import type { Node } from 'yaml';
import type * as v from 'valibot';
import type { Losers, Priority } from '../contract/commands.ts';
import type { subtaskSchema } from '../subtask/subtask.ts';
import { FleetError } from '../errors.ts';
import type { Variables } from '../subtask/variables.ts';
import type { Budgeted } from '../domain/model/budgets.ts';
import { parsePredicate, type CelCompiler } from '../domain/model/predicate.ts';
import { nearestName } from '../domain/model/did-you-mean.ts';
import { completeSubtasks } from '../domain/commands/subtask-validation.ts';
import type { CompleteSubtask } from '../subtask/subtask.ts';
import { resolveDependencies } from './dependency-names.ts';
import type { Diagnostic, Fix, Range } from './diagnostics.ts';
import { readEnv, valuesOf } from './env-reader.ts';
import { withoutDependency } from './list-edits.ts';
import { filledIn, placeholders, type ParamValues } from './matrix.ts';
import { paramValues, readParams, requireParam, type Param } from './params.ts';
import type { WrittenKey } from '../subtask/table.ts';
import { keyOfField, LIMIT_KEYS, PLAN_KEY_NAMES, PLAN_KEYS, SUBTASK_KEYS } from './plan-keys.ts';
import { PlanText, type Entry, type Written } from './plan-text.ts';
import { checkNamespace, checkPolicy, type KnownNamespace } from './namespace-check.ts';
import {
  decodedDraft,
  isMember,
  mostMembersIn,
  SubtaskReader,
  type Draft,
  type WrittenSubtask,
} from './subtask-reader.ts';
import type { PlanMemory } from './plan-memory.ts';

/** The commands that install the programs of the preset agents, from their own documentation. */
const INSTALLERS: ReadonlyMap<string, string> = new Map([
  ['claude', 'npm install -g @anthropic-ai/claude-code'],
  ['codex', 'npm install -g @openai/codex'],
  ['gemini', 'npm install -g @google/gemini-cli'],
  ['copilot', 'npm install -g @github/copilot'],
  ['opencode', 'npm install -g opencode-ai'],
  ['aider', 'pipx install aider-chat'],
]);

/** Returns the message for an executor whose program is missing, with the way to get it where that is known. */
export function notInstalled(program: string): string {
  const installer = INSTALLERS.get(program);
  return `'${program}' is not installed, or not on the PATH${installer === undefined ? '' : `; to install it: ${installer}`}`;
}

/** The known facts of the fleet for a plan. */
export interface PlanKnown {
  /** The executor of subtasks without an executor and a command. */
  readonly defaultExecutor: string;
  /** The existing executors; null if unknown, so that any agent may exist. */
  readonly executors: readonly string[] | null;
  /** The programs that are not installed here, by their executors. Absent: unknown. */
  readonly missing?: Readonly<Record<string, string>> | undefined;
  /** The workers for targets; null if unknown, so that any may exist. */
  readonly workers: readonly { readonly did: string; readonly alias: string }[] | null;
  /** The existing namespaces; null if unknown, so that any may exist. */
  readonly namespaces: readonly KnownNamespace[] | null;
  /** The given values of the plan's params. Absent in a check that runs nothing: then none must be given. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/** The context that a plan is checked against. */
export interface PlanContext extends PlanKnown {
  readonly cel: CelCompiler;
}

/** A planned subtask, as in the body of a fan-out. The caller resolves a relative `dir`. */
export type PlannedSubtask = Partial<v.InferInput<typeof subtaskSchema>> & { readonly goal: string };

/** The request of a plan: the body of a fan-out, and the goal of its task. */
export interface PlanRequest {
  readonly goal: string;
  readonly namespace: string | null;
  readonly dir: string | null;
  readonly subtasks: readonly PlannedSubtask[];
  readonly join: string;
  readonly losers: Losers;
  /** Null for the priority of the task. */
  readonly priority: Priority | null;
  readonly timeout_secs: number | null;
  readonly budget_usd: number | null;
  readonly budget_tokens: number | null;
  readonly budget_secs: number | null;
  /** The variables of all subtasks; null for none. */
  readonly env: Variables | null;
}

/** The parts of a plan and their places, with or without faults. */
export interface PlanOutline {
  readonly goal: Written | null;
  readonly namespace: Written | null;
  readonly join: Written | null;
  readonly params: ReadonlyMap<string, Param>;
  /** The subtasks as written, in order. */
  readonly subtasks: readonly WrittenSubtask[];
  /** The subtasks from the matrices, by index. */
  readonly drafts: readonly Draft[];
}

export interface Plan {
  /** The diagnostics, in the order of their ranges. */
  readonly diagnostics: readonly Diagnostic[];
  /** Null if the plan has an error. */
  readonly request: PlanRequest | null;
  /** Null if the text is not YAML, or not a mapping. */
  readonly outline: PlanOutline | null;
}

/**
 * Reads a plan: YAML with a goal and subtasks. The editor and the run use the same function, so that a plan without
 * errors in the editor is accepted by the run. Never throws because of the text.
 * @param memory of the earlier texts of the plan; the ranges of their readings become invalid
 */
export function readPlan(text: string, context: PlanContext, memory?: PlanMemory): Plan {
  const plan = new PlanText(text, memory && (each => memory.yaml.parse(each)));
  const reader = new PlanReader(plan, context, memory);
  // A text that cannot be parsed is not interpreted.
  const request = plan.diagnostics.hasErrors ? null : reader.read(plan.root);
  const diagnostics = plan.diagnostics.all.toSorted((a, b) => a.range.start - b.range.start);
  return { diagnostics, request: plan.diagnostics.hasErrors ? null : request, outline: reader.outline };
}

/** The most suggestions. */
const MAX_OFFERS = 8;

type Values = Readonly<Record<string, unknown>>;

/** The details of an error of `requireFanOut`. */
interface PolicyFault {
  readonly policy: keyof typeof KEY_OF_POLICY;
  readonly subtask?: number;
  readonly limit?: number;
  readonly allowed?: readonly string[];
}

/** The texts of a plan itself in which its params stand. */
const WITH_PARAMS: readonly string[] = ['goal', 'dir'];

/** The key of a plan or a subtask that a part of a policy limits. */
const KEY_OF_POLICY = {
  executors: 'executor',
  targets: 'target',
  timeout_secs: 'timeout',
  budget_usd: 'budget',
  max_children: 'subtasks',
} as const;

class PlanReader {
  readonly #plan: PlanText;
  readonly #context: PlanContext;
  readonly #memory: PlanMemory | undefined;
  #subtasks: SubtaskReader;
  #params: ReadonlyMap<string, Param> = new Map();
  #paramValues: ParamValues = new Map();
  outline: PlanOutline | null = null;

  constructor(plan: PlanText, context: PlanContext, memory: PlanMemory | undefined) {
    this.#plan = plan;
    this.#context = context;
    this.#memory = memory;
    this.#subtasks = new SubtaskReader(plan);
  }

  get #drafts(): readonly Draft[] {
    return this.#subtasks.drafts;
  }

  read(root: Node | null): PlanRequest | null {
    const beginning = { start: 0, end: Math.min(this.#plan.text.length, 1) };
    const range = root === null ? beginning : this.#plan.rangeOf(root);
    const entries = this.#plan.entriesOf(root, 'a plan', range);
    if (entries === null) return null;
    this.#plan.refuseUnknown(entries, PLAN_KEY_NAMES, 'a plan');
    const keys = new Map(entries.map(entry => [entry.key, entry]));
    for (const key of ['goal', 'subtasks']) if (!keys.has(key)) this.#missing(key, beginning);
    this.#readParams(keys.get('params'), beginning);
    const values = this.#values(entries);
    resolveDependencies(this.#drafts, this.#plan);
    const [goal, namespace, join] = ['goal', 'namespace', 'join'].map(key => this.#written(keys.get(key)));
    this.outline = {
      goal: goal!,
      namespace: namespace!,
      join: join!,
      params: this.#params,
      subtasks: this.#subtasks.written,
      drafts: this.#drafts,
    };
    this.#join(join!);
    this.#budgets(values);
    checkNamespace(namespace!, this.#context.namespaces, this.#plan.diagnostics);
    if (this.#plan.diagnostics.hasErrors) return null;
    const subtasks = this.#complete(values);
    if (subtasks === null) return null;
    const asked = {
      subtasks,
      budgetUsd: limitsOf(values).budget_usd,
      env: (values['env'] as Variables | undefined) ?? null,
      workers: this.#context.workers ?? [],
    };
    this.#missingPrograms(subtasks, asked.env);
    const refused = this.#namespace === undefined ? null : checkPolicy(this.#namespace, asked);
    if (refused !== null) this.#beyondPolicy(refused, keys);
    return this.#request(values);
  }

  /** The known facts of the namespace that the plan names. */
  get #namespace(): KnownNamespace | undefined {
    const id = this.outline?.namespace?.value;
    return this.#context.namespaces?.find(namespace => namespace.id === id);
  }

  #missing(key: string, range: Range): void {
    const message = `${key} is missing: a plan has a goal and subtasks`;
    this.#plan.diagnostics.error('missing-key', message, range);
  }

  #values(entries: readonly Entry[]): Values {
    const values: Record<string, unknown> = {};
    for (const entry of entries) {
      const row = PLAN_KEYS.get(entry.key);
      if (row?.kind === 'subtasks') this.#subtasks.read(entry);
      else if (row?.kind === 'variables') values[entry.key] = this.#env(entry);
      else if (WITH_PARAMS.includes(entry.key)) values[entry.key] = this.#withParams(entry, row!);
      else if (row !== undefined && row.kind !== 'params') values[entry.key] = this.#plan.valueOf(entry, row);
    }
    return values;
  }

  /** Reads the params first, because the rest of the plan uses their values. */
  #readParams(entry: Entry | undefined, beginning: Range): void {
    const { diagnostics } = this.#plan;
    this.#params = readParams(this.#plan, entry);
    const place = entry?.keyRange ?? beginning;
    const given = this.#context.params ?? null;
    this.#paramValues = paramValues(this.#params, given, diagnostics, place);
    const names = [...this.#params.keys()];
    const known = this.#memory?.subtasksWith(names, this.#paramValues);
    this.#subtasks = new SubtaskReader(this.#plan, { names, values: this.#paramValues }, known);
  }

  /** Reads a text of the plan itself, with the values of its params. */
  #withParams(entry: Entry, row: WrittenKey): unknown {
    const written = this.#written(entry);
    if (written !== null) this.#requireParams(written);
    return this.#plan.valueOf(entry, row, text => this.#fill(text));
  }

  #fill(text: string): string {
    return filledIn(text, new Map(), this.#paramValues);
  }

  #requireParams(written: Written): void {
    for (const each of placeholders(written.value)) {
      const place = this.#placeIn(written, each.start, each.end - each.start);
      requireParam(each, [...this.#params.keys()], place, this.#plan.diagnostics);
    }
  }

  #env(entry: Entry): Variables | undefined {
    const variables = readEnv(this.#plan, entry);
    for (const written of variables?.values() ?? []) {
      this.#requireParams(written);
      for (const { start, end, variable, param } of placeholders(written.value)) {
        if (variable !== null || param !== null) continue;
        const message = "a placeholder of a plan's own env is written ${{ params.NAME }} or ${{ env.NAME }}";
        this.#plan.diagnostics.error('matrix', message, this.#placeIn(written, start, end - start));
      }
    }
    return variables && valuesOf(this.#plan, variables, text => this.#fill(text));
  }

  #request(values: Values): PlanRequest {
    const number = (key: string): number | null => (values[key] as number | undefined) ?? null;
    const text = (key: string): string | null => (values[key] as string | undefined) ?? null;
    return {
      goal: text('goal') ?? '',
      namespace: text('namespace'),
      dir: text('dir'),
      subtasks: this.#drafts.map(({ body }) => body as unknown as PlannedSubtask),
      join: text('join') ?? 'all',
      losers: (text('losers') ?? 'drain') as Losers,
      priority: text('priority') as Priority | null,
      timeout_secs: number('timeout'),
      ...limitsOf(values),
      env: (values['env'] as Variables | undefined) ?? null,
    };
  }

  #written(entry: Entry | undefined): Written | null {
    return entry === undefined ? null : this.#plan.textOf(entry.node, entry.key, entry.range);
  }

  #join(written: Written | null): void {
    if (written === null || this.#members.length === 0) return;
    try {
      const predicate = parsePredicate(written.value, this.#mostMembers, this.#context.cel);
      // The names and the number of the subtasks of a matrix over results are not known.
      if (predicate.kind === 'cel' && this.#mostMembers === this.#members.length)
        this.#findConstants(written);
    } catch (thrown) {
      if (!FleetError.is(thrown, 'INVALID_RECORD')) throw thrown;
      this.#joinFault(written, thrown);
    }
  }

  /** The subtasks that the join is about. */
  get #members(): readonly Draft[] {
    return this.#drafts.filter(isMember);
  }

  get #mostMembers(): number {
    return mostMembersIn(this.#drafts);
  }

  /** Returns the range in the file of part of a text's value. */
  #placeIn(written: Written, position: number, length: number): Range {
    const offsets = written.offsets(this.#plan.text);
    const at = (index: number): number => offsets[Math.min(index, offsets.length - 1)]!;
    const start = at(position);
    // A missing key at the end of the file is reported at the end.
    return { start, end: Math.min(Math.max(at(position + length), start + 1), this.#plan.text.length) };
  }

  #joinFault(written: Written, fault: FleetError): void {
    const { position = 0, length = 0 } = fault.details as { position?: number; length?: number };
    const range = this.#placeIn(written, position, length);
    // The range already gives the position.
    const message = fault.message.replace(/ at position \d+$/, '');
    const most = /^k_of_n:/.test(written.value.trim()) ? String(this.#mostMembers) : undefined;
    const text = /did you mean '([^']+)'/.exec(message)?.[1] ?? most;
    const fixes = text === undefined ? [] : [fixTo(text, range)];
    this.#plan.diagnostics.error('join', withHint(message, fault), range, fixes);
  }

  /**
   * Warns of parts of a join whose value does not depend on the subtasks. They are allowed, but are probably mistakes.
   */
  #findConstants(written: Written): void {
    const names = this.#members.map(({ body: { name } }) => (typeof name === 'string' ? name : ''));
    const findings = this.#context.cel.findConstants(written.value, names);
    for (const { message, position, length, instead } of findings) {
      const range = this.#placeIn(written, position, length);
      const fixes = instead === null ? [] : [fixTo(instead, range)];
      this.#plan.diagnostics.warning('join', message, range, fixes);
    }
  }

  /** Reports shares beyond the limit: they could never be reserved, so that their subtask would never start. */
  #budgets(values: Values): void {
    for (const key of LIMIT_KEYS) {
      const limit = values[key];
      if (typeof limit === 'number') for (const draft of this.#drafts) this.#budget(key, limit, draft);
    }
  }

  #budget(key: (typeof LIMIT_KEYS)[number], limit: number, { body, written }: Draft): void {
    const share = body[SUBTASK_KEYS.get(key)!.field!];
    if (share === undefined && written.ranges.has(key)) return;
    if (typeof share === 'number' && share <= limit) return;
    const range = written.ranges.get(key) ?? written.name?.range ?? written.range;
    const message =
      share === undefined
        ? `${key} is missing: with a limit, each subtask names its share`
        : `${key} is beyond the ${limit} of the whole plan: the subtask would never start`;
    const fixes = share === undefined ? [] : [fixTo(String(limit), range)];
    this.#plan.diagnostics.error('budget', message, range, fixes);
  }

  /** Completes the subtasks, and reports faults that the engine's rules find beyond the checks above. */
  #complete(values: Values): readonly CompleteSubtask[] | null {
    const { defaultExecutor, executors, workers } = this.#context;
    const isLimited = LIMIT_KEYS.some(key => values[key] !== undefined);
    try {
      return completeSubtasks(this.#drafts.map(decodedDraft), {
        dir: '/',
        defaultExecutor,
        instances: workers ?? namedWorkers(this.#drafts),
        executors: executors ?? namedExecutors(this.#drafts),
        refusal: refusalByName,
        defaultTimeoutSecs: this.#namespace?.policy?.limits.timeout_secs?.value ?? null,
        ...(isLimited ? { limits: limitsOf(values) } : {}),
      });
    } catch (thrown) {
      if (!FleetError.is(thrown, 'INVALID_RECORD')) throw thrown;
      this.#refused(thrown);
      return null;
    }
  }

  #beyondPolicy(fault: FleetError, keys: ReadonlyMap<string, Entry>): void {
    const { policy, subtask, limit, allowed = [] } = fault.details as unknown as PolicyFault;
    const key = KEY_OF_POLICY[policy];
    const written = subtask === undefined ? undefined : this.#drafts[subtask]!.written;
    const own = written === undefined ? keys.get(key)?.range : written.ranges.get(key);
    const isCount = key === 'subtasks';
    const range =
      (isCount ? undefined : own) ?? written?.name?.range ?? written?.range ?? keys.get('subtasks')!.keyRange;
    const texts =
      own === undefined || isCount ? [] : [...(limit === undefined ? [] : [String(limit)]), ...allowed];
    const fixes = texts.map(text => fixTo(text, range));
    this.#plan.diagnostics.error('policy', withHint(fault.message, fault), range, fixes);
  }

  /**
   * Warns once for each executor whose program is missing here. It is only a warning, since the plan may run elsewhere.
   */
  #missingPrograms(subtasks: readonly CompleteSubtask[], planEnv: Variables | null): void {
    const warned = new Set<WrittenSubtask>();
    for (const [index, { executor, env }] of subtasks.entries()) {
      const program = this.#context.missing?.[executor];
      const { written } = this.#drafts[index]!;
      // Another PATH may find other programs.
      const hasOwnPath = Object.hasOwn({ ...planEnv, ...env }, 'PATH');
      if (program === undefined || hasOwnPath || warned.has(written)) continue;
      warned.add(written);
      const range = written.ranges.get('executor') ?? written.name?.range ?? written.range;
      this.#plan.diagnostics.warning('not-installed', `${executor}: ${notInstalled(program)}`, range);
    }
  }

  #refused(fault: FleetError): void {
    const { subtask = 0, key, cycle } = fault.details as { subtask?: number; key?: string; cycle?: number[] };
    const { written, body } = this.#drafts[subtask]!;
    const name = (key && keyOfField(key)) ?? 'depends';
    const range = written.ranges.get(name) ?? written.range;
    if (cycle === undefined) {
      // The place already identifies the subtask.
      const message = fault.message.replace(/^subtask \d+( \([^)]*\))?: /, '');
      const fixes = written.ranges.has(name) ? this.#offers(name, body).map(text => fixTo(text, range)) : [];
      return this.#plan.diagnostics.error('subtask', withHint(message, fault), range, fixes);
    }
    const names = cycle.map(index => nameOf(this.#drafts[index]!));
    const closing = written.depends.find(({ value }) => value === names[cycle.indexOf(subtask) + 1]);
    const fixes = closing === undefined ? [] : [withoutDependency(this.#plan.text, written, closing.range)];
    this.#plan.diagnostics.error('cycle', `they wait for each other: ${names.join(' → ')}`, range, fixes);
  }

  /** Returns the targets or executors to suggest, the nearest first. */
  #offers(key: string, body: Draft['body']): readonly string[] {
    const { executors, workers } = this.#context;
    const all =
      key === 'target'
        ? [...(workers ?? []).map(({ alias }) => alias), 'least-loaded-worker', 'round-robin']
        : body['run'] === undefined
          ? (executors ?? ['echo'])
          : ['shell'];
    if (key !== 'target' && key !== 'executor') return [];
    const near = nearestName(String(body[key]), all);
    const fit = all.filter(each => each !== near && !(each === 'shell' && body['run'] === undefined));
    return [...(near === undefined ? [] : [near]), ...fit].slice(0, MAX_OFFERS);
  }
}

const fixTo = (text: string, range: Range): Fix => ({ title: `Change to '${text}'`, range, text });

function withHint(message: string, { hint }: FleetError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}

function nameOf({ index, body }: Draft): string {
  return typeof body['name'] === 'string' ? body['name'] : `subtask ${index}`;
}

function limitsOf(values: Values): Required<Budgeted> {
  const limit = (key: string): number | null => (values[key] as number | undefined) ?? null;
  return {
    budget_usd: limit('budget'),
    budget_tokens: limit('budget-tokens'),
    budget_secs: limit('budget-secs'),
  };
}

/** Returns the workers that targets name. Without a fleet to ask, a target may name any worker. */
function namedWorkers(drafts: readonly Draft[]): readonly { readonly did: string; readonly alias: string }[] {
  return drafts.flatMap(({ body: { target } }) => {
    if (typeof target !== 'string') return [];
    return [{ did: target.replace(/^specific:/, ''), alias: target.startsWith('worker-') ? target : '' }];
  });
}

/**
 * Returns the refusal of the executors themselves: only the shell runs a command. The rules check that the shell has
 * one.
 */
function refusalByName(executor: string, { run }: { readonly run: string | null }): string | null {
  return executor === 'shell' || run === null ? null : 'it runs no commands, and run gives one';
}

/** Returns the executors that subtasks name. Without a fleet to ask, any agent may exist. */
function namedExecutors(drafts: readonly Draft[]): readonly string[] {
  const agents = drafts.flatMap(({ body: { executor } }) =>
    typeof executor === 'string' && executor.startsWith('agent:') ? [executor] : [],
  );
  return ['echo', 'shell', ...new Set(agents)];
}
