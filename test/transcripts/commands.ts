import { TASK_VERBS } from '../../engine/contract/commands.ts';
import { POLICY_KINDS, POLICY_LIMITS, type Policy } from '../../engine/contract/policy.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';
import * as fanOuts from '../../engine/domain/commands/fan-out.ts';
import { kill, unkill } from '../../engine/domain/commands/kill.ts';
import {
  archiveNamespace,
  createNamespace,
  deleteNamespace,
} from '../../engine/domain/commands/namespaces.ts';
import { addRule, removeRule } from '../../engine/domain/commands/rules.ts';
import { say } from '../../engine/domain/commands/task-verbs.ts';
import { celCompiler } from '../../engine/domain/join/cel.ts';
import type { ResultFields } from '../../engine/domain/model/record-bodies.ts';
import type { FanOut, Task } from '../../engine/domain/model/state.ts';
import { resolveTask, statusOf } from '../../engine/domain/model/tasks.ts';
import { restoreState, saveState } from '../../engine/domain/fold/snapshot.ts';
import { speedupReport } from '../../engine/domain/views/speedup.ts';
import { joinDocument, runFacts, taskDocument } from '../../engine/domain/views/views.ts';
import { FAN_OUT_CONTEXT, FOLD, HEARTBEAT_MS } from '../../engine/domain/testing/test-fleet.ts';
import { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import { parseDescriptor } from '../../engine/plan/descriptor.ts';
import type { Did, ThreadId } from '../../engine/record/ids.ts';
import type { Subtask } from '../../engine/subtask/subtask.ts';
import type { RuleFleet } from './rule-fleet.ts';

/** The words of a line: those that stand alone, and those of the form key=value. */
export interface Words {
  readonly plain: readonly string[];
  readonly keyed: Readonly<Record<string, string>>;
  /** The text behind the colon of a fan-out. */
  readonly rest: string;
}

/** The fleet of a transcript, and the way to tell of it. */
export interface Stage {
  readonly fleet: RuleFleet;
  readonly tell: (line: string) => void;
  /** Tells what happened at a moment of a time that passes. */
  readonly moment: (passedMs: number) => void;
}

type Command = (stage: Stage, words: Words) => void;

/**
 * The commands of transcripts. `T1/build` is a subtask, and so is `build` in the newest fan-out that has one. `by=NAME` says
 * who gives a command. Keys of subtasks are those of `spl task fan-out`.
 */
export const COMMANDS: Readonly<Record<string, Command>> = {
  fleet({ fleet }, { plain, keyed }) {
    for (const alias of plain) fleet.add(alias, number(keyed['slots']) ?? 1);
  },
  add({ fleet }, { plain: [alias], keyed }) {
    const input = {
      ...BARE_TASK,
      ...{ goal: alias!, alias: alias!, dir: '/', namespace: keyed['ns'] ?? null },
      priority: (keyed['priority'] ?? 'medium') as 'medium',
      depends_on: keyed['depends']?.split('+') ?? [],
    };
    fleet.step(now => fanOuts.addTask(core(fleet), input, `th_${alias}` as ThreadId, by(keyed, now)));
  },
  'fan-out'(stage, words) {
    const { fleet } = stage;
    const {
      plain: [alias],
      keyed,
      rest,
    } = words;
    const { tasks, aliases } = core(fleet).state;
    if (!tasks.has(aliases.get(alias!) as ThreadId)) COMMANDS['add']!(stage, words);
    const request = {
      ...BARE_FAN_OUT,
      subtasks: rest.split(';').map(subtask),
      join: keyed['join'] ?? 'all',
      losers: (keyed['losers'] ?? 'keep') as 'keep',
      timeout_secs: number(keyed['timeout']) ?? null,
      budget_usd: number(keyed['budget']) ?? null,
      budget_tokens: number(keyed['budget-tokens']) ?? null,
    };
    fleet.step(now => fanOuts.fanOut(core(fleet), alias!, request, FAN_OUT_CONTEXT, by(keyed, now)));
  },
  retry({ fleet }, { plain: [ref], keyed }) {
    const [task, subtask] = ref!.split('/');
    const what = subtask === undefined ? { failed: true } : { subtask };
    const input = { ...what, hint: keyed['hint'] ?? null };
    fleet.step(now => fanOuts.retry(core(fleet), task!, input, by(keyed, now)));
  },
  cancel({ fleet }, { plain: [ref], keyed }) {
    const [task, subtask = null] = ref!.split('/');
    const input = { subtask, reason: keyed['reason'] ?? null };
    fleet.step(now => fanOuts.cancel(core(fleet), task!, input, by(keyed, now)));
  },
  'run-serial'({ fleet }, { plain: [alias], keyed }) {
    const thread = `th_${alias}_serial` as ThreadId;
    const input = { worker: keyed['on'] ?? null };
    fleet.step(now => fanOuts.runSerial(core(fleet), alias!, input, thread, by(keyed, now)));
  },
  finish({ fleet }, { plain: [ref, verdict = 'accept'], keyed }) {
    const { fanOut, index } = subtaskOf(fleet, ref!);
    const { member, key } = fleet.attemptOf(fanOut, index);
    fleet.finish(member, key, result(verdict, keyed));
  },
  stall({ fleet }, { plain: [ref, silent] }) {
    const { fanOut, index } = subtaskOf(fleet, ref!);
    const { member, key } = fleet.attemptOf(fanOut, index);
    fleet.stalled(member, key, silent === 'over' ? null : milliseconds(silent!));
  },

  lose({ fleet }, { plain: [alias], keyed }) {
    fleet.lose(alias!, keyed['reason'] ?? 'its process is gone');
  },
  begin({ fleet }, { plain: [alias] }) {
    fleet.begin(alias!);
  },
  abandon({ fleet }, { plain: [alias], keyed }) {
    const { did } = fleet.member(alias!);
    fleet.step(now => core(fleet).abandon(did, keyed['reason'] ?? 'it does not come back', now));
  },
  cut({ fleet }, { plain }) {
    for (const alias of plain) fleet.cut(alias);
  },
  link({ fleet }, { plain }) {
    for (const alias of plain) fleet.link(alias);
  },
  hang({ fleet }, { plain: [alias] }) {
    fleet.member(alias!).isAwake = false;
  },
  stop({ fleet }, { plain: [alias], keyed }) {
    const graceMs = milliseconds(keyed['grace'] ?? '0s');
    fleet.step(now => core(fleet).stop(fleet.member(alias!).did, graceMs, now));
  },
  'grace-over'({ fleet }, { plain: [alias] }) {
    fleet.graceOver(alias!);
  },
  restart({ fleet }, { plain: [from] }) {
    const { coordinator } = fleet;
    if (from !== 'snapshot') return fleet.restart();
    const state = restoreState(saveState(coordinator.core.state, celCompiler), celCompiler)!;
    for (const { alias } of fleet.members.values()) fleet.cut(alias);
    coordinator.core = new Coordinator({ ...FOLD, heartbeatMs: HEARTBEAT_MS, state });
    fleet.step(now => coordinator.core.resume(now));
    for (const { alias } of fleet.members.values()) fleet.link(alias);
  },
  pass({ fleet, moment }, { plain: [time] }) {
    fleet.pass(milliseconds(time!), moment);
  },

  kill({ fleet }, { plain: [namespace], keyed }) {
    const what =
      namespace === 'everything'
        ? { namespace: null, emergency: true }
        : { namespace: namespace!, emergency: false };
    const level = (keyed['level'] ?? null) as 'soft' | null;
    const input = {
      ...what,
      level,
      grace_secs: number(keyed['grace']) ?? null,
      reason: keyed['reason'] ?? null,
    };
    fleet.step(now => kill(core(fleet), input, by(keyed, now)));
  },
  unkill({ fleet }, { plain: [namespace], keyed }) {
    const emergency = namespace === 'everything';
    const input = { namespace: emergency ? null : namespace!, emergency };
    fleet.step(now => unkill(core(fleet), input, by(keyed, now)));
  },
  namespace({ fleet }, { plain: [verb, id], keyed }) {
    const policy = policyOf(keyed);
    const input = { id: id!, description: null, ...(policy && { policy }) };
    fleet.step(now => {
      if (verb === 'archive') archiveNamespace(core(fleet), id!, by(keyed, now));
      else if (verb === 'delete') deleteNamespace(core(fleet), id!, by(keyed, now));
      else createNamespace(core(fleet), input, by(keyed, now));
    });
  },
  rule({ fleet }, { plain: [verb, name, rule, effect = 'deny'], keyed }) {
    fleet.step(now => {
      if (verb === 'remove') return removeRule(core(fleet), name!, by(keyed, now));
      const added = { name: name!, rule: rule!, effect: effect as 'deny' };
      return addRule(core(fleet), added, celCompiler, by(keyed, now));
    });
  },

  show(stage, { plain }) {
    for (const alias of plain) showTask(stage, resolveTask(core(stage.fleet).state, alias));
  },
  speedup({ fleet, tell }, { plain: [alias], keyed }) {
    const { state } = core(fleet);
    const serial =
      keyed['serial'] === undefined ? null : runFacts(state, resolveTask(state, keyed['serial']));
    const report = speedupReport(runFacts(state, resolveTask(state, alias!)), serial);
    const { measured, weak } = report;
    tell(`walls ${report.walls_secs.map(secs => `${secs}s`).join(', ')}; ${report.slots_used} slots used`);
    tell(`estimated: ${weak.serial_estimate_secs}s in a row, speedup ${ratio(weak.speedup)}`);
    if (measured !== null)
      tell(`measured: ${rounded(measured.serial_wall_secs)}s in a row, speedup ${ratio(measured.speedup)}`);
  },
  ...Object.fromEntries(
    TASK_VERBS.map(verb => [
      verb,
      ({ fleet }: Stage, { plain: [alias], keyed }: Words) => {
        const until = keyed['until'];
        const input = {
          ...(keyed['reason'] !== undefined && { reason: keyed['reason'] }),
          ...(keyed['summary'] !== undefined && { summary: keyed['summary'] }),
          ...(keyed['on'] !== undefined && { on: keyed['on'] }),
          ...(until !== undefined && { until_unix: (fleet.coordinator.now + milliseconds(until)) / 1000 }),
        };
        fleet.step(now => say(core(fleet), alias!, verb, input, by(keyed, now)));
      },
    ]),
  ),
};

const core = (fleet: RuleFleet): Coordinator => fleet.coordinator.core;

function by(keyed: Words['keyed'], now: number): fanOuts.Issuer {
  return { actor: `did:sync:user:${keyed['by'] ?? 'tester'}` as Did, key: undefined, now };
}

/** The subtask of a text such as `build target=a timeout=5`, whose keys are those of `spl task fan-out`. */
function subtask(text: string): Partial<Subtask> {
  const {
    plain: [name],
    keyed,
  } = wordsOf(text);
  const pairs = Object.entries({ name, goal: name, ...keyed }).map(([key, value]) => `${key}=${value}`);
  const parsed = parseDescriptor(pairs.join(','));
  if (!parsed.ok) throw new Error(`'${text}': ${parsed.fault.message}`);
  return parsed.descriptor;
}

/** Finds `build`, in the newest fan-out that has it, or `T1/build`. */
function subtaskOf(fleet: RuleFleet, ref: string): { readonly fanOut: FanOut; readonly index: number } {
  const { state } = core(fleet);
  const [first, second] = ref.split('/');
  const tasks = second === undefined ? [...state.tasks.values()].reverse() : [resolveTask(state, first!)];
  for (const { fanOut } of tasks) {
    const index = fanOut?.subtasks.findIndex(({ name }) => name === (second ?? first)) ?? -1;
    if (index >= 0) return { fanOut: fanOut!, index };
  }
  throw new Error(`there is no subtask '${ref}'`);
}

function result(verdict: string, keyed: Words['keyed']): ResultFields {
  const quota = number(keyed['quota']);
  return {
    verdict: verdict as ResultFields['verdict'],
    cost_usd: number(keyed['cost']) ?? 0,
    wall_time_secs: number(keyed['secs']) ?? 1,
    ...(keyed['reason'] !== undefined && { reason: keyed['reason'] }),
    ...(keyed['asks'] !== undefined && { asks: keyed['asks'] }),
    ...(keyed['tokens'] !== undefined && { tokens: Number(keyed['tokens']) }),
    ...(quota !== undefined && { quota: { resets_at_unix: quota } }),
  };
}

function policyOf(keyed: Words['keyed']): Policy | undefined {
  const names = (side: 'allow' | 'deny') =>
    Object.fromEntries(
      POLICY_KINDS.flatMap(kind => {
        const given = keyed[`${side}.${kind}`];
        return given === undefined ? [] : [[kind, given.split('+').filter(name => name !== '')]];
      }),
    );
  const limits = Object.fromEntries(
    POLICY_LIMITS.flatMap(limit => (keyed[limit] === undefined ? [] : [[limit, Number(keyed[limit])]])),
  );
  const policy = Object.entries({ allow: names('allow'), deny: names('deny'), limits }).filter(
    ([, members]) => Object.keys(members).length > 0,
  );
  return policy.length === 0 ? undefined : Object.fromEntries(policy);
}

function showTask({ fleet, tell }: Stage, task: Task): void {
  const { now } = fleet.coordinator;
  const { state } = core(fleet);
  if (task.fanOut === null) {
    const { status, reason, verbs } = taskDocument(state, task, now);
    return tell(
      `${task.alias} ${status}${reason === null ? '' : `: ${reason}`}; may be: ${verbs.join(', ')}`,
    );
  }
  const { children, under_way: isUnderWay } = joinDocument(core(fleet), task, false, now);
  tell(`${task.alias} ${statusOf(state, task, now)}${isUnderWay ? ', under way' : ''}`);
  for (const { name, state: stage, verdict, worker, reason, stalled_secs: silent } of children)
    tell(
      `  ${name}: ${verdict ?? stage}${stage === 'running' ? ` on ${worker}` : ''}${silent === null ? '' : `, silent for ${silent}s`}${reason === null ? '' : ` (${reason})`}`,
    );
}

const number = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);
const rounded = (value: number): number => Math.round(value * 100) / 100;
const ratio = (value: number | null): string => (value === null ? 'unknown' : `${rounded(value)}x`);

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, amount, unit] = /^([\d.]+)(ms|s|m|h)$/.exec(text) ?? [];
  if (unit === undefined) throw new Error(`'${text}' is no duration such as 5s`);
  return Number(amount) * UNITS[unit]!;
}

/** Splits a line into words; quotes keep words together. */
export function wordsOf(line: string): Words {
  const [head, rest = ''] = line.split(/:(?= )(.*)/);
  const plain: string[] = [];
  const keyed: Record<string, string> = {};
  for (const [each] of head!.matchAll(/(?:[^\s"]|"[^"]*")+/g)) {
    const [, key, value] = /^([\w.-]+)=(.*)$/.exec(each) ?? [];
    if (key === undefined) plain.push(each.replaceAll('"', ''));
    else keyed[key] = value!.replaceAll('"', '');
  }
  return { plain, keyed, rest };
}
