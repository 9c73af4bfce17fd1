import { FleetError } from '../../errors.ts';

/** The entry of an event that changes nothing: it is late, repeated, or about something that has ended. */
export const IGNORED = 'ignored';
/** The entry of an event that the rules never allow in a state. If it happens, an invariant is broken. */
export const IMPOSSIBLE = 'impossible';

/**
 * A state machine: the next state for each state and event. The compiler rejects a table with a missing entry, so that
 * each new state or event is considered everywhere. `To` are the states that events lead to.
 */
export type Machine<State extends string, Event extends string, To extends State = State> = Readonly<
  Record<State, Readonly<Record<Event, To | typeof IGNORED | typeof IMPOSSIBLE>>>
>;

/**
 * Returns the state after an event, or null where the event is ignored.
 * @throws INTERNAL for an impossible event: the rules have a fault
 */
export function next<State extends string, Event extends string, To extends State>(
  machine: Machine<State, Event, To>,
  state: State,
  event: Event,
): To | null {
  const entry = machine[state][event];
  if (entry === IGNORED) return null;
  if (entry === IMPOSSIBLE) throw new FleetError('INTERNAL', `'${event}' can't happen in state '${state}'`);
  return entry as To;
}

/** Returns the state after an event. @throws INTERNAL for an impossible event */
export function after<State extends string, Event extends string>(
  machine: Machine<State, Event>,
  state: State,
  event: Event,
): State {
  return next(machine, state, event) ?? state;
}
