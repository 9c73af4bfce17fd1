import { TASK_ACTIONS } from '../../engine/contract/commands.ts';
import { POLICY_KINDS, POLICY_LIMITS, type Policy } from '../../engine/contract/policy.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';
import * as fanOuts from '../../engine/domain/commands/fan-out.ts';
import { archive } from '../../engine/domain/commands/archive.ts';
import { kill, unkill } from '../../engine/domain/commands/kill.ts';
import {
  archiveNamespace,
  createNamespace,
  deleteNamespace,
} from '../../engine/domain/commands/namespaces.ts';
import { addRule, removeRule } from '../../engine/domain/commands/rules.ts';
import { noted } from '../../engine/domain/commands/note-command.ts';
import { applyTaskAction } from '../../engine/domain/commands/task-actions.ts';
import { celCompiler } from '../../engine/domain/join/cel.ts';
import type { ResultFields } from '../../engine/domain/model/record-bodies.ts';
import type { FanOut, Task } from '../../engine/domain/model/state.ts';
import { resolveTask, statusOf } from '../../engine/domain/model/tasks.ts';
import { restoreState, saveState } from '../../engine/domain/fold/snapshot.ts';
import { runsDocument } from '../../engine/domain/views/runs.ts';
import { speedupReport } from '../../engine/domain/views/speedup.ts';
import { joinDocument, runFacts, taskDocument } from '../../engine/domain/views/views.ts';
import { ELSEWHERE, FAN_OUT_CONTEXT, TestFleet } from '../../engine/domain/testing/test-fleet.ts';
import { parseDescriptor } from '../../engine/plan/descriptor.ts';
import type { ThreadId } from '../../engine/record/ids.ts';
import { seal } from '../../engine/record/record.ts';
import { restoreRecords } from '../../engine/runtime/coordinator/restore-records.ts';
import type { Subtask } from '../../engine/subtask/subtask.ts';
import type { RuleFleet } from './rule-fleet.ts';

/** The words of a line: single words, and words of the form key=value. */
export interface Words {
  readonly plain: readonly string[];
  readonly keyed: Readonly<Record<string, string>>;
  /** The text after the colon of a fan-out. */
  readonly rest: string;
}

/** The fleet of a transcript, and its output. */
export interface Stage {
  readonly fleet: RuleFleet;
  readonly tell: (line: string) => void;
  /** The issuer of the command, at this time. */
  readonly by: (now: number) => fanOuts.Issuer;
  /** Tells the events of a moment while time passes. */
  readonly moment: (passedMs: number) => void;
}

type Command = (stage: Stage, words: Words) => void;

/**
 * The commands of transcripts. `T1/build` is a subtask; `build` is that of the newest fan-out that has one. `by=NAME`
 * names the author of a command, `key=KEY` is its idempotency key. The keys of subtasks are those of `spl task fan-out`.
 */
export const COMMANDS: Readonly<Record<string, Command>> = {
  fleet({ fleet }, { plain, keyed }) {
    for (const alias of plain) fleet.add(alias, number(keyed['slots']) ?? 1);
  },
  add({ fleet, by }, { plain: [alias], keyed }) {
    const input = {
      ...BARE_TASK,
      ...{ goal: alias!, alias: alias!, dir: '/', namespace: keyed['ns'] ?? null },
      priority: (keyed['priority'] ?? 'medium') as 'medium',
      depends_on: keyed['depends']?.split('+') ?? [],
    };
    fleet.do(now => fanOuts.addTask(fleet.core, input, `th_${alias}` as ThreadId, by(now)));
  },
  'fan-out'(stage, words) {
    const { fleet, by } = stage;
    const {
      plain: [alias],
      keyed,
      rest,
    } = words;
    const { tasks, aliases } = fleet.core.state;
    if (!tasks.has(aliases.get(alias!) as ThreadId)) COMMANDS['add']!(stage, words);
    const request = {
      ...BARE_FAN_OUT,
      subtasks: rest.split(';').map(subtask),
      join: keyed['join'] ?? 'all',
      losers: (keyed['losers'] ?? 'keep') as 'keep',
      timeout_secs: number(keyed['timeout']) ?? null,
      budget_usd: number(keyed['budget']) ?? null,
      budget_tokens: number(keyed['budget-tokens']) ?? null,
      ...(keyed['run'] !== undefined && { run: keyed['run'] }),
    };
    fleet.do(now => fanOuts.fanOut(fleet.core, alias!, request, FAN_OUT_CONTEXT, by(now)));
  },
  retry({ fleet, by }, { plain: [ref], keyed }) {
    const [task, subtask] = ref!.split('/');
    const what = subtask === undefined ? { failed: true } : { subtask };
    const input = { ...what, hint: keyed['hint'] ?? null };
    fleet.do(now => fanOuts.retry(fleet.core, task!, input, by(now)));
  },
  cancel({ fleet, by }, { plain: [ref], keyed }) {
    const [task, subtask = null] = ref!.split('/');
    const input = { subtask, reason: keyed['reason'] ?? null };
    fleet.do(now => fanOuts.cancel(fleet.core, task!, input, by(now)));
  },
  'run-serial'({ fleet, by }, { plain: [alias], keyed }) {
    const thread = `th_${alias}_serial` as ThreadId;
    const input = { worker: keyed['on'] ?? null };
    fleet.do(now => fanOuts.runSerial(fleet.core, alias!, input, thread, by(now)));
  },
  rerun({ fleet, by }, { plain: [name] }) {
    const thread = `th_rerun_${fleet.core.state.tasks.size}` as ThreadId;
    fleet.do(now => fanOuts.rerun(fleet.core, name!, {}, thread, by(now)));
  },
  archive({ fleet, by }, { plain: tasks, keyed }) {
    const which = tasks.length === 0 ? { done: true as const } : { tasks: [...tasks] };
    const input = { ...which, namespace: keyed['ns'] ?? null, undo: keyed['undo'] !== undefined };
    fleet.do(now => noted(fleet.core, 'archive', by(now), issuer => archive(fleet.core, input, issuer)));
  },
  runs({ fleet, tell }, { plain: [name] }) {
    const asked = { name, namespace: 'default', limit: 20 };
    for (const { plan, run, ...row } of runsDocument(fleet.core.state, asked, fleet.now).runs)
      tell(
        `${plan} #${run} is ${row.task}: ${row.outcome ?? 'open'}, ${rounded(row.wall_secs)}s` +
          `${row.round > 1 ? `, round ${row.round}` : ''}${row.failed.length > 0 ? `, failed: ${row.failed.join(', ')}` : ''}`,
      );
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
    fleet.do(now => fleet.core.abandon(did, keyed['reason'] ?? 'it does not come back', now));
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
    fleet.do(now => fleet.core.stop(fleet.member(alias!).did, graceMs, now));
  },
  'grace-over'({ fleet }, { plain: [alias] }) {
    fleet.graceOver(alias!);
  },
  restart({ fleet }, { plain: [from] }) {
    if (from !== 'snapshot') return fleet.restart();
    const state = restoreState(saveState(fleet.core.state, celCompiler), celCompiler);
    if (state === undefined) throw new Error('the snapshot cannot be read');
    fleet.restart(state);
  },
  pass({ fleet, moment }, { plain: [time] }) {
    fleet.pass(milliseconds(time!), moment);
  },

  kill({ fleet, by }, { plain: [namespace], keyed }) {
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
    fleet.do(now => noted(fleet.core, 'kill', by(now), issuer => kill(fleet.core, input, issuer)));
  },
  unkill({ fleet, by }, { plain: [namespace] }) {
    const emergency = namespace === 'everything';
    const input = { namespace: emergency ? null : namespace!, emergency };
    fleet.do(now => noted(fleet.core, 'unkill', by(now), issuer => unkill(fleet.core, input, issuer)));
  },
  namespace({ fleet, by }, { plain: [verb, id], keyed }) {
    const policy = policyOf(keyed);
    const input = { id: id!, description: null, ...(policy && { policy }) };
    fleet.do(now =>
      noted(fleet.core, `namespace.${verb}`, by(now), issuer => {
        if (verb === 'archive') archiveNamespace(fleet.core, id!, issuer);
        else if (verb === 'delete') deleteNamespace(fleet.core, id!, issuer);
        else createNamespace(fleet.core, input, issuer);
        return {};
      }),
    );
  },
  rule({ fleet, by }, { plain: [verb, name, rule, effect = 'deny'] }) {
    const added = { name: name!, rule: rule!, effect: effect as 'deny' };
    fleet.do(now =>
      noted(fleet.core, `rule.${verb}`, by(now), issuer =>
        verb === 'remove'
          ? removeRule(fleet.core, name!, issuer)
          : addRule(fleet.core, added, celCompiler, issuer),
      ),
    );
  },

  /** Restores the thread of a fan-out that another home has run, all of whose subtasks accepted. */
  restore({ fleet, by, tell }, { plain: [alias], keyed, rest }) {
    const elsewhere = new TestFleet(1, 1, ELSEWHERE);
    const thread = `th_${alias}` as ThreadId;
    const task = elsewhere.addTask({ alias: keyed['alias'] ?? alias! }, undefined, thread);
    const fanOut = elsewhere.fanOut(rest.split(';').map(subtask), {}, undefined, task);
    fanOut.children.forEach((_, index) => elsewhere.report(fanOut, index));
    const records = elsewhere.log.filter(({ record }) => record.thread === thread);
    const choices = { on_conflict: (keyed['on-conflict'] ?? 'fail') as 'fail', dry_run: false };
    const entries = records.map(({ record }) => ({ sealed: seal(record), signature: undefined }));
    const restored = fleet.do(now =>
      restoreRecords(fleet.core, entries, fleet.places, choices, celCompiler, by(now)),
    );
    const { written, existing, left_out: leftOut } = restored;
    tell(`${written} written, ${existing} here before, ${leftOut.length} left out`);
  },
  show(stage, { plain }) {
    for (const alias of plain) showTask(stage, resolveTask(stage.fleet.core.state, alias));
  },
  speedup({ fleet, tell }, { plain: [alias], keyed }) {
    const { state } = fleet.core;
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
    TASK_ACTIONS.map(verb => [
      verb,
      ({ fleet, by }: Stage, { plain: [alias], keyed }: Words) => {
        const until = keyed['until'];
        const input = {
          ...(keyed['reason'] !== undefined && { reason: keyed['reason'] }),
          ...(keyed['summary'] !== undefined && { summary: keyed['summary'] }),
          ...(keyed['on'] !== undefined && { on: keyed['on'] }),
          ...(until !== undefined && { until_unix: (fleet.now + milliseconds(until)) / 1000 }),
        };
        fleet.do(now => applyTaskAction(fleet.core, alias!, verb, input, by(now)));
      },
    ]),
  ),
};

/** Parses a subtask such as `build target=a timeout=5`, with the keys of `spl task fan-out`. */
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

/** Finds `T1/build`, or `build` in the newest fan-out that has it. */
function subtaskOf(fleet: RuleFleet, ref: string): { readonly fanOut: FanOut; readonly index: number } {
  const { state } = fleet.core;
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
  const { now, core } = fleet;
  const { state } = core;
  if (task.fanOut === null) {
    const { status, reason, verbs } = taskDocument(state, task, now);
    return tell(
      `${task.alias} ${status}${reason === null ? '' : `: ${reason}`}; may be: ${verbs.join(', ')}`,
    );
  }
  const { children, under_way: isUnderWay } = joinDocument(core, task, false, now);
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
