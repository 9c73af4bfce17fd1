import { runText } from '../../engine/contract/run-name.ts';
import type { ToWorker } from '../../engine/domain/model/messages.ts';
import type { DeliveryRef } from '../../engine/domain/model/messages.ts';
import { refOfKey } from '../../engine/domain/model/messages.ts';
import {
  TOPIC,
  topicOf,
  type AdmittedBody,
  type ArchiveBody,
  type CancelBody,
  type ChildBody,
  type ChildDoneBody,
  type ExpandedBody,
  type FanOutBody,
  type FreezeBody,
  type JoinBody,
  type NamespaceStatusBody,
  type RetryBody,
  type ReturnedBody,
  type RuleAddedBody,
  type StatusBody,
  type TaskBody,
  type TaskWordBody,
} from '../../engine/domain/model/record-bodies.ts';
import type { FleetState } from '../../engine/domain/model/state.ts';
import { SELF } from '../../engine/domain/testing/test-fleet.ts';
import type { Did, ThreadId } from '../../engine/record/ids.ts';
import type { FleetRecord } from '../../engine/record/record.ts';

type Topic = (typeof TOPIC)[keyof typeof TOPIC];
/** Describes the important members of a record; null for a record that a reader does not need. */
type Teller = (body: never, record: FleetRecord, names: Names) => string | null;

/** The names of tasks, subtasks and instances in a transcript. */
export class Names {
  readonly #state: () => FleetState;

  constructor(state: () => FleetState) {
    this.#state = state;
  }

  instance(did: Did): string {
    if (did === SELF) return 'coordinator';
    return this.#state().instances.get(did)?.alias ?? did.slice(did.lastIndexOf(':') + 1);
  }

  task(thread: ThreadId): string {
    return this.#state().tasks.get(thread)?.alias ?? thread;
  }

  subtask(thread: ThreadId, index: number): string {
    const fanOut = this.#state().tasks.get(thread)?.fanOut;
    return fanOut?.subtasks[index]?.name ?? `${this.task(thread)}[${index}]`;
  }

  /** Returns a subtask with the number of its delivery, from 1. */
  delivery({ thread, index, delivery }: DeliveryRef): string {
    return `${this.subtask(thread, index)}#${delivery + 1}`;
  }
}

const because = (reason: string | null | undefined): string => (reason == null ? '' : `: ${reason}`);
const quoted = (text: string | null | undefined, before = ''): string =>
  text == null ? '' : `${before} "${text}"`;
const list = (given: object): string =>
  Object.entries(given)
    .map(([key, value]) =>
      typeof value === 'object' ? `${key}.${list(value as object)}` : `${key}=${value}`,
    )
    .join(' ');

const word: Teller = (body: TaskWordBody, { thread }, names) =>
  names.task(thread) +
  because(body.reason ?? body.summary) +
  (body.on == null ? '' : ` on ${names.task(body.on)}`);

const result = (body: Pick<ChildDoneBody, 'verdict' | 'reason' | 'cost_usd' | 'lost'>): string =>
  body.verdict +
  because(body.reason) +
  (body.cost_usd === 0 ? '' : `, $${body.cost_usd}`) +
  (body.lost === true ? ' (lost)' : '');

/** The descriptions of records, by topic. */
const TELLERS: Readonly<Record<Topic, Teller>> = {
  [TOPIC.task]: (body: TaskBody) => body.alias,
  [TOPIC.fanOut]: (body: FanOutBody, { thread }, names) =>
    `${names.task(thread)}: ${body.subtasks.map((_, i) => names.subtask(thread, i)).join(', ')}; join ${body.join}` +
    (body.run === undefined ? '' : `; run ${runText(body.run)}`),
  [TOPIC.child]: (body: ChildBody, { clock }, names) => {
    const ref = { thread: body.parent_thread, index: body.index, delivery: clock };
    const attempt = body.attempt === clock + 1 ? '' : ` (attempt ${body.attempt})`;
    const ran = body.may_have_run === true ? ', may have run' : '';
    return `${names.delivery(ref)}${attempt} for ${names.instance(body.worker)}${ran}${quoted(body.hint, ', hint')}`;
  },
  [TOPIC.spawned]: () => null,
  [TOPIC.returned]: (body: ReturnedBody, { thread }, names) =>
    body.children.map(([index, delivery]) => names.delivery({ thread, index, delivery })).join(', ') +
    because(body.reason) +
    (body.begun === true ? ' (it had begun)' : ''),
  [TOPIC.expanded]: (body: ExpandedBody, { thread }, names) =>
    `${names.subtask(thread, body.index)}: ${body.values.map(([key, values]) => `${key} ${values.join(', ')}`).join('; ')}`,
  [TOPIC.childStarted]: ({ delivery }: { delivery: string }, _, names) => names.delivery(refOfKey(delivery)),
  [TOPIC.childResult]: () => null,
  [TOPIC.childDone]: (body: ChildDoneBody, { thread, actor }, names) => {
    const { index, delivery } = body;
    const what = delivery < 0 ? names.subtask(thread, index) : names.delivery({ thread, index, delivery });
    return `${what} ${result(body)}${actor === SELF && delivery >= 0 ? ', says the coordinator' : ''}`;
  },
  [TOPIC.join]: (body: JoinBody, { thread }, names) =>
    `${names.task(thread)}${body.round === 1 ? '' : ` round ${body.round}`} ${body.outcome}: ${body.reason}`,
  [TOPIC.retry]: (body: RetryBody, { thread }, names) =>
    `${[body.index, ...(body.also ?? [])].map(index => names.subtask(thread, index)).join(', ')}` +
    ` in round ${body.round}${quoted(body.hint, ', hint')}`,
  [TOPIC.cancel]: (body: CancelBody, { thread }, names) =>
    (body.subtask == null ? names.task(thread) : names.subtask(thread, body.subtask)) + because(body.reason),
  [TOPIC.start]: word,
  [TOPIC.done]: word,
  [TOPIC.fail]: word,
  [TOPIC.approve]: word,
  [TOPIC.reject]: word,
  [TOPIC.block]: word,
  [TOPIC.defer]: word,
  [TOPIC.reopen]: word,
  [TOPIC.archive]: (body: ArchiveBody, { thread }, names) =>
    `${names.task(thread)}${body.archived ? '' : ' is in lists again'}`,
  [TOPIC.admitted]: (body: AdmittedBody) => body.alias,
  [TOPIC.status]: (body: StatusBody, _, names) =>
    `${names.instance(body.did)} ${body.status}${because(body.reason)}`,
  [TOPIC.fleetConfig]: (body: object) => list({ ...body, topic: undefined }),
  [TOPIC.heartbeat]: () => null,
  [TOPIC.outboxAcked]: (body: { up_to: number }) => `up to ${body.up_to}`,
  [TOPIC.commandDone]: (body: { operation: string }) => body.operation,
  [TOPIC.threadRestored]: (body: { thread: string }) => body.thread,
  [TOPIC.ruleAdded]: (body: RuleAddedBody) => `${body.name}: ${body.effect} ${body.rule}`,
  [TOPIC.ruleRemoved]: (body: { name: string }) => body.name,
  [TOPIC.namespaceStatus]: (body: NamespaceStatusBody) =>
    `${body.id} ${body.status}${body.policy == null ? '' : ` ${list(body.policy)}`}`,
  [TOPIC.freeze]: (body: FreezeBody) => `${body.namespace} ${body.level}${because(body.reason)}`,
  [TOPIC.unfreeze]: (body: { namespace: string }) => body.namespace,
  [TOPIC.emergencyStop]: (body: { reason?: string | null }) => `everything${because(body.reason)}`,
  [TOPIC.emergencyClear]: () => 'everything',
};

/** Describes a record by its topic and members; null for one that a reader does not need. */
export function recordInWords(
  record: FleetRecord,
  names: Names,
): readonly [topic: string, text: string] | null {
  const topic = topicOf(record) as Topic;
  const text = TELLERS[topic](record.body as never, record, names);
  return text === null ? null : [topic, text];
}

/** Describes a message to a worker; null for messages without an effect. */
export function messageInWords(message: ToWorker, names: Names): string | null {
  switch (message.type) {
    case 'deliver':
    case 'ack':
    case 'permit':
      return null;
    case 'stop':
      return `stop, with ${message.graceMs / 1000}s of grace`;
    case 'cancel':
    case 'recall':
    case 'fence':
      return `${message.type} ${message.deliveries.map(ref => names.delivery(ref)).join(', ')}`;
  }
}
