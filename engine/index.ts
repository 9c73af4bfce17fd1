import type * as built from './open.ts';

/** The façade of the engine: what the editor's extension and other hosts build on. */
export { checkJoin, openCoordinator, type CoordinatorOptions, type RunningCoordinator } from './open.ts';
export type { EngineEvent, JoinFault } from './contract/engine.ts';
export type { Engine } from './operations/engine.ts';
export { FleetError } from './errors.ts';

/** The exports of the built file `coordinator.js`, for hosts that load it from its installation. */
export type BuiltCoordinator = typeof built;
