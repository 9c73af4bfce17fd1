/** The façade of the engine: what the editor's extension and other hosts build on. */
export { openCoordinator, type CoordinatorOptions, type RunningCoordinator } from './open.ts';
export type { Engine, EngineEvent } from './contract/engine.ts';
export { FleetError } from './errors.ts';
