import type { FleetDocument } from '../../contract/documents.ts';
import { chainOf, isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import type { Act, FleetRecord } from '../../record/record.ts';
import {
  TOPIC,
  topicOf,
  type EmergencyBody,
  type FreezeBody,
  type UnfreezeBody,
} from '../model/record-bodies.ts';
import type { FrozenNamespace } from '../model/messages.ts';
import type { FleetState } from '../model/state.ts';

/** The acts that create new work. All other acts only report. */
const WORK: ReadonlySet<Act> = new Set<Act>(['INTEND', 'DO', 'CALL', 'PUT', 'MAP']);

export type Control = Pick<FleetState, 'freezes' | 'emergency'>;

/** Applies a record of the control thread. The latest of several about one namespace counts. */
export function applyControl(state: FleetState, record: FleetRecord): void {
  switch (topicOf(record)) {
    case TOPIC.freeze: {
      const body = record.body as unknown as FreezeBody;
      const issuedAt = body.issued_at_unix * 1000;
      state.freezes.set(body.namespace, {
        level: body.level,
        reason: body.reason ?? null,
        issuedBy: body.issued_by,
        issuedAt,
        graceMs: body.grace_secs * 1000,
      });
      return;
    }
    case TOPIC.unfreeze:
      state.freezes.delete((record.body as unknown as UnfreezeBody).namespace);
      return;
    case TOPIC.emergencyStop: {
      const body = record.body as unknown as EmergencyBody;
      state.emergency = {
        reason: body.reason ?? null,
        issuedBy: body.issued_by,
        issuedAt: body.issued_at_unix * 1000,
      };
      return;
    }
    case TOPIC.emergencyClear:
      state.emergency = null;
      return;
    default:
      return;
  }
}

/** Returns true when a freeze or the emergency stop applies to this namespace. */
export function isFrozen({ freezes, emergency }: Control, namespace: string): boolean {
  if (emergency !== null) return true;
  return freezes.size > 0 && chainOf(namespace).some(link => freezes.has(link));
}

/** Explains the freeze or emergency stop of a frozen namespace, and how to end it. */
export function describeFreeze(control: Control, namespace: string): string {
  const { words, undo } = holdOf(control, namespace);
  return `${words}; undo it with: ${undo}`;
}

/**
 * Checks that a record of this act is admitted. A freeze refuses new work; after the grace of a hard freeze everything
 * is refused.
 * @throws NAMESPACE_FROZEN naming the freeze, and the command that ends it
 */
export function requireNotFrozen(control: Control, namespace: string, act: Act, now: number): void {
  if (!isFrozen(control, namespace) || !(WORK.has(act) || isShut(control, namespace, now))) return;
  const { words, undo, holder } = holdOf(control, namespace);
  throw new FleetError('NAMESPACE_FROZEN', `namespace '${namespace}' is frozen: ${words}`, {
    details: { namespace, frozen: holder },
    hint: `Undo it with: ${undo}`,
  });
}

/** Returns the freezes that a worker must know. The emergency stop is sent as a freeze of everything. */
export function frozenFor({ freezes, emergency }: Control, now: number): readonly FrozenNamespace[] {
  const frozen: FrozenNamespace[] = [...freezes].map(([namespace, { level, issuedAt, graceMs, reason }]) => ({
    namespace,
    words: wordsOf(level, namespace, reason),
    endsInMs: level === 'soft' ? null : Math.max(0, issuedAt + graceMs - now),
  }));
  if (emergency !== null)
    frozen.push({ namespace: ROOT_NAMESPACE, words: describeEmergency(emergency.reason), endsInMs: null });
  return frozen;
}

/** Returns the members of the fleet's document that show freezes and the emergency stop. */
export function controlMembers({
  freezes,
  emergency,
}: Control): Pick<FleetDocument, 'freezes' | 'emergency'> {
  return {
    freezes: [...freezes].map(([namespace, { level, reason, issuedBy, issuedAt, graceMs }]) => ({
      namespace,
      level,
      reason,
      issued_by: issuedBy,
      issued_at_unix: issuedAt / 1000,
      grace_secs: graceMs / 1000,
    })),
    emergency: emergency && {
      reason: emergency.reason,
      issued_by: emergency.issuedBy,
      issued_at_unix: emergency.issuedAt / 1000,
    },
  };
}

/** Returns the freeze to end first: the emergency stop, else the freeze nearest to the root. */
export function holdOf(
  { freezes, emergency }: Control,
  namespace: string,
): { readonly words: string; readonly undo: string; readonly holder: string } {
  if (emergency !== null)
    return {
      words: describeEmergency(emergency.reason),
      undo: 'spl unkill --emergency',
      holder: ROOT_NAMESPACE,
    };
  const holder = [...chainOf(namespace)].reverse().find(link => freezes.has(link))!;
  const { level, reason } = freezes.get(holder)!;
  return { words: wordsOf(level, holder, reason), undo: `spl unkill --namespace ${holder}`, holder };
}

const wordsOf = (level: string, namespace: string, reason: string | null): string =>
  `${level} freeze of '${namespace}'${reason === null ? '' : ` — ${reason}`}`;

const describeEmergency = (reason: string | null): string =>
  `emergency stop${reason === null ? '' : ` — ${reason}`}`;

/** Returns true when the grace of a hard freeze is over here. */
function isShut({ freezes }: Control, namespace: string, now: number): boolean {
  return [...freezes].some(
    ([holder, { level, issuedAt, graceMs }]) =>
      level === 'hard' && now >= issuedAt + graceMs && isWithin(namespace, holder),
  );
}
