import { FleetError } from '../../errors.ts';

/** The entry of an event that changes nothing: it is late, repeated, or about something that is over. */
export const IGNORED = 'ignored';
/** The entry of an event that the rules never let happen in a state; it breaks an invariant if it does. */
export const IMPOSSIBLE = 'impossible';

/**
 * A state machine: for each state and each event, the state that follows. The compiler refuses a table with a missing
 * entry, so that a new state or event is thought through everywhere. `To` are the states that an event leads to.
 */
export type Machine<State extends string, Event extends string, To extends State = State> = Readonly<
  Record<State, Readonly<Record<Event, To | typeof IGNORED | typeof IMPOSSIBLE>>>
>;

/**
 * Returns the state that an event leads to, or null where it is ignored.
 * @throws INTERNAL for an event that is impossible: the rules have a fault.
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

/** Returns the state after an event. @throws INTERNAL for one that is impossible. */
export function after<State extends string, Event extends string>(
  machine: Machine<State, Event>,
  state: State,
  event: Event,
): State {
  return next(machine, state, event) ?? state;
}
