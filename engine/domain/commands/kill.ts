import type { Kill, Unkill } from '../../contract/commands.ts';
import type { ControlDocument } from '../../contract/documents.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import { RESERVED, type Did } from '../../record/ids.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { TOPIC, type EmergencyBody, type FreezeBody, type UnfreezeBody } from '../model/record-bodies.ts';
import { controlMembers, holdOf, isFrozen, type Control } from '../policy/freeze.ts';

/**
 * Freezes a namespace with all below it, or stops everything.
 * @throws USAGE unless exactly one of the two is requested; NOT_FOUND for an unregistered namespace
 */
export function kill(
  coordinator: Coordinator,
  input: Kill,
  issuer: { readonly actor: Did; readonly now: number },
): ControlDocument {
  const { namespaces } = coordinator.state;
  const { namespace, reason } = input;
  const issued = { issued_by: issuer.actor, issued_at_unix: issuer.now / 1000 };
  requireOne(input);
  if (namespace === null) {
    if (input.level !== null || input.grace_secs !== null)
      throw new FleetError('USAGE', 'an emergency stop has no level and no grace: running work drains');
    return write(coordinator, { topic: TOPIC.emergencyStop, reason, ...issued }, issuer.now);
  }
  if (namespace !== ROOT_NAMESPACE && !namespaces.has(namespace))
    throw new FleetError('NOT_FOUND', `namespace '${namespace}' is not registered`, {
      details: { namespace },
      hint: 'List them with: spl namespace list',
    });
  const level = input.level ?? 'soft';
  const grace_secs = input.grace_secs ?? DEFAULT_GRACE_SECS;
  return write(
    coordinator,
    { topic: TOPIC.freeze, namespace, level, reason, grace_secs, ...issued },
    issuer.now,
  );
}

/** Ends a freeze or the emergency stop. The only refusal is that there is none. @throws USAGE, CONFLICT */
export function unkill(
  coordinator: Coordinator,
  input: Unkill,
  issuer: { readonly actor: Did; readonly now: number },
): ControlDocument {
  const { state } = coordinator;
  const { namespace } = input;
  const issued = { issued_by: issuer.actor, issued_at_unix: issuer.now / 1000 };
  requireOne(input);
  if (namespace === null) {
    if (state.emergency === null) throw nothingToUndo('there is no emergency stop', state);
    return write(coordinator, { topic: TOPIC.emergencyClear, ...issued }, issuer.now);
  }
  if (!state.freezes.has(namespace))
    throw nothingToUndo(`namespace '${namespace}' has no freeze of its own`, state, namespace);
  return write(coordinator, { topic: TOPIC.unfreeze, namespace, ...issued }, issuer.now);
}

const DEFAULT_GRACE_SECS = 60;

function write(
  coordinator: Coordinator,
  body: FreezeBody | UnfreezeBody | EmergencyBody,
  now: number,
): ControlDocument {
  const { record } = coordinator.write({ act: 'LEARN', thread: RESERVED.fleetControl, body }, now);
  const namespace = 'namespace' in body ? body.namespace : null;
  coordinator.controlChanged(namespace ?? ROOT_NAMESPACE, now);
  return {
    record: record.id,
    topic: body.topic,
    namespace,
    level: body.topic === TOPIC.freeze ? body.level : null,
    ...controlMembers(coordinator.state),
  };
}

function requireOne({ namespace, emergency }: Pick<Kill, 'namespace' | 'emergency'>): void {
  if ((namespace !== null) === emergency)
    throw new FleetError('USAGE', 'give either a namespace or the emergency stop', {
      details: { namespace, emergency },
      hint: 'Write --namespace ID, or --emergency',
    });
}

function nothingToUndo(what: string, control: Control, namespace = ROOT_NAMESPACE): FleetError {
  const isBlocked = isFrozen(control, namespace);
  return new FleetError('CONFLICT', what, {
    details: { namespace },
    ...(isBlocked
      ? { hint: `Another freeze still holds there. Undo it with: ${holdOf(control, namespace).undo}` }
      : {}),
  });
}
