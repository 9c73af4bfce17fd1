import type * as built from './open.ts';

/** The façade of the engine: what the editor's extension and other hosts build on. */
export { checkJoin, openCoordinator, type CoordinatorOptions, type RunningCoordinator } from './open.ts';
export type { Engine, EngineEvent, JoinFault } from './contract/engine.ts';
export { FleetError } from './errors.ts';

/** What the built file `coordinator.js` has, for hosts that load it from where it was installed. */
export type BuiltCoordinator = typeof built;
