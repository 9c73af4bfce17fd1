import { holdContext, holdOf, workerHold, type HoldReason } from '../coordinator/holds.ts';
import { describeShortage } from '../model/budgets.ts';
import { describeQuota } from '../model/circuit-breakers.ts';
import { ENVIRONMENT_GONE } from '../model/messages.ts';
import { resultRefsOf } from '../model/matrices.ts';
import { labelOf, wordOf, type Child, type FanOut, type FleetState } from '../model/state.ts';
import { isFollowUp } from '../model/subtask.ts';
import { targetText } from '../../subtask/target.ts';
import { describeBlock } from '../policy/blocked-namespaces.ts';

/** Explains what a pending subtask waits for: the reason for which the scheduler holds it. */
export function whyPending(state: FleetState, fanOut: FanOut, child: Child, now: number): string {
  const context = holdContext(state, fanOut, now);
  const { target } = fanOut.subtasks[child.index]!;
  return wordsOf(holdOf(context, child) ?? workerHold(context, target), { state, fanOut, child, now });
}

/** The held subtask, and the present time. */
interface Held {
  readonly state: FleetState;
  readonly fanOut: FanOut;
  readonly child: Child;
  readonly now: number;
}

function wordsOf<K extends HoldReason['kind']>(hold: HoldReason & { readonly kind: K }, held: Held): string {
  const words: Words[K] = WORDS[hold.kind];
  return words(hold as Reason<K>, held);
}

type Reason<K extends HoldReason['kind']> = Extract<HoldReason, { readonly kind: K }>;
type Words = { readonly [K in HoldReason['kind']]: (hold: Reason<K>, held: Held) => string };

const WORDS: Words = {
  question: ({ asks }, held) => `needs you: ${asks}; answer with: spl task retry ${nameOf(held)} --hint "…"`,
  'blocked namespace': (_, { state, fanOut }) => describeBlock(state, fanOut.namespace),
  'refused executor': ({ refusal: { level, verb } }, { fanOut, child }) =>
    `the policy of namespace '${level.namespace}' ${verb} executor '${fanOut.subtasks[child.index]!.executor}'`,
  matrix: (_, held) => matrixWords(held),
  dependencies: (_, held) => dependencyWords(held),
  unwanted: () => 'is asked to end',
  // Only a shell has the environment. A retry submits it again.
  environment: (_, held) =>
    `${ENVIRONMENT_GONE}; from a shell that has it: spl task cancel ${nameOf(held)} && spl task retry ${nameOf(held)}`,
  'back-off': ({ until }, { child, now }) =>
    `attempt ${child.attempt} ended as ${child.earlier?.at(-1)?.verdict ?? 'failed'}; waits ${Math.ceil((until - now) / 1000)}s before attempt ${child.attempt + 1}`,
  'serial run': () => 'waiting for its turn: a serial run has one subtask out at a time',
  turn: (_, { fanOut }) => `waiting for its turn: this run has ${fanOut.maxParallel} at a time`,
  quota: ({ executor }, { state }) => describeQuota(state.breakers, executor),
  'parallel limit': ({ limit: { namespace, maxParallel } }) =>
    `waiting for its turn: the policy of namespace '${namespace}' lets ${maxParallel} run at a time`,
  budget: ({ account, currency, namespace }, { fanOut, child }) => {
    const whose = namespace === null ? 'the budget' : `the budget of namespace '${namespace}'`;
    return describeShortage(account, fanOut.subtasks[child.index]!, currency, whose);
  },
  'denied worker': ({ worker, namespace }) =>
    `the policy of namespace '${namespace}' denies ${worker.alias}, which its target names`,
  'absent worker': ({ worker }, { fanOut, child }) =>
    `waiting for ${worker?.alias ?? targetText(fanOut.subtasks[child.index]!.target)}, which is ${worker?.status ?? 'not there'}; its target names only this instance`,
  'busy worker': ({ worker }) => `waiting for a free slot on ${worker.alias}`,
  'no worker': () => 'no worker is live',
  'no allowed worker': ({ namespace }) =>
    `no worker is live that the policy of namespace '${namespace}' does not deny`,
  'no free slot': () => 'waiting for a free slot',
};

function matrixWords({ fanOut, child }: Held): string {
  const refs = resultRefsOf(fanOut.subtasks[child.index]!);
  return `waiting for ${refs.map(({ subtask, key }) => `the result '${key}' of '${subtask}'`).join(' and ')}`;
}

const MOST_NAMED = 5;

function dependencyWords({ fanOut, child: { index } }: Held): string {
  const subtask = fanOut.subtasks[index]!;
  const unmet = subtask.depends_on.filter(each => {
    const { state, verdict } = fanOut.children[each]!;
    return state !== 'done' || (verdict !== 'accept' && !isFollowUp(subtask));
  });
  const labels = unmet.slice(0, MOST_NAMED).map(each => labelOf(fanOut, each));
  return `waiting for ${labels.join(', ')}${unmet.length > MOST_NAMED ? ', …' : ''}`;
}

/** Returns the word that names a subtask on a command line. */
function nameOf({ fanOut, child }: Held): string {
  return `${fanOut.task.alias} --subtask ${wordOf(fanOut, child.index)}`;
}
